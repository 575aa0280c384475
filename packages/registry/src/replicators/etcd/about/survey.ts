/** @live What the members of etcd say of themselves, each asked for itself. */
import type { StoreMember } from "../../../core/index.ts";
import { sayFailure } from "../client/channel.ts";
import type { Client } from "../client/client.ts";

const SILENT = { version: null, isLeader: false, bytes: 0, usedBytes: 0, quotaBytes: null, alarms: [] };

/** The configured members, and those that the cluster has beside them. Never rejects. */
export async function surveyMembers(client: Client): Promise<readonly StoreMember[]> {
  const [told, entries] = await Promise.all([client.statuses(), client.members().catch(() => [])]);
  const names = new Map(entries.map(({ id, name }) => [id, name]));
  const byUrl = new Map(entries.flatMap(({ clientUrls, name }) => clientUrls.map((url) => [url, name] as const)));
  return told.map((one): StoreMember => {
    const { url } = one;
    if ("error" in one)
      return {
        ...SILENT,
        address: url,
        name: byUrl.get(url) ?? "",
        error: sayFailure(one.error).replace(`${url}: `, ""),
      };
    const { id, leader, version, dbBytes, dbUsedBytes, quotaBytes, errors } = one.status;
    return {
      address: url,
      name: names.get(id) ?? "",
      version,
      isLeader: id === leader,
      bytes: dbBytes,
      usedBytes: dbUsedBytes,
      quotaBytes: quotaBytes === 0 ? null : quotaBytes,
      alarms: [...new Set(errors.map((error) => /alarm:(\w+)/.exec(error)?.[1] ?? error))],
      error: null,
    };
  });
}
