/**
 * Conversations with a server, told so that two servers can be compared: revisions become the steps that made them, ids and
 * what a server says of itself alone are left out.
 */
import type { Caller, Stream } from "./caller.ts";
import type { Plain } from "./proto.ts";

export interface Step {
  /** `KV/Range` and the like; of a message on an open stream, what opens it. */
  readonly call: string;
  /** Numbers may be `@name`, `@name+1`, `@name-1`: the revision that the step of that name made, or the id that it got. */
  readonly ask: Plain;
  /** For later steps. */
  readonly as?: string;
  /** The stream that it is said on. */
  readonly on?: string;
  /** So many answers and events are waited for. */
  readonly hears?: number;
  /** Only what is there is compared, not its values. */
  readonly isShape?: boolean;
  /** Why both do not answer alike. */
  readonly differs?: string;
}

export interface Talk {
  readonly name: string;
  readonly steps: readonly Step[];
}

type More = Pick<Step, "as" | "isShape" | "differs">;

export function ask(call: string, message: Plain = {}, more: More = {}): Step {
  return { call, ask: message, ...more };
}

export const put = (key: string, value: string, message: Plain = {}, more: More = {}): Step =>
  ask("KV/Put", { key, value, ...message }, more);
export const range = (key: string, message: Plain = {}, more: More = {}): Step =>
  ask("KV/Range", { key, ...message }, more);
export const remove = (key: string, message: Plain = {}, more: More = {}): Step =>
  ask("KV/DeleteRange", { key, ...message }, more);
export const txn = (
  compare: readonly Plain[],
  success: readonly Plain[],
  failure: readonly Plain[] = [],
  more: More = {},
) => ask("KV/Txn", { compare, success, failure }, more);

/** Says something on an open stream, the first time opens it, and waits for so many answers and events. */
export function say(call: string, on: string, message: Plain, hears: number, more: More = {}): Step {
  return { call, on, ask: message, hears, ...more };
}

/** Waits for more of what comes by itself. */
export function hear(call: string, on: string, hears: number, more: More = {}): Step {
  return { call, on, ask: {}, hears, ...more };
}

export function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

export interface Told {
  readonly name: string;
  readonly step: Step;
  readonly told: unknown;
}

/** Asks all of it. */
export async function converse(caller: Caller, talks: readonly Talk[]): Promise<readonly Told[]> {
  const all: Told[] = [];
  for (const { name, steps } of talks) {
    const side = new Side(caller);
    for (const [nth, step] of steps.entries())
      all.push({
        name: `${name} ${nth}: ${step.call} ${JSON.stringify(step.ask)}`,
        step,
        told: await side.say(step, nth),
      });
    side.close();
  }
  return all;
}

const WRITES = /^(KV\/(Put|DeleteRange|Txn)|Lease\/LeaseRevoke|Lock\/|Election\/(Campaign|Proclaim|Resign))/;
const REVISIONS = /^(create_revision|mod_revision|compact_revision|hash_revision|rev)$/;

class Side {
  readonly #caller: Caller;
  /** By the step that made it first. */
  readonly #revisions = new Map<number, string>();
  readonly #named = new Map<string, number | string>();
  readonly #ids = new Map<string, string>();
  readonly #streams = new Map<string, { readonly stream: Stream; told: number }>();
  #last = 0;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async say(step: Step, nth: number): Promise<unknown> {
    const message = this.#fill(step.ask) as Plain;
    if (step.on !== undefined) return this.#sayOn(step, step.on, message);
    const told = await this.#caller.ask(step.call, message);
    const revision: number | undefined = told.header?.revision;
    if (revision !== undefined && WRITES.test(step.call) && !this.#revisions.has(revision))
      this.#revisions.set(revision, `#${nth}`);
    if (step.as !== undefined) {
      const id: number | string | undefined = /Grant$/.test(step.call) ? told.ID : undefined;
      if (id !== undefined) this.#ids.set(String(id), `@${step.as}`);
      this.#named.set(step.as, id ?? revision ?? 0);
    }
    const shown = step.isShape ? shapeOf(told) : this.#mask(told, told.header?.revision ?? 0);
    this.#last = Math.max(this.#last, revision ?? 0);
    return shown;
  }

  async #sayOn({ call, hears = 0 }: Step, on: string, message: Plain): Promise<unknown> {
    const open = this.#streams.get(on) ?? { stream: this.#caller.open(call), told: 0 };
    this.#streams.set(on, open);
    if (Object.keys(message).length > 0) open.stream.send(message);
    const items = (): readonly Plain[] => open.stream.received.slice(open.told).flatMap(itemsOf);
    // More may come in one message than is waited for.
    for (let count = open.told; items().length < hears; count = open.stream.received.length)
      if ((await open.stream.heard(count + 1)).length === count) return open.stream.ended;
    const told = items();
    open.told = open.stream.received.length;
    // Watches of one stream are told in any order.
    const shown: Record<string, unknown[]> = {};
    for (const item of told) {
      const about = this.#ids.get(String(item.ID)) ?? String(item.watch_id ?? item.ID ?? 0);
      shown[about] = [...(shown[about] ?? []), this.#mask(item, 0)];
    }
    return shown;
  }

  close(): void {
    for (const { stream } of this.#streams.values()) stream.close();
  }

  #fill(value: unknown): unknown {
    if (typeof value === "string") {
      const [, name, more = "0"] = /^@(\w+)([-+]\d+)?$/.exec(value) ?? [];
      const named = this.#named.get(name ?? "") ?? 0;
      if (name === undefined) return value;
      return typeof named === "string" ? named : named + Number(more);
    }
    if (Array.isArray(value)) return value.map((one) => this.#fill(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#fill(one)]));
  }

  #mask(value: unknown, outer: number, name = ""): unknown {
    if (Array.isArray(value) && name !== "keys") return value.map((one) => this.#mask(one, outer, name));
    if (name === "header") return this.#maskHeader(value as Plain, outer);
    if (REVISIONS.test(name)) return this.#step(Number(value));
    if (name === "ID" || name === "lease") return this.#ids.get(String(value)) ?? value;
    // Those of a lease come in any order.
    if (name === "keys") return [...(value as readonly string[])].sort();
    // Whole seconds that are left.
    if (name === "TTL" && Number(value) > 0) return `up to ${10 * Math.ceil(Number(value) / 10)}`;
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#mask(one, outer, key)]));
  }

  /** Which ids it has, and whether the revision is one that may be there now; in a transaction, how far it is from its own. */
  #maskHeader(header: Plain, outer: number): string {
    const ids = Object.keys(header).filter((one) => one !== "revision");
    const { revision } = header;
    if (revision === undefined) return `${ids.join()} without a revision`;
    if (ids.length === 0) return `${revision - outer}`;
    return `${ids.join()} ${revision >= this.#last ? "now" : "before"}`;
  }

  #step(revision: number): string {
    const known = this.#revisions.get(revision);
    if (known !== undefined) return known;
    const before = [...this.#revisions].filter(([one]) => one < revision).sort(([one], [other]) => other - one);
    return before[0] === undefined ? "before all" : `after ${before[0][1]}`;
  }
}

/** A message of a stream as what it tells: each event for itself. */
function itemsOf(message: Plain): readonly Plain[] {
  const { events, header, ...rest } = message;
  if (events === undefined) return [message];
  return events.map((event: Plain) => ({ ...rest, event }));
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
}
