/**
 * A backend of HAProxy has more `server` lines than it needs: slots. A server that comes takes a free one by the runtime
 * socket, one that goes leaves its slot in maintenance, so that nothing is reloaded. Pure.
 */
import { createHash } from "node:crypto";
import type { Backend } from "../config.ts";

export interface Slot {
  readonly name: string;
  /** Who has it, or had it last; empty for nobody yet. */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** 0–256, as HAProxy has it. */
  readonly weight: number;
  /** Words of the `server` line that only a reload changes. */
  readonly options: string;
  readonly state: "ready" | "drain" | "maint";
}

/** A server that a slot is wanted for, its words and weight as HAProxy takes them. */
export interface Server extends Pick<Slot, "id" | "address" | "port" | "weight" | "options"> {
  readonly state: "ready" | "drain";
}

export interface Placed {
  readonly slots: readonly Slot[];
  /** Those that no slot was free for, or none with their words. */
  readonly left: readonly Server[];
}

const WEIGHT_MAX = 256;
const SLOTS_MIN = 4;
/** How many slots there are for each server, when they are laid out. */
const SPARE = 1.5;
/** Where nobody is. */
const NOWHERE = { address: "127.0.0.1", port: 1 } as const;

/** Servers in the order of this machine; `serverOptions` is for all of them. */
export function toServers(backends: readonly Backend[], serverOptions: string, seed: string): readonly Server[] {
  const weights = scale(backends.map(({ weight }) => weight));
  const servers = backends.map((backend, at): Server => {
    const { address, port, isDraining } = backend;
    // As it can stand in the file, which remembers it.
    const id = plain(backend.id);
    const options = [serverOptions, plain(backend.options)]
      .map((words) => expand(words, backend))
      .filter((words) => words !== "")
      .join(" ");
    return { id, address, port, options, weight: weights[at] as number, state: isDraining ? "drain" : "ready" };
  });
  const placeOf = new Map(servers.map(({ id }) => [id, createHash("sha1").update(`${seed}\0${id}`).digest("hex")]));
  return servers.sort((one, other) => ((placeOf.get(one.id) as string) < (placeOf.get(other.id) as string) ? -1 : 1));
}

/** Of several the relation stays; none that has some weight loses all. */
function scale(weights: readonly number[]): readonly number[] {
  const most = weights.reduce((max, weight) => Math.max(max, weight), 0);
  if (most === 0) return weights.map(() => 1);
  if (most <= WEIGHT_MAX) return weights;
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.round((weight * WEIGHT_MAX) / most))));
}

function expand(options: string, { id, address, port }: Backend): string {
  const values: Readonly<Record<string, string>> = {
    host: address,
    port: String(port),
    name: plain(id).replaceAll(" ", "_"),
  };
  return options.replace(/%\{(host|port|name)\}/g, (_, name: string) => values[name] ?? "");
}

/** What instances say becomes part of a line: it must not begin another one, a comment or a quote. */
export function plain(words: string): string {
  return words
    .replace(/[^\x20-\x7e]|["'#\\]/g, "")
    .replace(/ +/g, " ")
    .trim();
}

/** Puts the servers into the slots that there are: each stays where it is. */
export function place(slots: readonly Slot[], servers: readonly Server[]): Placed {
  const next = new Map<string, Slot>(
    slots.map((slot) => [slot.name, slot.state === "maint" ? slot : { ...slot, state: "maint" }]),
  );
  const taken = new Set<string>();
  const rest: Server[] = [];
  const take = (slot: Slot | undefined, server: Server): boolean => {
    if (slot === undefined) return false;
    taken.add(slot.name);
    next.set(slot.name, isHolder(slot, server) ? slot : { ...server, name: slot.name });
    return true;
  };
  for (const server of servers) {
    const own = slots.find(
      ({ id, options, name }) => id === server.id && options === server.options && !taken.has(name),
    );
    if (!take(own, server)) rest.push(server);
  }
  const free = slots.filter(({ name }) => !taken.has(name));
  // Those that nobody had, then those that nobody has: old ones may come back.
  const inOrder = [...free.filter(({ id }) => id === ""), ...free.filter(({ id }) => id !== "")];
  const left = rest.filter(
    (server) =>
      !take(
        inOrder.find(({ name, options }) => !taken.has(name) && options === server.options),
        server,
      ),
  );
  return { slots: [...next.values()], left };
}

function isHolder(slot: Slot, { id, address, port, weight, options, state }: Server): boolean {
  return (
    slot.id === id &&
    slot.address === address &&
    slot.port === port &&
    slot.weight === weight &&
    slot.options === options &&
    slot.state === state
  );
}

/** Lays out slots anew, with room to grow: what a reload brings. `options` are the words of the free ones. */
export function layOut(slots: readonly Slot[], servers: readonly Server[], options: string): readonly Slot[] {
  const { slots: placed, left } = place(slots, servers);
  const count = Math.max(SLOTS_MIN, Math.ceil(servers.length * SPARE), placed.length);
  const waiting = [...left];
  return Array.from({ length: count }, (_, at): Slot => {
    const slot = placed[at];
    if (slot !== undefined && slot.state !== "maint") return slot;
    const name = slot?.name ?? `s${at + 1}`;
    const server = waiting.shift();
    if (server !== undefined) return { ...server, name };
    return slot?.options === options ? slot : emptySlot(name, options);
  });
}

function emptySlot(name: string, options: string): Slot {
  return { name, id: "", ...NOWHERE, weight: 1, options, state: "maint" };
}
