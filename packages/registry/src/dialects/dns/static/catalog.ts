/**
 * @live Makes the catalog hold the instances of a zone file, and no instances that the file had before. `fileOf` tells
 * whose an instance is. A reserved key for each file remembers the services that have its instances, so that they are
 * found after a restart, also when the file is gone.
 */
import { setImmediate as turn } from "node:timers/promises";
import {
  type Account,
  type Bytes,
  type Change,
  type Command,
  fromBytes,
  type Guard,
  type InstanceKey,
  type InstanceRecord,
  LIMITS,
  type Outcome,
  ok,
  type Registry,
  succeeded,
  toBytes,
  untilDecided,
  type View,
} from "../../../core/index.ts";
import { fileOf } from "../labels/meta.ts";
import type { Name } from "../wire/message.ts";
import { STATIC_KEYS, showOrigin, staticKey } from "../zone/file.ts";
import { type StaticInstance, showLine } from "./instances.ts";

/** What the catalog is to have of a file; without `content` the file is gone. */
export interface Wanted {
  readonly account: Account;
  readonly origin: Name;
  readonly content?: { readonly file: string; readonly hash: string; readonly instances: readonly StaticInstance[] };
}

/** What the reserved key of a file remembers. */
export interface Head {
  /** "" once the file is gone: the key stays, because its revision is part of a serial. */
  readonly file: string;
  readonly hash: string;
  /** The services that have its instances; null when there are too many: then all services are looked through. */
  readonly services: readonly string[] | null;
}

export interface Reconciled {
  readonly registered: number;
  readonly deregistered: number;
  /** A sentence for each instance that somebody else registered. */
  readonly foreign: readonly string[];
}

const NO_HEAD: Head = { file: "", hash: "", services: [] };
const SLICE = 1000;
/** Room in the value of a key besides the services. */
const HEAD_BYTES = 16_384;
/** Each step has a command and a guard, and the key needs one more. */
const STEPS_MAX = LIMITS.transactionCommandsMax / 2 - 1;
const FOREIGN_MAX = 20;

/** A command with the guard that what was read is still so. */
interface Guarded {
  readonly guard: Guard;
  readonly command: Command;
}

/**
 * Compares and commits. `onHead` is called once: in the turn in which the zone's serial gets the new state of the file,
 * or when that failed.
 */
export async function reconcile(registry: Registry, wanted: Wanted, onHead: () => void): Promise<Outcome<Reconciled>> {
  let told = false;
  const tell = (): void => {
    if (!told) onHead();
    told = true;
  };
  try {
    return await untilDecided(() => attemptOnce(registry, wanted, tell));
  } finally {
    tell();
  }
}

/** Null when the catalog changed meanwhile. */
async function attemptOnce(registry: Registry, wanted: Wanted, tell: () => void): Promise<Outcome<Reconciled> | null> {
  const { account, origin, content } = wanted;
  const before = registry.read((view) => headOf(view, account, staticKey(origin)));
  const { registers, services, kept, foreign } = await planRegisters(registry, wanted);
  const removals = await planRemovals(registry, wanted, before, kept);
  const head = content === undefined ? NO_HEAD : { ...content, services: union(services, removals) };
  const same = head.file === before.file && head.hash === before.hash && isSubset(head.services, before.services);
  if (same) tell();
  const key = staticKey(origin);
  const put: Command | undefined = same ? undefined : { kind: "put", key, value: showHead(head) };
  // A single transaction leaves no gap; of several, the first ones register and the last ones remove.
  const steps =
    registers.length + removals.length <= STEPS_MAX ? [...removals, ...registers] : [...registers, ...removals];
  const parts: Guarded[][] = [];
  for (let at = 0; at < steps.length; at += STEPS_MAX) parts.push(steps.slice(at, at + STEPS_MAX));
  if (parts.length === 0 && put !== undefined) parts.push([]);
  const headPart = content === undefined ? parts.length - 1 : 0;
  for (const [number, part] of parts.entries()) {
    const then = part.map((step) => step.command);
    if (number === headPart && put !== undefined) then.unshift(put);
    const guards = part.map((step) => step.guard);
    const outcome = await registry.propose(account, { kind: "when", guards, then, otherwise: [] });
    if (!outcome.ok) return outcome;
    if (number === headPart) tell();
    if (!succeeded(outcome.value)) return null;
  }
  return ok({ registered: registers.length, deregistered: removals.length, foreign });
}

interface Plan {
  readonly registers: readonly Guarded[];
  readonly services: ReadonlySet<string>;
  /** `service/id` of the instances that stay or come. */
  readonly kept: ReadonlySet<string>;
  readonly foreign: readonly string[];
}

async function planRegisters(registry: Registry, { account, origin, content }: Wanted): Promise<Plan> {
  const registers: Guarded[] = [];
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
        registers.push({
          guard: guardOf(instance, record),
          command: { kind: "register", instance, life: "permanent" },
        });
      }
      return undefined;
    });
  }
  return { registers, services, kept, foreign };
}

/** The record that the instance would replace. Beside one of another zone file the instance gets another id. */
function findOwn(
  view: View,
  account: Account,
  { instance }: StaticInstance,
  name: string,
): { readonly instance: StaticInstance["instance"]; readonly record: InstanceRecord | undefined } {
  const record = view.instance(account, instance.service, instance.id);
  const file = record && fileOf(record);
  if (file === undefined || file === name) return { instance, record };
  const id = `${instance.id}@${name.replaceAll("/", "-")}`.slice(0, LIMITS.idLengthMax).trim();
  return { instance: { ...instance, id }, record: view.instance(account, instance.service, id) };
}

function showForeign({ instance, line }: StaticInstance, { via }: InstanceRecord): string {
  return `${showLine(line)}: instance ${instance.id} of ${instance.service} is already registered through ${via}`;
}

async function planRemovals(
  registry: Registry,
  { account, origin }: Wanted,
  before: Head,
  kept: ReadonlySet<string>,
): Promise<Guarded[]> {
  const name = showOrigin(origin);
  const removals: Guarded[] = [];
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
        const instance = { service: record.service, id: record.id };
        removals.push({ guard: guardOf(instance, record), command: { kind: "deregister", instance } });
      }
      return undefined;
    });
  }
  return removals;
}

function guardOf({ service, id }: InstanceKey, record: InstanceRecord | undefined): Guard {
  return record === undefined
    ? { on: "instance", service, id, exists: false }
    : { on: "instance-mod", instance: { service, id }, revision: record.modRevision };
}

/** The origin, as `showOrigin` writes it, of the file whose instance changed or is gone; undefined for most changes. */
export function touchedOrigin({ before, after }: Extract<Change, { kind: "instance" }>): string | undefined {
  const name = before === null ? undefined : fileOf(before);
  if (before === null || name === undefined) return undefined;
  return after !== null && fileOf(after) === name && isSame(after, before) ? undefined : name;
}

function isSame(record: InstanceRecord, wanted: StaticInstance["instance"]): boolean {
  const { address, ports, protocol, tags, meta, version, zone, weight, status, checks } = wanted;
  return (
    record.lease === null &&
    record.address === address &&
    record.protocol === protocol &&
    record.version === version &&
    record.zone === zone &&
    record.weight === weight &&
    record.status === status &&
    record.tags.length === tags.length &&
    record.checks.length === checks.length &&
    sameEntries(record.ports, ports) &&
    sameEntries(record.meta, meta)
  );
}

function sameEntries<T>(one: Readonly<Record<string, T>>, other: Readonly<Record<string, T>>): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && one[key] === other[key])
  );
}

/** The services of now, and those that lose instances; null when they do not fit into the value of a key. */
function union(now: ReadonlySet<string>, removals: readonly Guarded[]): string[] | null {
  const all = new Set(now);
  for (const { command } of removals) if (command.kind === "deregister") all.add(command.instance.service);
  let size = 0;
  for (const service of all) size += JSON.stringify(toBytes(service)).length + 1;
  return size > LIMITS.valueBytesMax - HEAD_BYTES ? null : [...all].sort();
}

function isSubset(part: readonly string[] | null, whole: readonly string[] | null): boolean {
  if (whole === null || part === null) return whole === part;
  const there = new Set(whole);
  return part.every((item) => there.has(item));
}

function showHead({ file, hash, services }: Head): Bytes {
  return toBytes(JSON.stringify({ file, hash, services }));
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

/** The files of all accounts that have put instances into the catalog. */
export function rememberedFiles(view: View): { readonly account: Account; readonly key: Bytes; readonly head: Head }[] {
  const found = [];
  for (const account of view.accounts()) {
    for (const { key } of account.entries(STATIC_KEYS, `${STATIC_KEYS.slice(0, -1)}0`)) {
      const head = headOf(view, account.name, key);
      if (head.file !== "") found.push({ account: account.name, key, head });
    }
  }
  return found;
}
