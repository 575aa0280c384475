/** Requests of v2 that change something, each decided on what is there: what came of it is the note. */
import { ok, type Plan } from "../../../../../core/index.ts";
import { type Carried, carryOut, type Operation } from "./verbs.ts";
import { Working } from "./working.ts";

export const WRITE: Plan<Operation, Carried> = {
  name: "etcd/v2",
  make(facts, account, operation, stamp) {
    const working = new Working(facts, account, stamp, operation.lease);
    const carried = carryOut(working, operation);
    return ok({ command: carried.ok ? working.command() : null, note: carried });
  },
};

export const V2_PLANS = [WRITE];
