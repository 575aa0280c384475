/** Transactions: the request to one conditional command, and its results back. */
import {
  type Bytes,
  type Command,
  type CommandOf,
  fromBuffer,
  type Guard,
  LIMITS,
  type Outcome,
  ok,
  prefixEnd,
  type Receipt,
  type Refused,
  type Result,
  refuse,
} from "../../../../core/index.ts";
import { fromPrefix, refuseReserved } from "../../../../native/wire/reserved.ts";
import type { KeyGuard, KeyRange, Step, TransactRequest } from "../../proto/generated/registry.ts";
import { toEntry } from "../../wire/changes.ts";

type When = CommandOf<"when">;

const STEPS_MAX = LIMITS.transactionCommandsMax;
/** Entries that one `get` of a transaction answers at most. */
const ENTRIES_MAX = 1000;

/** Never a reserved one. */
export function readKey(key: Uint8Array): Outcome<Bytes> {
  if (key.length > LIMITS.keyBytesMax) return refuse("too-large", `a key is longer than ${LIMITS.keyBytesMax} bytes`);
  return refuseReserved(fromBuffer(Buffer.from(key)));
}

interface Range {
  readonly from: Bytes;
  readonly to?: Bytes;
}

export function readRange(range: Extract<KeyRange["range"], { readonly value: unknown }>): Outcome<Range> {
  if (range.case === "key") {
    const key = readKey(range.value);
    return key.ok ? ok({ from: key.value }) : key;
  }
  const prefix = fromBuffer(Buffer.from(range.value));
  const from = refuseReserved(fromPrefix(prefix));
  return from.ok ? ok({ from: from.value, to: prefixEnd(prefix) }) : from;
}

export function readTransaction({ guards, then, otherwise }: TransactRequest): Outcome<When> {
  if (guards.length + then.length + otherwise.length > STEPS_MAX)
    return refuse("too-large", `a transaction has more than ${STEPS_MAX} guards and steps`);
  const read = new Reading();
  const when: When = {
    kind: "when",
    guards: guards.flatMap((guard, nth) => read.guard(guard, `guards[${nth}]`)),
    then: then.flatMap((step, nth) => read.step(step, `then[${nth}]`)),
    otherwise: otherwise.flatMap((step, nth) => read.step(step, `otherwise[${nth}]`)),
  };
  return read.fault ?? ok(when);
}

/** Remembers the first thing that is wrong. */
class Reading {
  fault: Refused | undefined;

  guard({ key: bytes, revision, version, value, exists }: KeyGuard, at: string): readonly Guard[] {
    const key = this.#take(readKey(bytes), at);
    if (key === undefined) return [];
    const guards: Guard[] = [];
    if (revision !== undefined) guards.push({ on: "mod", key, is: "=", than: Number(revision) });
    if (version !== undefined) guards.push({ on: "version", key, is: "=", than: Number(version) });
    if (value !== undefined) guards.push({ on: "value", key, is: "=", than: fromBuffer(Buffer.from(value)) });
    if (exists !== undefined) guards.push({ on: "version", key, is: exists ? ">" : "=", than: 0 });
    if (guards.length === 0) this.#fail(at, "revision, version, value or exists is missing");
    return guards;
  }

  step({ step }: Step, at: string): readonly Command[] {
    if (step.case === undefined) {
      this.#fail(at, "put, delete or get is missing");
      return [];
    }
    if (step.case === "put") {
      const { key: bytes, value, lease } = step.value;
      const key = this.#take(readKey(bytes), at);
      if (key === undefined) return [];
      return [{ kind: "put", key, value: fromBuffer(Buffer.from(value)), lease: lease ?? null }];
    }
    const { range } = step.value;
    if (range.case === undefined) {
      this.#fail(at, "key or prefix is missing");
      return [];
    }
    const found = this.#take(readRange(range), at);
    if (found === undefined) return [];
    return [step.case === "delete" ? { kind: "delete", ...found } : { kind: "range", ...found, limit: ENTRIES_MAX }];
  }

  #take<T>(outcome: Outcome<T>, at: string): T | undefined {
    if (outcome.ok) return outcome.value;
    this.fault ??= { ...outcome, detail: `${at}: ${outcome.detail}` };
    return undefined;
  }

  #fail(at: string, what: string): void {
    this.fault ??= refuse("invalid", `${at}: ${what}`);
  }
}

/** The results in the order of the steps that were carried out. */
export function toTransacted(when: When, { result, revision }: Receipt): object {
  if (result.kind !== "when") throw new Error("a transaction gave another kind of result");
  const { succeeded, results } = result;
  const steps = succeeded ? when.then : when.otherwise;
  return { succeeded, revision, results: results.map((one, nth) => toStepResult(steps[nth] as Command, one)) };
}

function toStepResult(step: Command, result: Result): object {
  if (result.kind === "range") return { get: { entries: result.entries.map(toEntry) } };
  const changes = result.kind === "changed" ? result.changes : [];
  if (step.kind !== "put") return { delete: { deleted: changes.length } };
  const change = changes[0];
  return { put: { version: change?.kind === "key" ? (change.after?.version ?? 0) : 0 } };
}
