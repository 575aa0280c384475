/** The stored history: reading it, finding a time in it, forgetting it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Commit } from "../../packages/registry/src/core/index.ts";
import { encodeMeta } from "../../packages/registry/src/records/meta.ts";
import { STORE_FILE } from "../../packages/registry/src/replicators/embedded/directory/files.ts";
import { findGone, goneRows, oldGone } from "../../packages/registry/src/replicators/embedded/history/gone.ts";
import { Store } from "../../packages/registry/src/replicators/embedded/store/databases.ts";
import { recordOf } from "../harness/registry.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { historyOf, liveABit, openStoreRig, put, register, rowsBeside } from "./rig.ts";

/** Keeps nothing in memory beyond this, so that reading goes to the disk. */
const HOUR_MS = 3_600_000;

test("history is read in order from any position, in pieces of any size", async (t) => {
  const rig = await openStoreRig(t, temporaryDirectory(t));
  await liveABit(rig, 10);
  const all = await rig.replicator.history(0, 1_000_000);
  assert.equal(all.length, rig.core.numbers().revision);
  for (const [i, commit] of all.entries()) assert.equal(commit.revision, i + 1);
  for (let after = 0; after <= all.length; after += 7)
    for (const limit of [1, 3, 50])
      assert.deepEqual(await rig.replicator.history(after, limit), all.slice(after, after + limit));
  assert.deepEqual(await rig.replicator.history(all.length, 10), []);
});

test("a time is found in the history", async (t) => {
  const rig = await openStoreRig(t, temporaryDirectory(t));
  for (let hour = 0; hour < 12; hour++) {
    rig.skew.ms = hour * HOUR_MS;
    await Promise.all([1, 2, 3].map((n) => rig.done(put(`k${hour}`, String(n)))));
  }
  const all = await rig.replicator.history(0, 1000);
  const times = [0, Number.MAX_SAFE_INTEGER, ...all.flatMap(({ atMs }) => [atMs - 1, atMs, atMs + 1])];
  for (const atMs of times) {
    const expected = all.findLast((commit) => commit.atMs < atMs)?.revision ?? 0;
    assert.equal(await rig.replicator.revisionAt(atMs), expected, `before ${atMs}`);
  }
});

test("compacted history is gone at once and after a restart", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await liveABit(rig, 10);
  const last = rig.core.numbers().revision;
  const middle = Math.floor(last / 2);
  assert.deepEqual(await rig.core.registry.compact(middle), { ok: true, value: middle });
  assert.equal(rig.core.registry.floor, middle);
  const refused = await rig.core.registry.history(middle - 1, 10);
  assert.ok(!refused.ok && refused.refusal === "compacted");
  assert.equal((await historyOf(rig.core)).length, last - middle);
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.equal(again.core.registry.floor, middle);
  assert.equal((await again.replicator.history(middle, 1000)).length, last - middle);
  assert.equal(await again.replicator.revisionAt(0), middle);
  const whole = await again.core.registry.compact(last);
  assert.deepEqual(whole, { ok: true, value: last });
  assert.equal((await again.done(put("after", "1"))).revision, last + 1);
  assert.ok(!(await again.core.registry.compact(last + 100)).ok);
});

test("what is gone is found in a long history, and after a restart", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  for (const id of ["a", "b"]) await rig.done(register("web", id));
  const { revision } = await rig.done({ kind: "deregister", instance: { service: "web", id: "a" } });
  await rig.close();
  const again = await openStoreRig(t, data);
  const goneAt = (id: string) => again.replicator.goneAt("default", { service: "web", id });
  assert.deepEqual([await goneAt("a"), await goneAt("b"), await goneAt("c")], [revision, 0, 0]);
  await again.close();
  // A store of millions of commits, as far as its rows of what is gone tell.
  const store = new Store(join(data, STORE_FILE));
  t.after(() => store.close());
  const commitOf = (id: string, at: number): Commit => ({
    revision: at,
    account: "default",
    atMs: at,
    orderMs: at,
    nth: 0,
    changes: [{ kind: "instance", cause: "deregistered", before: recordOf("web", id), after: null }],
  });
  const gone: readonly (readonly [id: string, at: number])[] = [
    ["a", 200_000],
    ["b", 300_000],
    ["c", 3_000_000],
    ["a", 1_000_000_000],
  ];
  await store.write({ gone: goneRows(gone.map(([id, at]) => commitOf(id, at))) });
  const find = (id: string, floor = 0) => findGone(store, floor, "default", { service: "web", id });
  assert.deepEqual(
    ["a", "b", "c", "d"].map((id) => find(id)),
    [1_000_000_000, 300_000, 3_000_000, 0],
  );
  assert.deepEqual([find("b", 299_999), find("b", 300_000), find("c", 300_000)], [300_000, 0, 3_000_000]);
  assert.equal(oldGone(store, 3_000_000).length, 2, "those of whole spans before");
});

test("rows of what is gone leave with the history", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await rig.done(register("web", "a"));
  await rig.done({ kind: "deregister", instance: { service: "web", id: "a" } });
  await rig.close();
  const store = new Store(join(data, STORE_FILE));
  // So far on, as a restored store is.
  await store.write({ meta: [["jump", encodeMeta({ revision: 1_000_000_000 })]] });
  await store.close();
  const path = join(data, STORE_FILE);
  assert.equal(rowsBeside(path).gone, 1);
  const again = await openStoreRig(t, data);
  assert.equal((await again.done(put("after", "1"))).revision, 1_000_000_001);
  assert.equal(await again.replicator.goneAt("default", { service: "web", id: "a" }), 0);
  await until(() => rowsBeside(path).gone === 0, { what: "the rows to be forgotten" });
});

test("a registry whose whole history is gone starts with its revision", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await liveABit(rig, 3);
  const last = rig.core.numbers().revision;
  assert.ok((await rig.core.registry.compact(last)).ok);
  await until(async () => (await rig.replicator.history(0, 10)).length === 0, { what: "the log to be empty" });
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.equal(again.core.numbers().revision, last);
  assert.equal((await again.done(put("after", "1"))).revision, last + 1);
});

test("history older than its age is forgotten, also while nothing is written", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data, { retention: { ageMs: HOUR_MS } });
  await liveABit(rig, 5);
  const old = rig.core.numbers().revision;
  const isGone = (): boolean => {
    rig.skew.passedMs += HOUR_MS / 4;
    return rig.core.registry.floor === old;
  };
  await until(isGone, { what: "old history to go" });
  await rig.done(put("young", "1"));
  assert.deepEqual(
    (await historyOf(rig.core)).map(({ revision }) => revision),
    [old + 1],
  );
  await rig.close();
  const again = await openStoreRig(t, data, { retention: { ageMs: HOUR_MS } });
  assert.ok(again.core.registry.floor >= old);
});

test("a log larger than its size is trimmed from its old end, without a gap", async (t) => {
  const bytesMax = 600_000;
  const rig = await openStoreRig(t, temporaryDirectory(t), { retention: { bytesMax }, checkpointCommits: 50 });
  for (let i = 0; i < 400; i++) await rig.done(put(`k${i % 50}`, "v".repeat(8000)));
  await until(() => rig.core.registry.floor > 250, { what: "the log to be trimmed" });
  const left = await historyOf(rig.core);
  // It may have been trimmed further while it was read.
  const { floor } = rig.core.registry;
  assert.deepEqual(
    left.map(({ revision }) => revision),
    Array.from({ length: 400 - floor }, (_, i) => floor + 1 + i),
  );
  assert.ok(left.length > 10, "too much was forgotten");
  assert.equal(
    rig.core.registry.read((view) => view.count("default", "keys")),
    50,
  );
});

test("trimming waits for the checkpoint: the log after it is needed", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data, { retention: { bytesMax: 1 }, checkpointCommits: 1_000_000 });
  for (let i = 0; i < 50; i++) await rig.done(register("s", `i${i}`));
  assert.equal(rig.core.registry.floor, 0);
  // A quiet moment: the checkpoint is made, then the log goes.
  await until(() => rig.core.registry.floor === 50, { what: "the quiet moment" });
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.equal(
    again.core.registry.read((view) => view.count("default", "instances")),
    50,
  );
});

test("a clock that is wrong makes no history old, not over restarts either", async (t) => {
  const data = temporaryDirectory(t);
  const retention = { ageMs: 2000 };
  let last = 0;
  for (const days of [0, 400, -9000, 0]) {
    const rig = await openStoreRig(t, data, { retention });
    assert.equal(rig.core.registry.floor, 0);
    rig.skew.ms = days * 24 * HOUR_MS;
    await liveABit(rig, 1);
    last = rig.core.numbers().revision;
    assert.equal((await historyOf(rig.core)).length, last);
    await rig.close();
  }
  // The two seconds of the last round, and no more: those before it were hardly any.
  const rig = await openStoreRig(t, data, { retention });
  await until(() => rig.core.registry.floor === last, { what: "history to be two seconds old" });
});

test("how old history is, is known after a restart", async (t) => {
  const data = temporaryDirectory(t);
  const retention = { ageMs: 64 * HOUR_MS };
  const first = await openStoreRig(t, data, { retention });
  await liveABit(first, 1);
  const last = first.core.numbers().revision;
  await first.close();
  const second = await openStoreRig(t, data, { retention });
  second.skew.passedMs = 40 * HOUR_MS;
  await second.close();
  const third = await openStoreRig(t, data, { retention });
  const isGone = (): boolean => {
    third.skew.passedMs += HOUR_MS / 4;
    return third.core.registry.floor === last;
  };
  await until(isGone, { what: "history to be 64 hours old", timeoutMs: 20_000 });
  assert.ok(third.skew.passedMs > 23 * HOUR_MS && third.skew.passedMs < 64 * HOUR_MS, `${third.skew.passedMs}`);
});
