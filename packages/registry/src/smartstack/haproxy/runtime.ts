/** What HAProxy's runtime socket says and is told (HAProxy's management guide, 9.3): as values. Pure. */
import type { Slot } from "./slots.ts";

/** A server as HAProxy has it now. */
export interface Live {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly isMaint: boolean;
  readonly isDrain: boolean;
}

/** By backend and server. */
export type LiveServers = ReadonlyMap<string, ReadonlyMap<string, Live>>;

export const ASK_SERVERS = "show servers state";
export const ASK_INFO = "show info";

/** Bits of `srv_admin_state`: set by somebody. */
const FORCED_MAINT = 1;
const FORCED_DRAIN = 8;

export function readServers(answer: string): LiveServers {
  const lines = answer.split("\n");
  const head =
    lines
      .find((line) => line.startsWith("# "))
      ?.slice(2)
      .split(" ") ?? [];
  const at = (cells: readonly string[], column: string): string => cells[head.indexOf(column)] ?? "";
  const found = new Map<string, Map<string, Live>>();
  for (const line of lines) {
    const cells = line.split(" ");
    if (line.startsWith("#") || cells.length < head.length || head.length === 0) continue;
    const admin = Number(at(cells, "srv_admin_state"));
    const backend = at(cells, "be_name");
    const servers = found.get(backend) ?? new Map<string, Live>();
    servers.set(at(cells, "srv_name"), {
      address: at(cells, "srv_addr"),
      port: Number(at(cells, "srv_port")),
      weight: Number(at(cells, "srv_uweight")),
      isMaint: (admin & FORCED_MAINT) !== 0,
      isDrain: (admin & FORCED_DRAIN) !== 0,
    });
    found.set(backend, servers);
  }
  return found;
}

/** Of the process that answers. */
export function readPid(answer: string): number | undefined {
  const pid = /^Pid: (\d+)$/m.exec(answer)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

export interface Told {
  readonly commands: readonly string[];
  /** HAProxy has no such backend or slot: it runs with another configuration. */
  readonly isMissing: boolean;
}

/** What is to be said so that a backend's servers are as its slots. */
export function commandsFor(backend: string, slots: readonly Slot[], live: LiveServers): Told {
  const servers = live.get(backend);
  const commands: string[] = [];
  let isMissing = servers === undefined;
  for (const slot of slots) {
    const server = servers?.get(slot.name);
    if (server === undefined) isMissing = true;
    else commands.push(...stepsFor(`${backend}/${slot.name}`, slot, server));
  }
  return { commands, isMissing };
}

function stepsFor(name: string, slot: Slot, live: Live): readonly string[] {
  const { address, port, weight, state } = slot;
  if (state === "maint") return live.isMaint ? [] : [`set server ${name} state maint`];
  const isElsewhere = live.address !== address || live.port !== port;
  const isState = state === "drain" ? live.isDrain && !live.isMaint : !live.isDrain && !live.isMaint;
  return [
    ...(isElsewhere ? [`set server ${name} addr ${address} port ${port}`] : []),
    ...(live.weight === weight ? [] : [`set server ${name} weight ${weight}`]),
    ...(isState ? [] : [`set server ${name} state ${state}`]),
  ];
}

/** Said of what was done as it was wished. */
const DONE = /^(?:$|IP changed|port changed|no need to change|nothing changed)/i;

/** The first line that says that something was not done; undefined when all was. */
export function refusedBy(answer: string): string | undefined {
  return answer.split("\n").find((line) => !DONE.test(line.trim()));
}
