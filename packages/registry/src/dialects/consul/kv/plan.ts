/** Operations on keys, decided together: all are carried out, or none is. */
import { type Facts, ok, type Plan, type Stamp } from "../../../core/index.ts";
import type { Entry } from "./entry.ts";
import { carryOut, type Done, type Failed, type Operation } from "./verbs.ts";
import { Working } from "./working.ts";

export interface Failure extends Failed {
  /** Which operation it was. */
  readonly index: number;
}

/** No failures: all was done. Entries that are shown without their values have "" there. */
export interface Report {
  readonly done: readonly Done[];
  readonly failures: readonly Failure[];
}

/** What all reads of one transaction may come to. */
const READ_BYTES_MAX = 4 * 1024 * 1024;

/** Goes through all of them, also after one that failed: each failure is told. */
export function workOut(working: Working, operations: readonly Operation[]): Report {
  const done: Done[] = [];
  const failures: Failure[] = [];
  let bytes = 0;
  for (const [index, operation] of operations.entries()) {
    const carried = carryOut(working, operation);
    if (!carried.ok) {
      failures.push({ index, what: carried.what, refused: carried.refused });
      continue;
    }
    const { entries, withValue } = carried.value;
    if (withValue) for (const { key, value } of entries) bytes += key.length + value.length;
    if (bytes > READ_BYTES_MAX) {
      failures.push({ index, what: `the keys that it reads hold more than ${READ_BYTES_MAX} bytes`, refused: false });
      break;
    }
    done.push(withValue ? { entries, withValue } : { entries: entries.map(withoutValue), withValue });
  }
  return { done, failures };
}

function withoutValue(entry: Entry): Entry {
  return { ...entry, value: "" };
}

export const KV: Plan<{ readonly operations: readonly Operation[] }, Report> = {
  name: "consul/kv",
  make(facts: Facts, account, { operations }, stamp: Stamp) {
    const working = new Working(facts, account, stamp);
    const report = workOut(working, operations);
    const isDone = report.failures.length === 0 && working.steps.length > 0;
    const command = isDone ? ({ kind: "when", guards: [], then: working.steps, otherwise: [] } as const) : null;
    return ok({ command, note: report });
  },
};
