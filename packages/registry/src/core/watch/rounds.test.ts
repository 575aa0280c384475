/** Rounds: many watchers take turns with other work, and each is handed at once all that is new. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { range, settle, type Taker, turn, WatchRig } from "../../../../../test/harness/watchers.ts";
import type { Commit, Revision, Scope } from "../index.ts";
import { SLICE_CURSORS } from "./rounds.ts";

const served = (takers: readonly Taker[]): number => takers.filter(({ batches }) => batches.length > 0).length;

test("few watchers are told before the publisher goes on, many in slices between other work", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(3 * SLICE_CURSORS + 1);
  const [first] = takers as [Taker];
  rig.publish();
  assert.equal(served(takers), SLICE_CURSORS);
  const seen: number[] = [];
  while (served(takers) < takers.length) {
    await turn();
    seen.push(served(takers));
  }
  assert.ok(seen.length >= 3, `${seen}`);
  assert.equal(first.watch.position, 1);
  for (const taker of takers) assert.deepEqual(taker.revisions, [1]);
});

test("a slice ends when its time is over, however few it served", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(5, {
    deliver(commits) {
      (this as Taker).batches.push(commits);
      rig.nowMs += 3;
      return commits.length;
    },
  });
  rig.publish();
  assert.equal(served(takers), 2);
  await settle();
  assert.equal(served(takers), 5);
});

test("what comes during a round is handed to each watcher at once, as one array for all", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(10 * SLICE_CURSORS);
  rig.publish();
  for (let i = 0; i < 8; i++) {
    await turn();
    rig.publish(3);
  }
  await settle();
  const last = rig.hub.revision;
  const batches = new Set(takers.map(({ batches }) => batches.at(-1)));
  assert.equal(batches.size, 1);
  for (const taker of takers) {
    assert.deepEqual(taker.revisions, range(1, last));
    assert.ok(taker.batches.length <= 3, `${taker.batches.length} deliveries of ${last} commits`);
    assert.equal(taker.watch.position, last);
  }
});

test("after a round others have as much time as it took, if there is more already", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(10, {
    deliver(commits) {
      (this as Taker).batches.push(commits);
      rig.nowMs += 3;
      return commits.length;
    },
  });
  rig.publish();
  await turn();
  rig.publish();
  while (served(takers) < 10) await turn();
  await turn();
  assert.equal(rig.pauses.length, 1);
  // It took 30 ms, of which none went to others.
  assert.equal(rig.pauses[0]?.ms, 30);
  rig.publish();
  await settle();
  assert.deepEqual(new Set(takers.map(({ batches }) => batches.length)), new Set([1]));
  rig.nowMs += 30;
  rig.pauses[0]?.run();
  await settle();
  for (const { batches } of takers) assert.deepEqual(batches.at(-1)?.length, 2);
  // Nothing came meanwhile: the next is told at once.
  rig.publish();
  assert.equal(takers.filter(({ batches }) => batches.length === 3).length, 2);
  assert.equal(rig.pauses.length, 1);
});

test("watchers in step are told of each commit before anything else goes on, however many others there are", async () => {
  const rig = new WatchRig();
  await rig.followMany(5 * SLICE_CURSORS);
  const [near] = (await rig.followMany(1, { inStep: true })) as [Taker];
  rig.publish(3);
  rig.publish(2);
  assert.deepEqual(near.revisions, [1, 2, 3, 4, 5]);
  assert.ok(near.batches.every((commits) => commits.length === 1));
  await settle();
});

test("one in step that begins while a slice has run is in step at once", async () => {
  const rig = new WatchRig();
  await rig.followMany(5 * SLICE_CURSORS);
  rig.publish();
  const near = rig.follow({ after: 0, inStep: true });
  rig.publish();
  await Promise.resolve();
  assert.deepEqual(near.revisions, [1, 2]);
  rig.publish();
  assert.deepEqual(near.revisions, [1, 2, 3]);
  await settle();
  assert.deepEqual(near.revisions, [1, 2, 3]);
});

test("one in step sees others where they are, and not past what they have not got", async () => {
  const rig = new WatchRig();
  const seen: Revision[] = [];
  await rig.followMany(1, {
    inStep: true,
    deliver(commits) {
      seen.push(wide.watch.position);
      return commits.length;
    },
  });
  const [wide] = (await rig.followMany(1)) as [Taker];
  rig.publish(2);
  assert.deepEqual(seen, [0, 0]);
  assert.equal(wide.watch.position, 2);
});

test("a watcher that pulls has all that is visible, before its turn comes", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(3 * SLICE_CURSORS);
  const last = takers.at(-1) as Taker;
  rig.publish(2);
  assert.deepEqual(last.revisions, []);
  last.watch.pull();
  assert.deepEqual(last.revisions, [1, 2]);
  assert.equal(last.watch.position, 2);
  rig.publish();
  last.watch.pull();
  last.watch.pull();
  await settle();
  assert.deepEqual(last.revisions, [1, 2, 3]);
  rig.publish();
  await settle();
  for (const taker of takers) assert.deepEqual(taker.revisions, [1, 2, 3, 4]);
});

test("who came first in a round comes last in the next", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(2 * SLICE_CURSORS);
  rig.publish();
  await settle();
  const before = rig.order.splice(0);
  rig.publish();
  await settle();
  assert.deepEqual(rig.order, [...before.slice(SLICE_CURSORS), ...before.slice(0, SLICE_CURSORS)]);
  assert.equal(new Set(before).size, takers.length);
});

test("one that takes a part gets the rest soon, one that takes nothing when it is resumed, and nobody waits for them", async () => {
  const rig = new WatchRig();
  let room = 0;
  const [slow] = (await rig.followMany(1, {
    deliver(commits) {
      const taken = commits.slice(0, room);
      (this as Taker).revisions.push(...taken.map(({ revision }) => revision));
      return taken.length;
    },
  })) as [Taker];
  const picky = rig.follow({
    deliver(commits) {
      (this as Taker).revisions.push((commits[0] as Commit).revision);
      return 1;
    },
  });
  const [quick] = (await rig.followMany(1)) as [Taker];
  rig.publish(5);
  await settle();
  assert.deepEqual(quick.batches.length, 1);
  assert.deepEqual(picky.revisions, [1, 2, 3, 4, 5]);
  assert.equal(slow.watch.position, 0);
  rig.publish(1);
  room = 4;
  slow.watch.resume();
  await settle();
  assert.deepEqual(slow.revisions, [1, 2, 3, 4, 5, 6]);
});

test("watchers that close, fail or come in the middle of a round change nothing for the others", async () => {
  const rig = new WatchRig();
  let lost = 0;
  const takers = await rig.followMany(2 * SLICE_CURSORS);
  const failing = rig.follow({
    deliver: () => {
      throw new Error("a bug");
    },
    lost: () => lost++,
  });
  await settle();
  rig.publish(2);
  // Of the second slice.
  const [closed, ...others] = takers as [Taker, ...Taker[]];
  closed.watch.close();
  const late = rig.follow();
  const replaying = rig.follow({ after: 0 });
  await turn();
  rig.publish();
  await settle();
  assert.equal(lost, 1);
  failing.watch.close();
  assert.deepEqual(rig.bugs.map(String), ["Error: a bug"]);
  assert.deepEqual(closed.revisions, []);
  assert.deepEqual(late.revisions, [3]);
  assert.deepEqual(replaying.revisions, [1, 2, 3]);
  for (const taker of others) assert.deepEqual(taker.revisions, [1, 2, 3]);
  assert.equal(rig.hub.count, takers.length - 1 + 2);
});

const SCOPES: readonly Scope[] = [{}, { account: "a" }, { account: "a", keys: { from: "x" } }];

test("every watcher gets what its scope holds once and in order, whatever the others do", async () => {
  const step = fc.record({
    act: fc.constantFrom("publish", "follow", "resume", "pull", "close", "turn"),
    which: fc.nat(9),
    count: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
      const rig = new WatchRig(4);
      const all: { taker: Taker; after: Revision; scope: Scope; room: number; closed: boolean }[] = [];
      for (const { act, which, count } of steps) {
        const one = all[which % Math.max(1, all.length)];
        if (act === "publish") rig.publish(count, which % 2 === 0 ? "x" : "y");
        else if (act === "turn") await turn();
        else if (act === "follow") {
          const after = Math.max(0, rig.hub.revision - which);
          const scope = SCOPES[which % 3] as Scope;
          const entry = { after, scope, room: count, closed: false } as (typeof all)[number];
          entry.taker = rig.follow({
            after,
            scope,
            inStep: which === 0,
            deliver(commits) {
              const taken = commits.slice(0, entry.room);
              entry.room -= taken.length;
              entry.taker.revisions.push(...taken.map(({ revision }) => revision));
              return taken.length;
            },
          });
          all.push(entry);
        } else if (one !== undefined) {
          one.room += count;
          if (act === "resume") one.taker.watch.resume();
          else if (act === "pull") one.taker.watch.pull();
          else {
            one.closed = true;
            one.taker.watch.close();
          }
        }
      }
      for (const entry of all) {
        entry.room = Number.POSITIVE_INFINITY;
        entry.taker.watch.resume();
      }
      await settle();
      for (const { taker, after, scope, closed } of all) {
        const wanted = rig.stored
          .filter(
            ({ revision, changes }) => revision > after && (!scope.keys || changes[0]?.after?.["key" as never] === "x"),
          )
          .map(({ revision }) => revision);
        if (closed) assert.deepEqual(taker.revisions, wanted.slice(0, taker.revisions.length));
        else {
          assert.deepEqual(taker.revisions, wanted);
          assert.equal(taker.watch.position, rig.hub.revision);
        }
      }
    }),
    { numRuns: 300 },
  );
});
