/** @live Words of four letters: a text each, behind which the connection ends. */
import { fromBytes } from "../../../core/index.ts";
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
} from "./facts.ts";
import type { Tally } from "./numbers.ts";

type Tell = (parts: FactsParts) => string;

const WORDS: ReadonlyMap<string, Tell> = new Map<string, Tell>([
  ["ruok", () => "imok"],
  ["isro", () => "rw"],
  ["srvr", (parts) => `${server(parts)}Mode: standalone\nNode count: ${serverOf(parts).nodes}\n`],
  ["stat", stat],
  ["mntr", mntr],
  ["envi", (parts) => `Environment:\n${pairs(environmentOf(parts))}`],
  ["conf", (parts) => pairs(configurationOf(parts))],
  ["cons", ({ numbers }) => `${[...numbers.connections].map((tally) => connection(tally, true)).join("")}\n`],
  ["dump", dump],
  ["wchs", wchs],
  ["wchc", (parts) => grouped(watches(parts).map(([session, path]) => [session, path]))],
  ["wchp", (parts) => grouped(watches(parts).map(([session, path]) => [path, session]))],
  // Of what only the original has: what it traces by default, and no digests of its tree.
  ["gtmk", () => String(TRACE_MASK)],
  ["hash", () => ""],
  ["dirs", (parts) => `datadir_size: ${serverOf(parts).bytes}\nlogdir_size: 0\n`],
]);

/** Those that change something: told by this machine itself alone. */
const RESETS: ReadonlyMap<string, Tell> = new Map<string, Tell>([
  [
    "srst",
    ({ numbers }) => {
      numbers.resetServer();
      return "Server stats reset.\n";
    },
  ],
  [
    "crst",
    ({ numbers }) => {
      numbers.resetConnections();
      return "Connection stats reset.\n";
    },
  ],
]);

const LOOPBACK = /^(?:127\.|::1$)/;

/** What shows paths, addresses or settings: where accounts need tokens, nobody is told without one. */
const TELLING = ["stat", "envi", "conf", "cons", "dump", "wchc", "wchp"];
const COMMANDS = [
  "stats",
  "environment",
  "configuration",
  "initial_configuration",
  "connections",
  "watches",
  "watches_by_path",
];
const CLOSED: ReadonlySet<string> = new Set([...TELLING, ...COMMANDS]);

/** Whether anybody may have it. */
export function isOpenTo({ desk }: FactsParts, name: string): boolean {
  return desk.access.open || !CLOSED.has(name);
}

/** How a word is answered; undefined for what is none. */
export function findWord(parts: FactsParts, word: string, address: string): (() => string) | undefined {
  const [tell, reset] = [WORDS.get(word), RESETS.get(word)];
  if (tell !== undefined && isOpenTo(parts, word)) return () => tell(parts);
  if (reset !== undefined && LOOPBACK.test(address)) return () => reset(parts);
  if (tell === undefined && reset === undefined) return undefined;
  return () => `${word} is not executed because it is not in the whitelist.\n`;
}

function pairs(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

function server(parts: FactsParts): string {
  const { version, latency, received, sent, connections, outstanding, zxid } = serverOf(parts);
  const times = `${Math.round(latency.min)}/${latency.average.toFixed(4)}/${Math.round(latency.max)}`;
  return (
    `Zookeeper version: ${version}\nLatency min/avg/max: ${times}\nReceived: ${received}\nSent: ${sent}\n` +
    `Connections: ${connections}\nOutstanding: ${outstanding}\nZxid: ${hex(zxid)}\n`
  );
}

function stat(parts: FactsParts): string {
  const [first = "", ...rest] = server(parts).split(/(?<=\n)/);
  const clients = [...parts.numbers.connections].map((tally) => connection(tally, false)).join("");
  return `${first}Clients:\n${clients}\n${rest.join("")}Mode: standalone\nNode count: ${serverOf(parts).nodes}\n`;
}

function connection({ address, port, counts, session, timeoutMs, beganMs, latency }: Tally, isLong: boolean): string {
  const queued = Math.max(0, counts.received - counts.sent);
  const short = `queued=${queued},recved=${counts.received},sent=${counts.sent}`;
  const times = `minlat=${Math.round(latency.least)},avglat=${Math.round(latency.average)},maxlat=${Math.round(latency.max)}`;
  const long = session === undefined ? "" : `,sid=${hex(session)},lop=NA,est=${beganMs},to=${timeoutMs},${times}`;
  const shown = address.includes(":") ? `[${address}]` : address;
  return ` /${shown}:${port}[${session === undefined ? 0 : 1}](${short}${isLong ? long : ""})\n`;
}

function mntr(parts: FactsParts): string {
  const server = serverOf(parts);
  const { version, latency } = server;
  const values: Readonly<Record<string, string | number>> = {
    version,
    server_state: "standalone",
    avg_latency: latency.average.toFixed(4),
    max_latency: Math.round(latency.max),
    min_latency: Math.round(latency.min),
    ...countsOf(server),
    uptime: Math.round(process.uptime() * 1000),
  };
  return Object.entries(values)
    .map(([name, value]) => `zk_${name}\t${value}\n`)
    .join("");
}

function dump({ desk }: FactsParts): string {
  const all = [...ephemeralsOf(desk)];
  const owners = all.filter(([, paths]) => paths.length > 0);
  const sessions = all.map(([session]) => `\t${hex(session)}\n`).join("");
  const nodes = owners.map(
    ([session, paths]) => `${hex(session)}:\n${paths.map((path) => `\t${fromBytes(path)}\n`).join("")}`,
  );
  return `SessionTracker dump:\nSessions (${all.length}):\n${sessions}ephemeral nodes dump:\nSessions with Ephemerals (${owners.length}):\n${nodes.join("")}`;
}

function watches({ desk }: FactsParts): readonly (readonly [session: string, path: string])[] {
  return Array.from(watchesOf(desk), ([watcher, path]) => [hex(watcher.session ?? "0"), fromBytes(path)] as const);
}

function wchs(parts: FactsParts): string {
  const all = watches(parts);
  const [sessions, paths] = [new Set(all.map(([session]) => session)), new Set(all.map(([, path]) => path))];
  return `${sessions.size} connections watching ${paths.size} paths\nTotal watches:${all.length}\n`;
}

function grouped(all: readonly (readonly [string, string])[]): string {
  const groups = new Map<string, Set<string>>();
  for (const [name, item] of all) groups.set(name, (groups.get(name) ?? new Set()).add(item));
  return [...groups].map(([name, items]) => `${name}\n${[...items].map((item) => `\t${item}\n`).join("")}`).join("");
}
