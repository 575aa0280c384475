/** All operations of a transaction, decided together: all are carried out, or none is. */
import { type Facts, ok, type Plan, type Stamp } from "../../../../core/index.ts";
import type { Lens } from "../../catalog/listing.ts";
import { encodeEntry } from "../entry.ts";
import { inOne } from "../plan.ts";
import { carryOut, type Done } from "../verbs.ts";
import { Working } from "../working.ts";
import { Catalog } from "./catalog.ts";
import type { Operation } from "./operations.ts";

export interface Failure {
  /** Which operation it was. */
  readonly index: number;
  readonly what: string;
}

/** No failures: all was done. */
export interface Report {
  /** As JSON. */
  readonly results: readonly string[];
  readonly failures: readonly Failure[];
}

/** What all results of one transaction may come to, in characters of JSON: 4 MiB of values. */
const RESULTS_MAX = 6 * 1024 * 1024;

export interface Transacted {
  readonly lens: Lens;
  readonly operations: readonly Operation[];
}

/** Goes through all of them, also after one that failed: each failure is told. */
export function workOut(
  facts: Facts,
  account: string,
  { lens, operations }: Transacted,
  stamp: Stamp,
): { readonly report: Report; readonly working: Working } {
  const working = new Working(facts, account, stamp);
  const catalog = new Catalog(facts, account, lens, stamp, working.steps);
  const results: string[] = [];
  const failures: Failure[] = [];
  let length = 0;
  for (const [index, operation] of operations.entries()) {
    const carried = operation.on === "KV" ? carryOut(working, operation.kv) : catalog.carryOut(operation);
    if (!carried.ok) {
      failures.push({ index, what: carried.what });
      continue;
    }
    const shown = typeof carried.value === "string" ? [carried.value] : encodeAll(carried.value);
    for (const one of shown) {
      length += one.length;
      if (one !== "") results.push(one);
    }
    if (length > RESULTS_MAX) {
      failures.push({ index, what: `the results are more than ${RESULTS_MAX} bytes` });
      break;
    }
  }
  return { report: { results, failures }, working };
}

function encodeAll({ entries, withValue }: Done): readonly string[] {
  return entries.map((entry) => `{"KV":${encodeEntry(entry, withValue)}}`);
}

export const TXN: Plan<Transacted, Report> = {
  name: "consul/txn",
  make(facts, account, input, stamp) {
    const { report, working } = workOut(facts, account, input, stamp);
    return ok({ command: report.failures.length === 0 ? inOne(working.steps) : null, note: report });
  },
};
