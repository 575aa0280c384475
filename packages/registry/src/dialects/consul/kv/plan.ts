/** One operation on a key: what came of it is the note, null for all is well. */
import { type Command, ok, type Plan } from "../../../core/index.ts";
import { carryOut, type Failed, type Operation } from "./verbs.ts";
import { Working } from "./working.ts";

export const KV: Plan<Operation, Failed | null> = {
  name: "consul/kv",
  make(facts, account, operation, stamp) {
    const working = new Working(facts, account, stamp);
    const carried = carryOut(working, operation);
    return ok({ command: carried.ok ? inOne(working.steps) : null, note: carried.ok ? null : carried });
  },
};

/** Null when there is nothing to do. */
export function inOne(steps: readonly Command[]): Command | null {
  const [first] = steps;
  if (first === undefined) return null;
  return steps.length === 1 ? first : { kind: "when", guards: [], then: steps, otherwise: [] };
}
