/** The checker of linearizability against histories of which it is known whether they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, REGISTER, type RegisterOp, type Seen } from "./checker.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** `w1@0-5`, `r1@6-7`, `r-@…` for nothing there, `c1>2@…` for a swap that was done, `c1!2@…` refused, `c1?2@…` unknown; no end: unknown. */
function read(text: string): Seen<RegisterOp>[] {
  return text.split(" ").map((word) => {
    const match = /^(.)([^>!?@]*)(?:([>!?])([^@]*))?@(\d+)-(\d*)$/.exec(word);
    assert.ok(match, word);
    const [, kind, first = "", sign, to = "", called, answered] = match;
    const value = first === "-" ? null : first;
    const done = { ">": true, "!": false }[sign ?? ""];
    const op: RegisterOp =
      kind === "c" ? { kind: "swap", from: value, to, isDone: done } : { kind: kind === "w" ? "write" : "read", value };
    return { op, calledMs: Number(called), answeredMs: answered === "" ? NEVER : Number(answered) };
  });
}

const GOOD: Readonly<Record<string, string>> = {
  "one after the other": "w1@0-1 r1@2-3 w2@4-5 r2@6-7",
  "reads beside a write see either": "w1@0-1 w2@2-9 r1@3-4 r2@5-6",
  "writes beside each other in either order": "w1@0-9 w2@0-9 r2@1-2 r1@3-4",
  "an unknown write is seen": "w1@0-1 w2@2- r1@3-4 r2@5-6",
  "an unknown write is never seen": "w1@0-1 w2@2- r1@3-4 r1@5-6",
  "an unknown write is seen late, after others": "w1@0- w2@1-2 r2@3-4 r1@5-6",
  "swaps in a row": "w1@0-1 c1>2@2-3 c2>3@2-9 r3@10-11",
  "of two swaps one is refused": "w1@0-1 c1>2@2-9 c1!3@2-9 r2@10-11",
  "an unknown swap was done": "w1@0-1 c1?2@2- r2@3-4 c2>3@5-6",
  "an unknown swap was not": "w1@0-1 c1?2@2- r1@3-4 c1>3@5-6 r3@7-8",
  "nothing is there": "r-@0-1 w1@2-3 w-@4-5 r-@6-7 c->9@8-9 r9@10-11",
  "at one moment a call is before an answer": "w1@0-5 r1@5-6 w2@6-7 r1@6-6",
};

const BAD: Readonly<Record<string, string>> = {
  "a read after a write that does not see it": "w1@0-1 w2@2-3 r1@4-5",
  "new, then old again": "w1@0-1 w2@2-9 r2@3-4 r1@5-6",
  "a lost write": "w1@0-1 r-@2-3",
  "a value that nobody wrote": "w1@0-1 r7@2-3",
  "two swaps of one value done": "w1@0-1 c1>2@2-9 c1>3@2-9",
  "a swap refused without a reason": "w1@0-1 c1!2@2-3",
  "a refused swap is seen": "w1@0-1 w2@2-3 c1!3@4-5 r3@6-7",
  "an unknown write is seen and gone again": "w1@0-1 w2@2- r2@3-4 r1@5-6",
  "an unknown write is seen before it was asked for": "w1@0-1 r2@2-3 w2@4-",
  "two readers see two writes in two orders": "w1@0-9 w2@0-9 r1@1-2 r2@3-4 r1@5-6",
  "a swap on a state that was over": "w1@0-1 w2@2-3 c1>3@4-5",
};

for (const [name, text] of Object.entries(GOOD))
  test(`linearizable: ${name}`, () => {
    assert.deepEqual(judge(REGISTER, null, read(text)), { isLinearizable: true });
  });

for (const [name, text] of Object.entries(BAD))
  test(`not linearizable: ${name}`, () => {
    const judgement = judge(REGISTER, null, read(text));
    assert.ok(!judgement.isLinearizable);
    assert.ok(judgement.stuck.length > 0);
  });

/** Numbers from 0 to 1, the same for the same seed. */
function chances(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

/** What clients see who work beside each other on one register, each operation at a moment of its own. */
function simulate(seed: number, clients: number, each: number): Seen<RegisterOp>[] {
  const chance = chances(seed);
  const planned = Array.from({ length: clients }, () => {
    let freeMs = 0;
    return Array.from({ length: each }, (_, nth) => {
      const calledMs = freeMs + chance();
      const atMs = calledMs + chance() * 3;
      freeMs = atMs + chance() * 3;
      return { calledMs, atMs, answeredMs: freeMs, choice: chance(), isLost: chance() < 0.05, value: `${nth}` };
    });
  });
  let state: string | null = null;
  const seen: Seen<RegisterOp>[] = [];
  for (const { calledMs, answeredMs, choice, isLost, value } of planned.flat().sort((a, b) => a.atMs - b.atMs)) {
    const before: string | null = state;
    if (choice < 0.4) seen.push({ op: { kind: "read", value: state }, calledMs, answeredMs });
    else if (choice < 0.7) {
      state = value;
      seen.push({ op: { kind: "write", value }, calledMs, answeredMs: isLost ? NEVER : answeredMs });
    } else {
      const from = choice < 0.9 ? before : "other";
      const isDone = from === before;
      if (isDone) state = value;
      const known = isLost ? { isDone: undefined, answeredMs: NEVER } : { isDone, answeredMs };
      seen.push({
        op: { kind: "swap", from, to: value, isDone: known.isDone },
        calledMs,
        answeredMs: known.answeredMs,
      });
    }
  }
  return seen;
}

test("histories of a true register are linearizable, and one read of another value is found", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const seen = simulate(seed, 6, 30);
    assert.deepEqual(judge(REGISTER, null, seen), { isLinearizable: true }, `seed ${seed}`);
    const at = seen.findIndex(({ op }, nth) => nth > 20 && op.kind === "read");
    const broken = seen.map((one, nth) =>
      nth === at ? { ...one, op: { kind: "read", value: "of nobody" } as const } : one,
    );
    assert.equal(judge(REGISTER, null, broken).isLinearizable, false, `seed ${seed}`);
  }
});

/** All orders, tried one after the other: for short histories only. */
function isLinearizableByBruteForce(seen: readonly Seen<RegisterOp>[], state: string | null): boolean {
  if (seen.every(({ answeredMs }) => answeredMs === NEVER)) return true;
  const mustBeforeMs = Math.min(...seen.map(({ answeredMs }) => answeredMs));
  return seen.some((one, nth) => {
    if (one.calledMs > mustBeforeMs) return false;
    const next = REGISTER.step(state, one.op);
    return next !== undefined && isLinearizableByBruteForce(seen.toSpliced(nth, 1), next);
  });
}

test("it judges as all orders tried one after the other do", () => {
  const found = { good: 0, bad: 0 };
  for (let seed = 1; seed <= 600; seed++) {
    const chance = chances(seed * 7919);
    // Values are few, so that a wrong one may be right by chance.
    const small = (text: string | null): string | null => (text === null ? null : String(Number(text) % 2));
    const seen = simulate(seed, 3, 3).map((one) => {
      const { op } = one;
      if (op.kind === "swap") return { ...one, op: { ...op, from: small(op.from), to: small(op.to) as string } };
      const value = chance() < 0.15 ? "0" : small(op.value);
      return { ...one, op: { ...op, value } };
    });
    const wanted = isLinearizableByBruteForce(seen, null);
    found[wanted ? "good" : "bad"]++;
    assert.equal(judge(REGISTER, null, seen).isLinearizable, wanted, `seed ${seed}`);
  }
  assert.ok(found.good > 50 && found.bad > 50, JSON.stringify(found));
});
