/** A disk that fails: the store's writes are made to reject as the library does, and then the test looks at what is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NoRoom } from "../../packages/registry/src/replicators/embedded/refused.ts";
import { Store, type Writes } from "../../packages/registry/src/replicators/embedded/store/databases.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { everything, openStoreRig, put } from "./rig.ts";

/** How the library reports errors of the system. */
function systemError(code: number, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** What a store says that found no room before a transaction. */
function noRoom(code: number | string): Error {
  return new NoRoom("there is no room", { cause: Object.assign(new Error("something else"), { code }) });
}

/** Replaces the way to the disk until it is told to heal, and after the test. */
function failDisk(t: Scope, write: (store: Store, writes: Writes, real: Store["write"]) => Promise<void>): () => void {
  const real = Store.prototype.write;
  Store.prototype.write = function (writes) {
    return write(this, writes, (some) => real.call(this, some));
  };
  const heal = (): void => {
    Store.prototype.write = real;
  };
  t.after(heal);
  return heal;
}

test("a write without room is refused with a sentence, and the next ones work", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await rig.done(put("before", "1"));
  const sentences: [number | string, RegExp][] = [
    [5, /^the disk reports an error; look at the system's log \(EIO\): nothing can be written to /],
    [28, /^the disk is full \(ENOSPC\): nothing can be written to /],
    [122, /^the quota of this user on the disk is used up \(EDQUOT\): nothing can be written to /],
    ["ENOSPC", /^the disk is full \(ENOSPC\): nothing can be written to /],
    [30, /^the file system is read-only \(EROFS\): nothing can be written to /],
    [-30792, /largest size/],
    [-30798, /^something else: nothing can be written to /],
  ];
  for (const [code, sentence] of sentences) {
    const heal = failDisk(t, async () => {
      throw noRoom(code);
    });
    const outcomes = await Promise.all(["a", "b"].map((key) => rig.propose("default", put(key, String(code)))));
    for (const outcome of outcomes) {
      assert.ok(!outcome.ok && outcome.refusal === "unavailable");
      assert.match(outcome.detail, sentence);
    }
    assert.match(String(rig.replicator.refusing), sentence);
    assert.equal(
      rig.core.registry.read((view) => view.entry("default", "a")),
      undefined,
    );
    heal();
    await rig.done(put("after", String(code)));
    assert.equal(rig.replicator.refusing, null);
  }
  const before = everything(rig.core);
  await rig.close();
  assert.deepEqual(everything((await openStoreRig(t, data)).core), before);
});

test("a write that failed on the disk ends all writing, says why, and the next start has what was acknowledged", async (t) => {
  for (const code of [5, 28, 30, 99]) {
    const data = temporaryDirectory(t);
    const reasons: string[] = [];
    const rig = await openStoreRig(t, data, { onBroken: (why) => void reasons.push(why) });
    await rig.done(put("before", "1"));
    const before = everything(rig.core);
    const heal = failDisk(t, async () => {
      throw systemError(code, "something else");
    });
    const outcomes = await Promise.all(["a", "b"].map((key) => rig.propose("default", put(key, "1"))));
    heal();
    outcomes.push(await rig.propose("default", put("later", "1")));
    for (const outcome of outcomes) assert.ok(!outcome.ok && outcome.refusal === "unavailable");
    assert.equal(reasons.length, 1);
    assert.match(String(reasons[0]), /restart Rollcall/);
    assert.equal(rig.replicator.refusing, reasons[0]);
    await rig.close();
    assert.deepEqual(everything((await openStoreRig(t, data)).core), before);
  }
});

test("what was decided on top of a failed group is decided again", async (t) => {
  const rig = await openStoreRig(t, temporaryDirectory(t));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let calls = 0;
  failDisk(t, async (_store, writes, real) => {
    if (calls++ > 0) return real(writes);
    await held;
    throw noRoom(28);
  });
  const first = rig.propose("default", put("k", "lost"));
  await until(() => calls === 1);
  // Sees the one before, which will not come to be.
  const second = rig.propose("default", {
    kind: "when",
    guards: [{ on: "value", key: "k", is: "=", than: "lost" }],
    then: [{ kind: "put", key: "saw", value: "1" }],
    otherwise: [{ kind: "put", key: "saw", value: "0" }],
  });
  release();
  assert.ok(!(await first).ok);
  const outcome = await second;
  assert.ok(outcome.ok);
  assert.equal(
    rig.core.registry.read((view) => view.entry("default", "saw")?.value),
    "0",
  );
});

test("a group that is on disk although it was reported as failed stops all writes until a restart", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await rig.done(put("k", "1"));
  const heal = failDisk(t, async (_store, writes, real) => {
    await real(writes);
    throw systemError(5, "Input/output error");
  });
  const refused = await rig.propose("default", put("k", "2"));
  assert.ok(!refused.ok);
  heal();
  for (let i = 0; i < 3; i++) {
    const later = await rig.propose("default", put("k", "3"));
    assert.ok(!later.ok && later.refusal === "unavailable");
    assert.match(later.detail, /restart/);
  }
  assert.equal(
    rig.core.registry.read((view) => view.entry("default", "k")?.value),
    "1",
  );
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.equal(
    again.core.registry.read((view) => view.entry("default", "k")?.value),
    "2",
  );
  assert.ok((await again.done(put("k", "4"))).revision > 2);
});

test("a checkpoint that fails is tried again, and nothing is lost by it", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  const heal = failDisk(t, async (_store, writes, real) => {
    if (writes.group === undefined) throw noRoom(28);
    await real(writes);
  });
  for (let i = 0; i < 20; i++) await rig.done(put(`k${i}`, "1"));
  await rig.close();
  heal();
  const again = await openStoreRig(t, data);
  assert.equal(
    again.core.registry.read((view) => view.count("default", "keys")),
    20,
  );
});
