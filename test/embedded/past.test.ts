/** What was: keys at older revisions, and directories without keys; over restarts, too. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isInRange, type KeyRecord } from "../../packages/registry/src/core/index.ts";
import { STORE_FILE } from "../../packages/registry/src/replicators/embedded/directory/files.ts";
import { verifyFile } from "../../packages/registry/src/replicators/embedded/file/verify.ts";
import { Store, touchedKey } from "../../packages/registry/src/replicators/embedded/store/databases.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { everything, openStoreRig, put, rowsBeside, type StoreRig } from "./rig.ts";

/** Memory has next to nothing: reads at older revisions go to the disk. */
const FORGETFUL = { historyCommitsMax: 4 };

type States = Map<number, readonly KeyRecord[]>;

/** Some thousand changes of keys in a few commits, and what the keys were after each of them. */
async function changeALot(rig: StoreRig, states: States, rounds = 30): Promise<void> {
  const note = (): unknown =>
    rig.core.registry.read((view) => states.set(view.revision, [...view.entries("default", "", "")]));
  for (let i = 0; i < rounds; i++) {
    const keys = Array.from({ length: 500 }, (_, k) => `k/${(k * 7 + i * 13) % 1000}`);
    const then = keys.map((key) => put(key, `${i}`));
    await rig.done({ kind: "when", guards: [], then, otherwise: [] });
    note();
    await rig.done({ kind: "delete", from: `k/${i}`, to: `k/${i}9` });
    await rig.done(put("hot", `${i}`), "other");
    note();
  }
}

async function checkStates({ core }: StoreRig, states: States): Promise<void> {
  // Some of them, others each time that there are more.
  const some = [...states].filter(([at], i) => i % 5 === states.size % 5 && at >= core.registry.floor);
  for (const [at, known] of some) {
    for (const range of [{ from: "k/2", to: "k/3" }, { from: "", to: "" }, { from: "k/77" }]) {
      const read = await core.registry.past("default", { ...range, limit: 20 }, at);
      assert.ok(read.ok, read.ok ? "" : read.detail);
      const expected = known.filter(({ key }) => isInRange(range, key));
      assert.deepEqual([read.value.entries, read.value.count], [expected.slice(0, 20), expected.length], `${at}`);
    }
  }
}

/** What a crash would leave now. */
function copyOf(t: TestContext, data: string): string {
  const copy = join(temporaryDirectory(t), "data");
  mkdirSync(copy);
  copyFileSync(join(data, STORE_FILE), join(copy, STORE_FILE));
  return copy;
}

test("keys are read as they were, after stops and crashes, and of stores from before there was an index", async (t) => {
  const data = temporaryDirectory(t);
  const states: States = new Map();
  const rig = await openStoreRig(t, data, FORGETFUL);
  await changeALot(rig, states);
  await checkStates(rig, states);
  // Some rows are written, and more has changed since.
  await until(() => verifyFile(join(data, STORE_FILE)).rows > 0, { what: "a checkpoint" });
  await changeALot(rig, states, 3);
  const crashed = await openStoreRig(t, copyOf(t, data), FORGETFUL);
  await checkStates(crashed, states);
  await changeALot(crashed, new Map(), 1);
  await checkStates(crashed, states);
  await rig.close();
  const old = copyOf(t, data);
  const store = new Store(join(old, STORE_FILE));
  const rows = store.touchedUpTo(Number.MAX_SAFE_INTEGER - 1, 1000);
  assert.ok(rows.length > 3, `${rows.length} rows`);
  await store.write({ gone: rows.map((key) => [key, null] as const) });
  await store.close();
  for (const place of [data, old]) {
    const again = await openStoreRig(t, place, FORGETFUL);
    await checkStates(again, states);
    const later: States = new Map(states);
    await changeALot(again, later, 1);
    await checkStates(again, later);
    await again.close();
    verifyFile(join(place, STORE_FILE));
  }
});

test("the index of keys leaves with the history", async (t) => {
  const data = temporaryDirectory(t);
  const states: States = new Map();
  const rig = await openStoreRig(t, data, FORGETFUL);
  await changeALot(rig, states);
  const [first, ...later] = [...states.keys()];
  const half = later[Math.floor(later.length / 2)] as number;
  const compacted = await rig.core.registry.compact(half);
  assert.ok(compacted.ok);
  await checkStates(rig, states);
  const read = await rig.core.registry.past("default", { from: "k/1" }, first as number);
  assert.ok(!read.ok && read.refusal === "compacted");
  const rowsNow = (): number => rowsBeside(join(data, STORE_FILE)).touched;
  await until(rowsNow, { what: "rows" });
  assert.ok((await rig.core.registry.compact(Math.max(...states.keys()))).ok);
  await until(() => rowsNow() === 0, { what: "the rows to be forgotten" });
});

test("a damaged row of the index is found by who verifies the store, and refused to readers", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data, FORGETFUL);
  for (let i = 0; i < 10; i++) await rig.done(put("k", `${i}`));
  await rig.close();
  const path = join(data, STORE_FILE);
  verifyFile(path);
  const store = new Store(path);
  await store.write({ gone: [[touchedKey(9), Buffer.from("none of ours")]] });
  await store.close();
  assert.throws(() => verifyFile(path), /an index of keys does not match its checksum/);
  await assert.rejects(openStoreRig(t, data), /an index of keys/, "the stop was not that of a registry");
});

test("directories are remembered over restarts, within their bound, and keys that come back are new", async (t) => {
  const data = temporaryDirectory(t);
  let rig = await openStoreRig(t, data, { checkpointCommits: 1 });
  const under = (prefix: string) => rig.core.registry.read((view) => view.account("default")?.under(prefix));
  const again = async (): Promise<void> => {
    const before = everything(rig.core);
    await rig.close();
    rig = await openStoreRig(t, data);
    assert.deepEqual(everything(rig.core), before);
  };
  for (let i = 0; i < 12; i++) {
    // More than are remembered, in a few commits: a transaction puts a thousand keys.
    const keys = Array.from({ length: 1000 }, (_, k) => `jobs/${i}-${k}/x`);
    await rig.done({ kind: "when", guards: [], then: keys.map((key) => put(key, "")), otherwise: [] });
    await rig.done({ kind: "delete", from: `jobs/${i}-`, to: `jobs/${i}.` });
  }
  await rig.done(put("a/b", "1"));
  const gone = (await rig.done({ kind: "delete", from: "a/b" })).revision;
  await again();
  assert.deepEqual(under("a/"), { revision: gone, children: gone });
  assert.equal(under("jobs/0-0/")?.revision, under("jobs/no-such/")?.revision);
  const back = (await rig.done(put("a/b", "2"))).revision;
  await rig.done(put("a/c/d", "3"));
  await rig.done({ kind: "delete", from: "jobs/", to: "jobs0" });
  await again();
  assert.equal(under("a/")?.children, back);
});
