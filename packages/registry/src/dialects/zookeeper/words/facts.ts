/** @live What the words of four letters and the commands of the admin server tell, as values. */
import { hostname } from "node:os";
import type { Bytes, LeaseId } from "../../../core/index.ts";
import type { Desk } from "../desk.ts";
import { VIA } from "../sessions/realm.ts";
import { KINDS, type Kind, type Watcher } from "../watches/board.ts";
import type { Numbers } from "./numbers.ts";

/** The version whose protocol is spoken; what stands behind it is shown as well. */
export const SPOKEN = "3.9.3";

/** What the original says of how it logs, unless told otherwise. */
export const TRACE_MASK = 306;

export interface FactsParts {
  readonly desk: Desk;
  readonly numbers: Numbers;
  readonly version: string;
  readonly port: () => number;
  readonly directory: string;
}

export interface Server {
  readonly version: string;
  readonly latency: { readonly min: number; readonly average: number; readonly max: number };
  readonly received: number;
  readonly sent: number;
  readonly connections: number;
  readonly outstanding: number;
  readonly zxid: number;
  readonly nodes: number;
  readonly ephemerals: number;
  readonly sessions: number;
  readonly watches: number;
  /** About what the nodes take, in bytes. */
  readonly bytes: number;
}

/** Sessions that are listed in one answer, and paths. */
const LISTED_MAX = 100_000;

export function serverOf({ desk, numbers, version }: FactsParts): Server {
  const { registry, settings, realms } = desk;
  const { counts, latency, connections, outstanding } = numbers;
  let watches = 0;
  for (const { board } of realms) watches += board.size;
  return registry.read((view) => {
    const account = view.account(settings.account);
    return {
      version: `${SPOKEN}-rollcall-${version}`,
      latency: { min: latency.least, average: latency.average, max: latency.max },
      ...counts,
      connections: connections.size,
      outstanding,
      zxid: view.revision,
      nodes: realms.of(settings.account).tree.size,
      ephemerals: [...ephemeralsOf(desk).values()].reduce((sum, paths) => sum + paths.length, 0),
      sessions: account?.counts.leases ?? 0,
      watches,
      bytes: account?.counts.bytes ?? 0,
    };
  });
}

/** What a monitor is told of a server, by the original's names. */
export function countsOf(server: Server): Readonly<Record<string, number>> {
  return {
    packets_received: server.received,
    packets_sent: server.sent,
    num_alive_connections: server.connections,
    outstanding_requests: server.outstanding,
    znode_count: server.nodes,
    watch_count: server.watches,
    ephemerals_count: server.ephemerals,
    approximate_data_size: server.bytes,
    global_sessions: server.sessions,
  };
}

/** A session or zxid as the original shows it. */
export function hex(number: LeaseId | number): string {
  return `0x${BigInt.asUintN(64, BigInt(number)).toString(16)}`;
}

/** By session: the nodes that go with it. */
export function ephemeralsOf({ registry, settings }: Desk): ReadonlyMap<LeaseId, readonly Bytes[]> {
  return registry.read((view) => {
    const found = new Map<LeaseId, readonly Bytes[]>();
    let listed = 0;
    for (const { id, via } of view.account(settings.account)?.leases() ?? []) {
      if (via !== VIA || listed > LISTED_MAX) continue;
      const { keys } = view.members(settings.account, id);
      listed += 1 + keys.length;
      found.set(id, keys.map(({ key }) => key).sort());
    }
    return found;
  });
}

/** Every watch: who, where, and which. */
export function* watchesOf({
  realms,
}: Desk): Iterable<readonly [Watcher & { readonly session?: LeaseId }, Bytes, Kind]> {
  let listed = 0;
  for (const { board } of realms)
    for (const kind of KINDS)
      for (const [path, watchers] of board[kind])
        for (const watcher of watchers) {
          if (listed++ > LISTED_MAX) return;
          yield [watcher, path, kind];
        }
}

/** What the original tells of itself and its machine. */
export function environmentOf({ version, directory }: FactsParts): Readonly<Record<string, string>> {
  return {
    "zookeeper.version": `${SPOKEN}-rollcall-${version}`,
    "host.name": hostname(),
    "node.version": process.version,
    "os.name": process.platform,
    "os.arch": process.arch,
    "user.dir": directory,
  };
}

export function configurationOf({ desk, port, directory }: FactsParts): Readonly<Record<string, string | number>> {
  const { settings } = desk;
  return {
    clientPort: port(),
    dataDir: directory,
    dataLogDir: directory,
    tickTime: settings.tickMs,
    maxClientCnxns: settings.connectionsPerAddressMax,
    minSessionTimeout: settings.sessionMsMin,
    maxSessionTimeout: settings.sessionMsMax,
    serverId: 0,
  };
}
