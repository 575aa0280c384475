/** The start: what another server knows is taken over, so that clients find everything here from the first moment on. */
import type { Logger } from "pino";
import type { Operations, Origin } from "../desk.ts";
import { readApplications } from "../wire/bodies.ts";
import type { Application, InstanceInfo } from "../wire/messages.ts";
import { Unreached } from "./client.ts";
import type { Line } from "./line.ts";

const REGISTRY_BYTES_MAX = 512 * 1024 * 1024;
const INSTANCES_MAX = 500_000;
/** Registrations under way at once: they share the flushes of the disk. */
const TOGETHER = 256;

/** What asking the peers one after the other came to. */
export type Joined =
  /** `taken` were taken over, `refused` not. */
  | { readonly kind: "joined"; readonly peer: string; readonly taken: number; readonly refused: number }
  /** All have answered, and none has anything. */
  | { readonly kind: "empty" }
  /** Some could not be asked, and of the others none has anything. */
  | { readonly kind: "nobody" };

export interface JoinParts {
  readonly lines: readonly Line[];
  readonly operations: Operations;
  readonly origin: Origin;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Takes over the registry of the first peer that has one. */
export async function joinOnce({ lines, operations, origin, log, signal }: JoinParts): Promise<Joined> {
  let answered = 0;
  for (const line of lines) {
    if (signal.aborted) break;
    const applications = await fetchAll(line, log, signal);
    if (applications === undefined) continue;
    const infos = applications.flatMap(({ instances }) => instances).slice(0, INSTANCES_MAX);
    if (infos.length === 0) {
      answered++;
      continue;
    }
    const taken = await takeAll(infos, operations, origin, signal);
    return { kind: "joined", peer: line.status.url, taken, refused: infos.length - taken };
  }
  return { kind: answered === lines.length ? "empty" : "nobody" };
}

async function fetchAll(line: Line, log: Logger, signal: AbortSignal): Promise<readonly Application[] | undefined> {
  try {
    const ask = { method: "GET", path: "apps/", answerBytesMax: REGISTRY_BYTES_MAX, signal } as const;
    const { status, body } = await line.client.ask(ask);
    if (status === 503) return undefined;
    if (status !== 200) {
      line.heard("refused", `it answers ${status} to a fetch`);
      return undefined;
    }
    const read = readApplications("json", body);
    if (!read.ok) {
      line.heard("refused", `its registry cannot be read: ${read.detail}`);
      return undefined;
    }
    line.heard("reachable");
    if (read.value.skipped > 0) log.warn(`${read.value.skipped} instances of peer ${line.status.url} cannot be read`);
    return read.value.applications;
  } catch (error) {
    if (!(error instanceof Unreached)) throw error;
    if (!signal.aborted) line.heard("away", error.message);
    return undefined;
  }
}

/** Answers how many were taken. Which copy counts is decided as with any registration: by its lastDirtyTimestamp. */
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
