/**
 * A part of what a zone file registers and removes, laid over the catalog as it is in the moment of the decision: what
 * somebody else registered since stays, and comes to no harm.
 */
import {
  type Account,
  type Bytes,
  type Command,
  type Facts,
  type InstanceKey,
  type InstanceRecord,
  LIMITS,
  ok,
  type Plan,
} from "../../../core/index.ts";
import { fileOf } from "../labels/meta.ts";
import { type StaticInstance, showLine } from "./instances.ts";

interface Part {
  /** As `showOrigin` writes it. */
  readonly origin: string;
  /** What the file's reserved key is to hold. */
  readonly head?: { readonly key: Bytes; readonly value: Bytes };
  readonly registers: readonly StaticInstance[];
  readonly removals: readonly InstanceKey[];
}

export interface Settled {
  readonly registered: number;
  readonly deregistered: number;
  /** A sentence for each instance that somebody else registered. */
  readonly foreign: readonly string[];
}

/** Says how much of it was to be done. */
export const SETTLE: Plan<Part, Settled> = {
  name: "dns/settle",
  make(facts, account, { origin, head, registers, removals }) {
    const foreign: string[] = [];
    const comes: Command[] = [];
    for (const wanted of registers) {
      const { instance, record } = findOwn(facts, account, wanted, origin);
      if (record !== undefined && fileOf(record) !== origin) foreign.push(showForeign(wanted, record));
      else if (record === undefined || !isSame(record, instance))
        comes.push({ kind: "register", instance, life: "permanent" });
    }
    const goes: Command[] = [];
    for (const instance of removals) {
      const record = facts.instance(account, instance.service, instance.id);
      if (record !== undefined && fileOf(record) === origin) goes.push({ kind: "deregister", instance });
    }
    const puts: Command[] = head === undefined ? [] : [{ kind: "put", ...head }];
    const note = { registered: comes.length, deregistered: goes.length, foreign };
    return ok({ command: { kind: "when", guards: [], then: [...puts, ...goes, ...comes], otherwise: [] }, note });
  },
};

/** The record that the instance would replace. Beside one of another zone file the instance gets another id. */
export function findOwn(
  facts: Facts,
  account: Account,
  { instance }: StaticInstance,
  origin: string,
): { readonly instance: StaticInstance["instance"]; readonly record: InstanceRecord | undefined } {
  const record = facts.instance(account, instance.service, instance.id);
  const file = record && fileOf(record);
  if (file === undefined || file === origin) return { instance, record };
  const id = `${instance.id}@${origin.replaceAll("/", "-")}`.slice(0, LIMITS.idLengthMax).trim();
  return { instance: { ...instance, id }, record: facts.instance(account, instance.service, id) };
}

export function showForeign({ instance, line }: StaticInstance, { via }: InstanceRecord): string {
  return `${showLine(line)}: instance ${instance.id} of ${instance.service} is already registered through ${via}`;
}

export function isSame(record: InstanceRecord, wanted: StaticInstance["instance"]): boolean {
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
