/** @live The commands of the original's admin server: `GET /commands/<name>`, as JSON. */
import { fromBytes } from "../../../core/index.ts";
import type { Handler } from "../../../net/http/handler.ts";
import { type Answer, answering, give, respond, toOptions } from "../../../net/routes/answer.ts";
import {
  configurationOf,
  countsOf,
  environmentOf,
  ephemeralsOf,
  type FactsParts,
  hex,
  serverOf,
  TRACE_MASK,
  watchesOf,
} from "../words/facts.ts";
import { isOpenTo } from "../words/words.ts";

type Tell = (parts: FactsParts) => Readonly<Record<string, unknown>>;

const COMMANDS: ReadonlyMap<string, Tell> = new Map<string, Tell>([
  ["configuration", named(configurationOf)],
  ["connections", ({ numbers }) => ({ connections: [...numbers.connections].map(connectionOf) })],
  ["dirs", (parts) => ({ datadir_size: serverOf(parts).bytes, logdir_size: 0 })],
  ["dump", dump],
  ["environment", environmentOf],
  ["get_trace_mask", () => ({ tracemask: TRACE_MASK })],
  ["hash", () => ({ digests: [] })],
  ["initial_configuration", (parts) => ({ initial_configuration: linesOf(configurationOf(parts)) })],
  ["is_read_only", () => ({ read_only: false })],
  ["leader", () => ({ is_leader: true, leader_id: 0, leader_ip: "" })],
  // Every commit is on the disk: what a start reads is as new as the latest.
  [
    "last_snapshot",
    (parts) => ({ zxid: hex(serverOf(parts).zxid).slice(2), timestamp: Math.floor(Date.now() / 1000) }),
  ],
  ["monitor", monitor],
  ["observers", () => ({ synced_observers: 0, observers: [] })],
  ["ruok", () => ({})],
  ["server_stats", stats],
  ["stats", stats],
  ["voting_view", () => ({ current_config: {} })],
  ["watch_summary", summary],
  ["watches", ({ desk }) => ({ session_id_to_watched_paths: group(desk, ([session, path]) => [session, path]) })],
  ["watches_by_path", ({ desk }) => ({ path_to_session_ids: group(desk, ([session, path]) => [path, session]) })],
  ["zabstate", () => ({ voting: false, zabstate: "" })],
]);

/** By their words of four letters. */
const WORDS: Readonly<Record<string, string>> = {
  conf: "configuration",
  cons: "connections",
  envi: "environment",
  gtmk: "get_trace_mask",
  icfg: "initial_configuration",
  isro: "is_read_only",
  lead: "leader",
  lsnp: "last_snapshot",
  mntr: "monitor",
  obsr: "observers",
  srvr: "server_stats",
  stat: "stats",
  wchc: "watches",
  wchp: "watches_by_path",
  wchs: "watch_summary",
};

export function answerCommand(parts: FactsParts, method: string, path: string): Handler {
  if (method === "OPTIONS") return answering(toOptions("GET, HEAD, OPTIONS"));
  if (method !== "GET") return answering({ status: 405, head: { Allow: "GET, HEAD, OPTIONS" } });
  if (path === "/commands" || path === "/commands/") return answering(json(200, [...COMMANDS.keys()]));
  const asked = path.startsWith("/commands/") ? path.slice("/commands/".length) : "";
  const name = WORDS[asked] ?? asked;
  const tell = COMMANDS.get(name);
  if (tell === undefined || !isOpenTo(parts, name))
    return answering(json(404, { command: asked.slice(0, 80), error: "unknown command" }));
  return {
    streams: false,
    serve: (_request, reply) =>
      respond(
        reply,
        () => json(200, { ...tell(parts), command: name, error: null }),
        (answer) => give(reply, answer),
        () => json(500, { command: name, error: "failed" }),
      ),
  };
}

function json(status: number, value: unknown): Answer {
  return { status, head: { "Content-Type": "application/json" }, body: `${JSON.stringify(value, undefined, 2)}\n` };
}

function linesOf(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** Names of properties with an underscore for each dot. */
function named(tell: Tell): Tell {
  return (parts) => Object.fromEntries(Object.entries(tell(parts)).map(([name, value]) => [snake(name), value]));
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Connections = FactsParts["numbers"]["connections"];

function connectionOf({
  address,
  port,
  session,
  timeoutMs,
  counts,
  beganMs,
}: Connections extends Set<infer T> ? T : never) {
  return {
    remote_socket_address: `${address}:${port}`,
    session_id: session === undefined ? "0x0" : hex(session),
    session_timeout: timeoutMs,
    established: new Date(beganMs).toISOString(),
    packets_received: counts.received,
    packets_sent: counts.sent,
    outstanding_requests: Math.max(0, counts.received - counts.sent),
  };
}

function monitor(parts: FactsParts) {
  const server = serverOf(parts);
  const { version, latency } = server;
  return {
    version,
    server_state: "standalone",
    min_latency: latency.min,
    avg_latency: latency.average,
    max_latency: latency.max,
    ...countsOf(server),
  };
}

function stats(parts: FactsParts) {
  const { version, latency, received, sent, zxid, nodes, connections, outstanding } = serverOf(parts);
  return {
    version,
    read_only: false,
    server_stats: {
      packets_received: received,
      packets_sent: sent,
      min_latency: latency.min,
      avg_latency: latency.average,
      max_latency: latency.max,
      num_alive_client_connections: connections,
      outstanding_requests: outstanding,
      last_processed_zxid: zxid,
      server_state: "standalone",
    },
    node_count: nodes,
  };
}

function dump({ desk }: FactsParts) {
  const all = [...ephemeralsOf(desk)];
  const owners = all.filter(([, paths]) => paths.length > 0);
  return {
    session_id_to_ephemeral_paths: Object.fromEntries(
      owners.map(([session, paths]) => [hex(session), paths.map(fromBytes)]),
    ),
  };
}

function summary({ desk }: FactsParts) {
  const all = [...watchesOf(desk)];
  return {
    num_connections: new Set(all.map(([watcher]) => watcher)).size,
    num_paths: new Set(all.map(([, path]) => path)).size,
    num_total_watches: all.length,
  };
}

function group(desk: FactsParts["desk"], order: (pair: readonly [string, string]) => readonly [string, string]) {
  const groups = new Map<string, string[]>();
  for (const [{ session = "0" }, path] of watchesOf(desk)) {
    const [name, item] = order([hex(session), fromBytes(path)]);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return Object.fromEntries(groups);
}
