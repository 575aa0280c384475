/** Which commits are read for whom: together, as long as cursors are at the same position. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { range, settle, type Taker, WatchRig } from "../../../../../test/harness/watchers.ts";
import { SLICE_CURSORS } from "./rounds.ts";

test("many that take parts are handed the same arrays", async () => {
  const rig = new WatchRig();
  const takers = await rig.followMany(4 * SLICE_CURSORS, {
    deliver(commits) {
      (this as Taker).batches.push(commits);
      (this as Taker).revisions.push(...commits.slice(0, 3).map(({ revision }) => revision));
      return Math.min(3, commits.length);
    },
  });
  rig.publish(12);
  await settle();
  for (const taker of takers) assert.deepEqual(taker.revisions, range(1, 12));
  assert.equal(new Set(takers.flatMap(({ batches }) => batches)).size, 4);
});

test("those that memory has left behind read the store together, and go on with the others", async () => {
  const rig = new WatchRig(10);
  let isOpen = false;
  const takers = await rig.followMany(SLICE_CURSORS, {
    deliver(commits) {
      if (!isOpen) return 0;
      (this as Taker).revisions.push(...commits.map(({ revision }) => revision));
      return commits.length;
    },
  });
  rig.publish(1500);
  await settle();
  rig.older.reads.length = 0;
  isOpen = true;
  for (const { watch } of takers) watch.resume();
  rig.publish(5);
  await settle();
  for (const taker of takers) assert.deepEqual(taker.revisions, range(1, 1505));
  assert.deepEqual(rig.older.reads, [0, 512, 1024]);
});
