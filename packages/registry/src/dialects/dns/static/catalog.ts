/**
 * @live Makes the catalog hold the instances of a zone file, and no instances that the file had before. `fileOf` tells
 * whose an instance is. A reserved key for each file remembers the services that have its instances, so that they are
 * found after a restart, also when the file is gone.
 */
import { setImmediate as turn } from "node:timers/promises";
import {
  type Account,
  type Bytes,
  byPlan,
  type Change,
  fromBytes,
  type InstanceKey,
  LIMITS,
  noteOf,
  type Outcome,
  ok,
  type Registry,
  toBytes,
  type View,
} from "../../../core/index.ts";
import { fileOf } from "../labels/meta.ts";
import type { Name } from "../wire/message.ts";
import { STATIC_KEYS, showOrigin, staticKey } from "../zone/file.ts";
import type { StaticInstance } from "./instances.ts";
import { findOwn, isSame, SETTLE, type Settled, showForeign } from "./settling.ts";

/** What the catalog is to have of a file; without `content` the file is gone. */
export interface Wanted {
  readonly account: Account;
  readonly origin: Name;
  readonly content?: {
    readonly file: string;
    readonly hash: string;
    readonly serial: number;
    readonly instances: readonly StaticInstance[];
  };
}

/** What the reserved key of a file remembers. */
export interface Head {
  /** "" once the file is gone: the key stays, because its revision is part of a serial. */
  readonly file: string;
  readonly hash: string;
  /** Of its SOA, for who has read another text. */
  readonly serial?: number;
  /** The services that have its instances; null when there are too many: then all services are looked through. */
  readonly services: readonly string[] | null;
}

const NO_HEAD: Head = { file: "", hash: "", services: [] };
const SLICE = 1000;
/** Room in the value of a key besides the services. */
const HEAD_BYTES = 16_384;
/** Instances of one transaction: other writers wait for it. */
const STEPS_MAX = 500;
const FOREIGN_MAX = 20;

/**
 * Compares and commits. `onHead` is called once: in the turn in which the zone's serial gets the new state of the file,
 * or when that failed.
 */
export async function reconcile(registry: Registry, wanted: Wanted, onHead: () => void): Promise<Outcome<Settled>> {
  let told = false;
  const tell = (): void => {
    if (!told) onHead();
    told = true;
  };
  try {
    return await carryOut(registry, wanted, tell);
  } finally {
    tell();
  }
}

async function carryOut(registry: Registry, wanted: Wanted, tell: () => void): Promise<Outcome<Settled>> {
  const { account, origin, content } = wanted;
  const before = registry.read((view) => headOf(view, account, staticKey(origin)));
  const { registers, services, kept, foreign } = await planRegisters(registry, wanted);
  const removals = await planRemovals(registry, wanted, before, kept);
  const head = content === undefined ? NO_HEAD : { ...content, services: union(services, removals) };
  const same = head.file === before.file && head.hash === before.hash && isSubset(head.services, before.services);
  if (same) tell();
  const sum = { registered: 0, deregistered: 0, foreign: [...foreign] };
  const parts = split(registers, removals, !same);
  const headPart = content === undefined ? parts.length - 1 : 0;
  for (const [number, part] of parts.entries()) {
    const put = number === headPart && !same ? { head: { key: staticKey(origin), value: showHead(head) } } : {};
    const outcome = await registry.propose(account, byPlan(SETTLE, { origin: showOrigin(origin), ...part, ...put }));
    if (!outcome.ok) return outcome;
    if (number === headPart) tell();
    const settled = noteOf(SETTLE, outcome.value);
    sum.registered += settled.registered;
    sum.deregistered += settled.deregistered;
    sum.foreign.push(...settled.foreign.slice(0, FOREIGN_MAX - sum.foreign.length));
  }
  return ok(sum);
}

interface Part {
  readonly registers: readonly StaticInstance[];
  readonly removals: readonly InstanceKey[];
}

/** A single transaction leaves no gap; of several, the first ones register and the last ones remove. */
function split(registers: readonly StaticInstance[], removals: readonly InstanceKey[], needed: boolean): Part[] {
  const size = registers.length + removals.length;
  if (size <= STEPS_MAX) return size > 0 || needed ? [{ registers, removals }] : [];
  const parts: Part[] = [];
  for (let at = 0; at < size; at += STEPS_MAX) {
    const left = Math.max(0, at - registers.length);
    const end = Math.max(0, at + STEPS_MAX - registers.length);
    parts.push({ registers: registers.slice(at, at + STEPS_MAX), removals: removals.slice(left, end) });
  }
  return parts;
}

interface Comes {
  readonly registers: readonly StaticInstance[];
  readonly services: ReadonlySet<string>;
  /** `service/id` of the instances that stay or come. */
  readonly kept: ReadonlySet<string>;
  readonly foreign: readonly string[];
}

async function planRegisters(registry: Registry, { account, origin, content }: Wanted): Promise<Comes> {
  const registers: StaticInstance[] = [];
  const services = new Set<string>();
  const kept = new Set<string>();
  const foreign: string[] = [];
  const name = showOrigin(origin);
  const instances = content?.instances ?? [];
  for (let at = 0; at < instances.length; at += SLICE) {
    if (at > 0) await turn();
    registry.read((view) => {
      for (const wanted of instances.slice(at, at + SLICE)) {
        const { instance, record } = findOwn(view, account, wanted, name);
        if (record !== undefined && fileOf(record) !== name) {
          if (foreign.length < FOREIGN_MAX) foreign.push(showForeign(wanted, record));
          continue;
        }
        services.add(instance.service);
        kept.add(`${instance.service}/${instance.id}`);
        if (record !== undefined && isSame(record, instance)) continue;
        registers.push(wanted);
      }
      return undefined;
    });
  }
  return { registers, services, kept, foreign };
}

async function planRemovals(
  registry: Registry,
  { account, origin }: Wanted,
  before: Head,
  kept: ReadonlySet<string>,
): Promise<InstanceKey[]> {
  const name = showOrigin(origin);
  const removals: InstanceKey[] = [];
  const services =
    before.services ??
    registry.read((view) => Array.from(view.account(account)?.services() ?? [], (service) => service.name));
  let looked = 0;
  for (const service of services) {
    if (looked++ > SLICE) {
      looked = 0;
      await turn();
    }
    registry.read((view) => {
      for (const record of view.account(account)?.service(service)?.instances.values() ?? []) {
        looked++;
        if (fileOf(record) !== name || kept.has(`${record.service}/${record.id}`)) continue;
        removals.push({ service: record.service, id: record.id });
      }
      return undefined;
    });
  }
  return removals;
}

/** The origin, as `showOrigin` writes it, of the file whose instance changed or is gone; undefined for most changes. */
export function touchedOrigin({ before, after }: Extract<Change, { kind: "instance" }>): string | undefined {
  const name = before === null ? undefined : fileOf(before);
  if (before === null || name === undefined) return undefined;
  return after !== null && fileOf(after) === name && isSame(after, before) ? undefined : name;
}

/** The services of now, and those that lose instances; null when they do not fit into the value of a key. */
function union(now: ReadonlySet<string>, removals: readonly InstanceKey[]): string[] | null {
  const all = new Set([...now, ...removals.map(({ service }) => service)]);
  let size = 0;
  for (const service of all) size += JSON.stringify(toBytes(service)).length + 1;
  return size > LIMITS.valueBytesMax - HEAD_BYTES ? null : [...all].sort();
}

function isSubset(part: readonly string[] | null, whole: readonly string[] | null): boolean {
  if (whole === null || part === null) return whole === part;
  const there = new Set(whole);
  return part.every((item) => there.has(item));
}

function showHead({ file, hash, serial, services }: Head): Bytes {
  return toBytes(JSON.stringify({ file, hash, serial, services }));
}

/** What is remembered of a file. If it cannot be read, its instances may be in any service. */
export function headOf(view: View, account: Account, key: Bytes): Head {
  const entry = view.entry(account, key);
  if (entry === undefined) return NO_HEAD;
  try {
    const { file, hash, services } = JSON.parse(fromBytes(entry.value)) as Partial<Head>;
    const names = Array.isArray(services) && services.every((name) => typeof name === "string") ? services : null;
    return { file: String(file ?? "?"), hash: String(hash ?? ""), services: names };
  } catch {
    return { file: "?", hash: "", services: null };
  }
}

export interface RememberedFile {
  readonly account: Account;
  readonly key: Bytes;
  readonly head: Head;
  /** That has read it. */
  readonly node: string;
}

/** The files of all accounts that have put instances into the catalog. */
export function rememberedFiles(view: View): RememberedFile[] {
  const found = [];
  for (const account of view.accounts()) {
    for (const { key, origin: node } of account.entries(STATIC_KEYS, `${STATIC_KEYS.slice(0, -1)}0`)) {
      const head = headOf(view, account.name, key);
      if (head.file !== "") found.push({ account: account.name, key, head, node });
    }
  }
  return found;
}
