/**
 * Whether what clients saw of one thing can have happened in one order, each operation at some moment between its call
 * and its answer: the search of Wing and Gong with the memory of Lowe. An operation that can be next is taken when the
 * model allows its answer; when nothing can be next that must, the last one taken is put back. What was taken together
 * with the state it led to is remembered, and never tried twice.
 */

/** What a thing is, and what an operation makes of it. States are compared by `===`. */
export interface Model<State, Op> {
  /** The state after it; undefined when this operation cannot have had its answer in this state. */
  step(state: State, op: Op): State | undefined;
}

/** An operation as its client saw it. */
export interface Seen<Op> {
  readonly op: Op;
  readonly calledMs: number;
  /** Infinity when its client never learned what came of it: it may take effect at any time, or never. */
  readonly answeredMs: number;
}

export type Judgement<Op> =
  | { readonly isLinearizable: true }
  /** The longest order that could be found, and the operations of which one had to be next and none could. */
  | { readonly isLinearizable: false; readonly order: readonly Op[]; readonly stuck: readonly Op[] };

/** Thrown when a history needs more steps than it may: that is no judgement. */
export class TooHard extends Error {}

const STEPS_MAX = 5_000_000;

/** A call, or the answer to one (`call`), in a list by time. */
interface Entry {
  readonly nth: number;
  readonly call: Entry | null;
  answer: Entry | null;
  before: Entry | null;
  after: Entry | null;
}

/** All calls and answers by time; at one time calls first, which allows more. */
function toList(seen: readonly Seen<unknown>[]): Entry {
  const head: Entry = { nth: -1, call: null, answer: null, before: null, after: null };
  const timed: { readonly ms: number; readonly isAnswer: boolean; readonly entry: Entry }[] = [];
  for (const [nth, { calledMs, answeredMs }] of seen.entries()) {
    const call: Entry = { nth, call: null, answer: null, before: null, after: null };
    call.answer = { nth, call, answer: null, before: null, after: null };
    timed.push({ ms: calledMs, isAnswer: false, entry: call }, { ms: answeredMs, isAnswer: true, entry: call.answer });
  }
  timed.sort((a, b) => (a.ms === b.ms ? Number(a.isAnswer) - Number(b.isAnswer) : a.ms - b.ms));
  let last = head;
  for (const { entry } of timed) {
    last.after = entry;
    entry.before = last;
    last = entry;
  }
  return head;
}

function takeOut(entry: Entry): void {
  for (const one of [entry, entry.answer as Entry]) {
    (one.before as Entry).after = one.after;
    if (one.after !== null) one.after.before = one.before;
  }
}

function putBack(entry: Entry): void {
  for (const one of [entry.answer as Entry, entry]) {
    (one.before as Entry).after = one;
    if (one.after !== null) one.after.before = one;
  }
}

class Search<State, Op> {
  readonly #model: Model<State, Op>;
  readonly #seen: readonly Seen<Op>[];
  readonly #head: Entry;
  readonly #taken: { readonly entry: Entry; readonly state: State }[] = [];
  /** For each state, the sets of operations that led there, as bits. */
  readonly #known = new Map<State, Set<bigint>>();
  #state: State;
  #bits = 0n;
  #longest: readonly Op[] = [];
  #stuck: readonly Op[] = [];

  constructor(model: Model<State, Op>, initial: State, seen: readonly Seen<Op>[]) {
    this.#model = model;
    this.#state = initial;
    this.#seen = seen;
    this.#head = toList(seen);
  }

  run(): Judgement<Op> {
    let at = this.#head.after;
    for (let steps = 0; at !== null; steps++) {
      if (steps > STEPS_MAX) throw new TooHard(`${this.#seen.length} operations took more than ${STEPS_MAX} steps`);
      if (at.call === null) at = this.#take(at) ? this.#head.after : at.after;
      else if (this.#isUnanswered(at)) break;
      else {
        this.#note();
        if (this.#taken.length === 0) return { isLinearizable: false, order: this.#longest, stuck: this.#stuck };
        at = this.#back();
      }
    }
    return { isLinearizable: true };
  }

  /** Only operations are left that may never have happened. */
  #isUnanswered({ nth }: Entry): boolean {
    return (this.#seen[nth] as Seen<Op>).answeredMs === Number.POSITIVE_INFINITY;
  }

  #take(entry: Entry): boolean {
    const next = this.#model.step(this.#state, (this.#seen[entry.nth] as Seen<Op>).op);
    if (next === undefined) return false;
    const bits = this.#bits | (1n << BigInt(entry.nth));
    const known = this.#known.get(next) ?? new Set();
    if (known.has(bits)) return false;
    this.#known.set(next, known.add(bits));
    this.#taken.push({ entry, state: this.#state });
    [this.#state, this.#bits] = [next, bits];
    takeOut(entry);
    return true;
  }

  #back(): Entry | null {
    const { entry, state } = this.#taken.pop() as { entry: Entry; state: State };
    this.#state = state;
    this.#bits &= ~(1n << BigInt(entry.nth));
    putBack(entry);
    return entry.after;
  }

  /** What people want to see: how far it went at most. */
  #note(): void {
    if (this.#taken.length < this.#longest.length || (this.#taken.length === 0 && this.#stuck.length > 0)) return;
    const opOf = ({ nth }: Entry): Op => (this.#seen[nth] as Seen<Op>).op;
    this.#longest = this.#taken.map(({ entry }) => opOf(entry));
    const stuck: Op[] = [];
    for (let at = this.#head.after; at !== null && at.call === null; at = at.after) stuck.push(opOf(at));
    this.#stuck = stuck;
  }
}

export function judge<State, Op>(model: Model<State, Op>, initial: State, seen: readonly Seen<Op>[]): Judgement<Op> {
  return new Search(model, initial, seen).run();
}

/** A key with a value; null when it is not there. */
export type RegisterOp =
  | { readonly kind: "read"; readonly value: string | null }
  | { readonly kind: "write"; readonly value: string | null }
  /** `isDone` is undefined when nobody knows. */
  | {
      readonly kind: "swap";
      readonly from: string | null;
      readonly to: string;
      readonly isDone: boolean | undefined;
    };

export const REGISTER: Model<string | null, RegisterOp> = {
  step(state, op) {
    switch (op.kind) {
      case "read":
        return state === op.value ? state : undefined;
      case "write":
        return op.value;
      case "swap":
        if (op.isDone === undefined) return state === op.from ? op.to : state;
        if (op.isDone !== (state === op.from)) return undefined;
        return op.isDone ? op.to : state;
    }
  },
};
