/** From a command in an account to changes, or to a refusal. State, command, limits and time are arguments. */
import { type Outcome, ok, refuse } from "../../outcome.ts";
import { SYSTEM_ACCOUNT } from "../bytes.ts";
import { growthOf, sizeOfChange } from "../catalog/size.ts";
import type { Command, CommandOf, Decision, Heard, Result } from "../command.ts";
import { isLegalAccount, LIMITS } from "../limits.ts";
import type { Account, Change } from "../types.ts";
import type { Facts } from "../view.ts";
import type { Basis, Rules } from "./basis.ts";
import { Draft } from "./draft.ts";
import { decideMirror, withFaces } from "./faces.ts";
import { findBroken } from "./guard.ts";
import { decideDeregister, decideOverride, decideRegister, decideReport } from "./instance.ts";
import { decideCompact, decideDelete, decideKnown, decidePut, decideRange } from "./key.ts";
import type { Layout } from "./layout.ts";
import { decideEnd, decideGrant, decideHold, decideRelease, refuseLong } from "./lease.ts";
import { decideMerge, decideTake, withTombstones } from "./merge.ts";
import type { Stamp } from "./plan.ts";
import { refuseGrowth } from "./room.ts";

export function decide(
  facts: Facts,
  account: Account,
  command: Command,
  stamp: Stamp,
  rules: Rules,
): Outcome<Decision> {
  if (!isLegalAccount(account) && account !== SYSTEM_ACCOUNT) {
    return refuse("invalid", `not a legal account name: ${account.slice(0, 80)}`);
  }
  const sums = { rangeBytes: 0, rangeKeys: 0, keyBytes: 0, bytes: 0 };
  const layouts = rules.layouts?.(account) ?? NO_LAYOUTS;
  const { plans } = rules;
  const limits = rules.limits(account);
  const bytesMax = rules.bytesMax?.() ?? Number.POSITIVE_INFINITY;
  // Field by field here and below: a spread costs more than all the rest of a plain put.
  const basis: Basis = { facts, account, stamp, sums, limits, bytesMax, layouts, plans, depth: 0 };
  const decided = decideStep(basis, command);
  if (!decided.ok || decided.value.changes.length === 0) return decided;
  const { result, heard } = decided.value;
  const isMerge = command.kind === "merge";
  const changes =
    stamp.stampMs === undefined || isMerge ? decided.value.changes : withTombstones(basis, decided.value.changes);
  const growth = growthOf(changes);
  const refused = isMerge ? undefined : refuseGrowth(basis, growth);
  return refused ?? ok(heard === undefined ? { changes, result, growth } : { changes, result, growth, heard });
}

const NO_LAYOUTS: readonly Layout[] = [];

/** What is made of other commands, each of which has brought along its other faces, and what does nothing else. */
const WHOLE: ReadonlySet<Command["kind"]> = new Set<Command["kind"]>(["when", "plan", "mirror", "merge", "take"]);

/** What a lease may keep more by. */
const GROWING: ReadonlySet<Command["kind"]> = new Set<Command["kind"]>(["register", "report", "put"]);

/** Decides, and brings the other faces of what changes to the same state. */
function decideStep(basis: Basis, command: Command): Outcome<Decision> {
  const decided = decideAlone(basis, command);
  if (!decided.ok || WHOLE.has(command.kind)) return decided;
  const whole = basis.layouts.length === 0 ? decided : withFaces(basis, decided.value, decideAlone);
  return (whole.ok && GROWING.has(command.kind) && refuseLong(basis, whole.value.changes)) || whole;
}

function decideAlone(basis: Basis, command: Command): Outcome<Decision> {
  switch (command.kind) {
    case "register":
      return decideRegister(basis, command);
    case "signed":
      return refuse("invalid", "only a whole command is signed");
    case "deregister":
      return decideDeregister(basis, command);
    case "report":
      return decideReport(basis, command);
    case "override":
      return decideOverride(basis, command);
    case "grant":
      return decideGrant(basis, command);
    case "end":
      return decideEnd(basis, command);
    case "hold":
      return decideHold(basis, command);
    case "release":
      return decideRelease(basis, command);
    case "put":
      return decidePut(basis, command);
    case "delete":
      return decideDelete(basis, command);
    case "range":
      return decideRange(basis, command);
    case "known":
      return decideKnown(basis, command);
    case "compact":
      return decideCompact(basis, command);
    case "merge":
      return decideMerge(basis, command);
    case "take":
      return decideTake(basis, command);
    case "refuse":
      return refuse(command.refusal, command.detail);
    case "mirror":
      return decideMirror(basis, command, decideAlone);
    case "when":
      return decideWhen(basis, command);
    case "plan":
      return decidePlan(basis, command);
  }
}

/** Keys that all ranges of a transaction may come by although they are deleted: each range finds them again. */
const PASSED_MAX = 20_000;

function decideWhen(basis: Basis, command: CommandOf<"when">): Outcome<Decision> {
  const size = command.guards.length + command.then.length + command.otherwise.length;
  if (size > LIMITS.transactionCommandsMax)
    return refuse("too-large", `more than ${LIMITS.transactionCommandsMax} steps in a transaction`);
  const { facts, account, stamp, sums, limits, bytesMax, layouts, plans, depth } = basis;
  const outermost = basis.outermost ?? facts;
  const broken = findBroken(command.early === true ? { ...basis, facts: outermost } : basis, command.guards);
  const succeeded = broken === null;
  const steps = succeeded ? command.then : command.otherwise;
  const draft = new Draft(facts);
  const inner: Basis = { facts: draft, account, stamp, sums, limits, bytesMax, layouts, plans, depth, outermost };
  const changes: Change[] = [];
  const results: Result[] = [];
  const heard: Heard[] = [];
  const passedBefore = draft.passed;
  for (const [nth, step] of steps.entries()) {
    const decided = decideStep(inner, step);
    if (!decided.ok) return { ...decided, step: [nth, ...(decided.step ?? [])] };
    if (changes.length + decided.value.changes.length > LIMITS.changesMax) {
      return { ...refuse("too-large", `more than ${LIMITS.changesMax} changes in a transaction`), step: [nth] };
    }
    if (draft.passed - passedBefore > PASSED_MAX)
      return {
        ...refuse("too-large", `its ranges come by more than ${PASSED_MAX} keys that it has deleted`),
        step: [nth],
      };
    if (step.kind !== "when") for (const change of decided.value.changes) basis.sums.bytes += sizeOfChange(change);
    if (basis.sums.bytes > LIMITS.transactionBytesMax)
      return { ...refuse("too-large", `it changes more than ${LIMITS.transactionBytesMax} bytes`), step: [nth] };
    draft.fold(account, decided.value.changes, stamp.revision);
    // One by one: a call takes only so many arguments.
    for (const change of decided.value.changes) changes.push(change);
    results.push(decided.value.result);
    if (decided.value.heard !== undefined) heard.push(...decided.value.heard);
  }
  return ok({ changes, result: { kind: "when", succeeded, broken, results }, heard });
}

const NOTHING_CHANGED: Result = { kind: "changed", changes: [] };

/** A plan may come to another one. */
const PLANS_DEEP_MAX = 4;

function decidePlan(basis: Basis, { name, input }: CommandOf<"plan">): Outcome<Decision> {
  const { facts, account, stamp, sums, limits, bytesMax, layouts, plans, depth } = basis;
  if (depth >= PLANS_DEEP_MAX) return refuse("too-large", `more than ${PLANS_DEEP_MAX} plans, one within the other`);
  const plan = plans?.get(name);
  if (plan === undefined) return refuse("unsupported", `there is no plan ${name}`);
  const planned = plan.make(facts, account, input as never, stamp);
  if (!planned.ok) return planned;
  const { command, note } = planned.value;
  if (command === null) return ok({ changes: [], result: { kind: "plan", note, result: NOTHING_CHANGED } });
  const outermost = basis.outermost ?? facts;
  const deeper = depth + 1;
  const inner: Basis = { facts, account, stamp, sums, limits, bytesMax, layouts, plans, depth: deeper, outermost };
  const decided = decideStep(inner, command);
  if (!decided.ok) return decided;
  const { changes, heard } = decided.value;
  const result: Result = { kind: "plan", note, result: decided.value.result };
  return ok(heard === undefined ? { changes, result } : { changes, result, heard });
}
