/**
 * Plans: changes that rest on what is there, worked out in the moment of the decision and on its very state. What is
 * read outside and proposed on condition loses to whoever was faster, again and again; a plan needs one try.
 */
import type { Outcome } from "../../outcome.ts";
import type { Command, CommandOf, Receipt, Result } from "../command.ts";
import type { Account, Revision } from "../types.ts";
import type { Facts } from "../view.ts";

/** When and where a decision is made. */
export interface Stamp {
  /** The revision that its commit will get. */
  readonly revision: Revision;
  readonly atMs: number;
  readonly origin: string;
  /**
   * Where nodes have no common order: the least stamp that what is written now may have. No unit then gets a stamp that is
   * not greater than the one before, and what goes leaves a tombstone.
   */
  readonly stampMs?: number;
}

/** The stamp of what replaces a version with that of `beforeMs`; 0 for what is new. */
export function stampAfter({ atMs, stampMs }: Stamp, beforeMs: number): number {
  return stampMs === undefined ? atMs : Math.max(stampMs, beforeMs + 1);
}

/** What a plan comes to. */
export interface Planned<Note> {
  /** Decided at once. Null when all is to stay as it is. */
  readonly command: Command | null;
  /** A word to who proposed it. Plain data, and small. */
  readonly note: Note;
}

/**
 * A way from the state and an input to a command, or to a refusal. Pure: the same state and input give the same. It
 * holds up all other writers, so it does little; `input` is plain data, so that it can be sent to the node that decides.
 */
export interface Plan<Input, Note = null> {
  /** Unlike that of all others: `<dialect>/<verb>`. */
  readonly name: string;
  make(facts: Facts, account: Account, input: Input, stamp: Stamp): Outcome<Planned<Note>>;
}

export type AnyPlan = Plan<never, unknown>;

/** By name. */
export type Plans = ReadonlyMap<string, AnyPlan>;

/** Throws when two have one name. */
export function gatherPlans(plans: Iterable<AnyPlan>): Plans {
  const found = new Map<string, AnyPlan>();
  for (const plan of plans) {
    if (found.has(plan.name)) throw new Error(`two plans are named ${plan.name}`);
    found.set(plan.name, plan);
  }
  return found;
}

/** What can be sent to another process (`structuredClone`): nothing that has functions, but for maps and the like. */
type Plain<T> = T extends (...all: never[]) => unknown
  ? never
  : T extends RegExp
    ? T
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<Plain<K>, Plain<V>>
      : T extends ReadonlySet<infer V>
        ? ReadonlySet<Plain<V>>
        : T extends object
          ? { readonly [K in keyof T]: Plain<T[K]> }
          : T;

/** The command that has a plan made and carried out. */
export function byPlan<Input>({ name }: Plan<Input, unknown>, input: Plain<Input>): CommandOf<"plan"> {
  return { kind: "plan", name, input };
}

/** What the plan that was proposed had to say. */
export function noteOf<Note>(plan: Plan<never, Note>, { result }: Receipt): Note {
  if (result.kind !== "plan") throw new Error(`what was proposed is no plan, let alone ${plan.name}`);
  return result.note as Note;
}

/** False when the proposal was a transaction whose guards did not hold. */
export function succeeded({ result }: Receipt): boolean {
  const own = resultOf(result);
  return own.kind !== "when" || own.succeeded;
}

/** What the command did that a plan came to; of other commands, what they did themselves. */
export function resultOf(result: Result): Exclude<Result, { readonly kind: "plan" }> {
  return result.kind === "plan" ? resultOf(result.result) : result;
}
