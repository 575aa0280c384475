/** @live The start: what another server knows is taken over, so that clients find everything here from the first moment on. */
import type { Logger } from "pino";
import { Unreached } from "../../../net/hosts/client.ts";
import type { Operations, Origin } from "../instances/operations.ts";
import { readApplications } from "../wire/bodies.ts";
import type { Application, InstanceInfo } from "../wire/messages.ts";
import type { Peer } from "./peer.ts";

const REGISTRY_BYTES_MAX = 512 * 1024 * 1024;
const INSTANCES_MAX = 500_000;
/** Registrations under way at once: they share the flushes of the disk. */
const TOGETHER = 256;

/** How asking the peers one after the other ended. */
export type Joined =
  /** `taken` were taken over, `refused` not. */
  | { readonly kind: "joined"; readonly peer: string; readonly taken: number; readonly refused: number }
  /** All have answered, and none has an instance. */
  | { readonly kind: "empty" }
  /** Some have not answered, and none of the others has an instance. */
  | { readonly kind: "nobody" };

export interface JoinParts {
  readonly peers: readonly Peer[];
  readonly operations: Operations;
  readonly origin: Origin;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Takes over the registry of the first peer that has one. */
export async function joinOnce({ peers, operations, origin, log, signal }: JoinParts): Promise<Joined> {
  let answered = 0;
  for (const peer of peers) {
    if (signal.aborted) break;
    const applications = await fetchAll(peer, log, signal);
    if (applications === undefined) continue;
    const infos = applications.flatMap(({ instances }) => instances).slice(0, INSTANCES_MAX);
    if (infos.length === 0) {
      answered++;
      continue;
    }
    const taken = await takeAll(infos, operations, origin, signal);
    return { kind: "joined", peer: peer.status.url, taken, refused: infos.length - taken };
  }
  return { kind: answered === peers.length ? "empty" : "nobody" };
}

async function fetchAll(peer: Peer, log: Logger, signal: AbortSignal): Promise<readonly Application[] | undefined> {
  try {
    const ask = { method: "GET", path: "apps/", answerBytesMax: REGISTRY_BYTES_MAX, signal } as const;
    const { status, body } = await peer.client.ask(ask);
    if (status === 503) return undefined;
    if (status !== 200) {
      peer.heard("refused", `it answers ${status} to a fetch`);
      return undefined;
    }
    const read = readApplications("json", body);
    if (!read.ok) {
      peer.heard("refused", `its registry cannot be read: ${read.detail}`);
      return undefined;
    }
    peer.heard("reachable");
    if (read.value.skipped > 0) log.warn(`${read.value.skipped} instances of peer ${peer.status.url} cannot be read`);
    return read.value.applications;
  } catch (error) {
    if (!(error instanceof Unreached)) throw error;
    if (!signal.aborted) peer.heard("away", error.message);
    return undefined;
  }
}

/** Answers how many it took over. Which copy counts is decided as with any registration: by its lastDirtyTimestamp. */
async function takeAll(
  infos: readonly InstanceInfo[],
  operations: Operations,
  origin: Origin,
  signal: AbortSignal,
): Promise<number> {
  let taken = 0;
  for (let from = 0; from < infos.length && !signal.aborted; from += TOGETHER) {
    const some = infos.slice(from, from + TOGETHER).map((info) => operations.register(info, info.app, origin));
    for (const { statusCode } of await Promise.all(some)) if (statusCode < 300) taken++;
  }
  return taken;
}
