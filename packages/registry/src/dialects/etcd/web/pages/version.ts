/** @live Pages that tell of this server: its version, its health, its numbers. They need no token, as in the original. */
import { parseQuery } from "../../../../net/http/query.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import { type Desk, VERSION } from "../../desk.ts";
import { toJson } from "./texts.ts";

/** As the original says it of itself: clients choose by it what they may ask for. Exactly these two: a client that finds more falls over. */
export function showVersion(): Answer {
  return toJson(VERSION);
}

/** `exclude=NOSPACE` passes over a store that takes no writes, and `serializable=true` over the order with other nodes. */
export function showHealth({ status }: Desk, search: string): Answer {
  const query = parseQuery(search);
  const excluded = query.ok ? query.value.all("exclude") : [];
  const isLocal = query.ok && query.value.get("serializable") === "true";
  const refusing = excluded.includes("NOSPACE") ? null : status.refusing();
  const reason = status.ready() ? (refusing ?? (isLocal ? null : status.lagging())) : "not ready";
  return toJson({ health: String(reason === null), reason: reason ?? "" }, reason === null ? 200 : 503);
}

/** The registry's, and those by which clients and dashboards know an etcd. */
export async function showMetrics({ status }: Desk): Promise<Answer> {
  const own = [
    ["etcd_server_has_leader", "Whether writes are taken.", status.refusing() === null ? 1 : 0],
    ["etcd_server_is_leader", "Every node takes writes.", 1],
  ] as const;
  const lines = own.map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`);
  const versions = [
    `# HELP etcd_server_version The version of etcd that it speaks as.\n# TYPE etcd_server_version gauge\n`,
    `etcd_server_version{server_version="${VERSION.etcdserver}"} 1\n`,
  ];
  return {
    status: 200,
    head: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store" },
    body: `${await status.metricsText()}${lines.join("")}${versions.join("")}`,
  };
}
