/** Long work of the core and of answers shares one order, and leaves turns to newcomers. Time passes as the tests say. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { SLICE_CURSORS } from "../../packages/registry/src/core/watch/rounds.ts";
import { FREE_TURNS_PER_MS, inTurn, openLine } from "../../packages/registry/src/net/answers/turns.ts";
import { openRig } from "../harness/registry.ts";
import { turn as nextTurn } from "../harness/watchers.ts";

let nowMs = 0;
mock.method(performance, "now", () => nowMs);

/** What a piece of work takes. */
const WORK_MS = 2;

/** Counts turns of the event loop, in each of which others take so many ms, and notes in which of them work was done. */
class Turns {
  readonly pieces: { readonly kind: string; readonly turn: number }[] = [];
  #turn = 0;
  readonly #othersMs: number;

  constructor(othersMs = 0) {
    this.#othersMs = othersMs;
  }

  work(kind: string, ms = WORK_MS): void {
    nowMs += ms;
    if (this.pieces.at(-1)?.turn !== this.#turn) this.pieces.push({ kind, turn: this.#turn });
  }

  async pass(count: number): Promise<void> {
    for (const end = this.#turn + count; this.#turn < end; this.#turn++) {
      await nextTurn();
      nowMs += this.#othersMs;
    }
  }

  /** Turns from each piece to the next. */
  get gaps(): number[] {
    return this.pieces.slice(1).map(({ turn }, nth) => turn - (this.pieces[nth]?.turn ?? 0));
  }
}

test("reads of history, rounds and answers take turns, and newcomers have theirs between", async () => {
  const { registry } = await openRig({ openLine });
  await registry.propose("a", { kind: "put", key: "k", value: "v" });
  const turns = new Turns();
  const watcher = {
    deliver(commits: readonly unknown[]): number {
      turns.work("slice", WORK_MS / SLICE_CURSORS);
      return commits.length;
    },
    lost: () => assert.fail("lost"),
  };
  // The first slice comes at once.
  for (let nth = 0; nth < 6 * SLICE_CURSORS; nth++) registry.follow({ account: "a" }, 0, watcher);
  for (let nth = 0; nth < 10; nth++) {
    void registry.history(0, 10).then(() => turns.work("read"));
    inTurn(() => turns.work("answer"));
  }
  await turns.pass(600);
  const planned = turns.pieces.slice(1).map(({ kind }) => kind);
  assert.equal(planned.length, 25);
  for (let nth = 0; nth < 15; nth += 3)
    assert.deepEqual(planned.slice(nth, nth + 3).sort(), ["answer", "read", "slice"], `${planned}`);
  // The last of the first slice and the piece after it may lie in one turn.
  for (const gap of turns.gaps.slice(1)) assert.ok(gap >= WORK_MS * FREE_TURNS_PER_MS, `${turns.gaps}`);
});

test("who has much to do leaves half of the time to long work", async () => {
  const turns = new Turns(WORK_MS);
  for (let nth = 0; nth < 10; nth++) inTurn(() => turns.work("answer"));
  await turns.pass(50);
  assert.equal(turns.pieces.length, 10);
  for (const gap of turns.gaps) assert.ok(gap <= 2, `${turns.gaps}`);
});
