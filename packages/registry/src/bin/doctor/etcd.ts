/** Whether the etcd that is to hold the registry, or does, will do: asked member by member. Changes nothing. */
import type { StoreMember } from "../../core/index.ts";
import { isLoopback } from "../../net/hosts/loopback.ts";
import { surveyMembers } from "../../replicators/etcd/about/survey.ts";
import { sayFailure } from "../../replicators/etcd/client/channel.ts";
import { Client } from "../../replicators/etcd/client/client.ts";
import { Keys } from "../../replicators/etcd/keys.ts";
import { judgeHead, readHead } from "../../replicators/etcd/load.ts";
import { readKnown } from "../../replicators/etcd/memory.ts";
import { type EtcdConfig, toClientOptions } from "../config/etcd.ts";
import { openFetch } from "../terminal/fetch.ts";
import { toBytesText, toSpan } from "../terminal/output.ts";
import { type Finding, finding } from "./finding.ts";

const NAME = "etcd";
const VERSION_MIN = [3, 4] as const;
/** What etcd grows to unless it is told otherwise. */
const QUOTA_DEFAULT = 2 * 1024 ** 3;
const NEARLY_FULL = 0.8;
/** A database of which so much is unused, and the file large, is worth a defragmentation. */
const SPARSE_SHARE = 0.5;
const SPARSE_BYTES = 256 * 1024 ** 2;
const CLOCK_MS = 1000;
const UNCOMPACTED_MAX = 1_000_000;
/** No key is of this revision. */
const NEVER = 2 ** 52;

export async function examineEtcd(config: EtcdConfig, data: string, nowMs: number): Promise<Finding[]> {
  let client: Client;
  try {
    client = new Client(toClientOptions(config));
  } catch (error) {
    return [finding(NAME, "bad", (error as Error).message)];
  }
  try {
    const members = await surveyMembers(client);
    const reached = members.filter(({ error }) => error === null);
    const findings = [...members.map((one) => describeMember(one, reached.length * 2 > members.length))];
    if (reached.length === 0) return findings;
    return [
      ...findings,
      ...describeAccess(config),
      ...describeSpace(reached, config),
      ...(await examineRegistry(client, config, data, nowMs)),
      ...(await examineClocks(reached, config)),
    ];
  } finally {
    client.close();
  }
}

function describeMember({ address, name, version, isLeader, alarms, error }: StoreMember, isMost: boolean): Finding {
  const who = name === "" ? address : `${address} (${name})`;
  if (version === null) return finding(NAME, isMost ? "warn" : "bad", `${who}: ${error}`);
  if (alarms.length > 0) return finding(NAME, "bad", `${who}: ${alarms.join(", ")}`);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]))
    return finding(NAME, "bad", `${who}: version ${version} is older than ${VERSION_MIN.join(".")}`);
  return finding(NAME, "good", `${who}: version ${version}${isLeader ? ", the leader" : ""}`);
}

function describeAccess({ endpoints, user, certFile }: EtcdConfig): Finding[] {
  const far = endpoints.filter((url) => !isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, "")));
  const isPlain = far.some((url) => url.startsWith("http:"));
  if (isPlain) return [finding(`${NAME} access`, "warn", "without TLS: whoever is on the way reads and changes all")];
  if (user !== undefined || certFile !== undefined)
    return [finding(`${NAME} access`, "good", user === undefined ? "by certificate" : `as ${user.name}`)];
  const verdict = far.length > 0 ? "warn" : "note";
  return [finding(`${NAME} access`, verdict, "without a user: whoever reaches etcd may change the registry")];
}

function describeSpace(members: readonly StoreMember[], { historyBytesMax }: EtcdConfig): Finding[] {
  const largest = members.reduce((one, other) => (other.bytes > one.bytes ? other : one));
  const { bytes, usedBytes, quotaBytes } = largest;
  const quota = quotaBytes ?? QUOTA_DEFAULT;
  const most = quotaBytes === null ? `${toBytesText(quota)} unless its quota is another` : toBytesText(quota);
  const detail = `${toBytesText(bytes)} of ${most}`;
  const findings = [
    bytes > NEARLY_FULL * quota
      ? finding(`${NAME} room`, quotaBytes === null ? "warn" : "bad", `${detail}: defragment it, or raise its quota`)
      : finding(`${NAME} room`, "good", detail),
  ];
  if (bytes > SPARSE_BYTES && usedBytes < SPARSE_SHARE * bytes)
    findings.push(finding(`${NAME} room`, "note", `${toBytesText(usedBytes)} of it in use: defragment it`));
  // Each group is there once, and what it overwrote until etcd is compacted.
  if (2 * historyBytesMax > quota)
    findings.push(
      finding(`${NAME} room`, "warn", `etcd.historyBytesMax is ${toBytesText(historyBytesMax)}: too much for ${most}`),
    );
  return findings;
}

/** Whether it can be read and written, what is there, and whether its past is forgotten now and then. */
async function examineRegistry(
  client: Client,
  { prefix }: EtcdConfig,
  data: string,
  nowMs: number,
): Promise<Finding[]> {
  const keys = new Keys(prefix);
  const name = `${NAME} registry`;
  try {
    const head = await readHead(client, keys);
    // It is looked at whether that may be written; the guard never holds.
    await client.transact({
      guards: [{ key: keys.probe, modRevision: NEVER }],
      then: [{ kind: "put", key: keys.probe, value: Buffer.from("1") }],
    });
    const known = readKnown(data);
    const refused = known === null ? undefined : judgeHead(head, known.line, known.revision);
    if (refused !== undefined) return [finding(name, "bad", refused.message)];
    if (!head.ok) return [finding(name, "good", `${head.detail} below ${prefix} yet`)];
    const { top, revision } = head.value;
    const findings = [finding(name, "good", `up to revision ${top.revision} below ${prefix}`)];
    if (top.orderMs > nowMs + CLOCK_MS)
      findings.push(finding("clock", "warn", `${toSpan(top.orderMs - nowMs)} behind the registry's latest time`));
    return [...findings, ...(await examineCompaction(client, keys, revision))];
  } catch (error) {
    return [finding(name, "bad", sayFailure(error))];
  }
}

async function examineCompaction(client: Client, keys: Keys, revision: number): Promise<Finding[]> {
  const name = `${NAME} past`;
  try {
    await client.peek({ key: keys.top, revision: 1 });
  } catch (error) {
    if (/compacted/.test(sayFailure(error))) return [finding(name, "good", "etcd is compacted now and then")];
    throw error;
  }
  if (revision < UNCOMPACTED_MAX) return [finding(name, "good", `${revision} revisions, none compacted yet`)];
  return [finding(name, "warn", `${revision} revisions and none was ever compacted: a node does that once it runs`)];
}

/** By the time that each says over HTTP, to the second. */
async function examineClocks(members: readonly StoreMember[], config: EtcdConfig): Promise<Finding[]> {
  const ask = openFetch({ ca: config.caFile, clientCert: config.certFile, clientKey: config.keyFile });
  const differences = members.map(async ({ address: url }): Promise<readonly [string, number] | undefined> => {
    try {
      const beganMs = Date.now();
      const response = await ask(`${url}/version`, { signal: AbortSignal.timeout(2000), headers: {} });
      await response.body?.cancel();
      const theirsMs = Date.parse(response.headers.get("date") ?? "");
      return Number.isNaN(theirsMs) ? undefined : [url, theirsMs + 500 - (beganMs + Date.now()) / 2];
    } catch {
      return undefined;
    }
  });
  const told = (await Promise.all(differences)).filter((one) => one !== undefined);
  const off = told.filter(([, differenceMs]) => Math.abs(differenceMs) > CLOCK_MS + 500);
  if (off.length === 0)
    return told.length === 0 ? [] : [finding(`${NAME} clocks`, "good", "agree with this one to a second")];
  return off.map(([url, ms]) =>
    finding(
      `${NAME} clocks`,
      "warn",
      `${url} is ${toSpan(Math.abs(ms))} ${ms > 0 ? "ahead of" : "behind"} this machine`,
    ),
  );
}
