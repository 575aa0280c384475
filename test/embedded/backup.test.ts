/** Backups: taken while writing goes on, verified before anything is restored from them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { restoreBackup, verifyBackup } from "../../packages/registry/src/replicators/embedded/backup.ts";
import { madeOf } from "../harness/root.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { everything, historyOf, liveABit, openStoreRig, put, register, saveBackup } from "./rig.ts";

async function backedUp(t: Scope): Promise<{ file: string; seen: unknown }> {
  const rig = await openStoreRig(t, temporaryDirectory(t));
  await liveABit(rig);
  const file = join(temporaryDirectory(t), "backup.rollcall");
  await saveBackup(rig, file);
  const seen = everything(rig.core);
  await rig.close();
  return { file, seen };
}

/** What a restore keeps: all but where revisions go on. */
function withoutRevision(seen: unknown): unknown {
  return { ...(seen as object), revision: null };
}

test("a backup comes back as the same registry, with later revisions", async (t) => {
  const { file, seen } = await backedUp(t);
  const steps = new Set<string>();
  let last = 0;
  const data = join(temporaryDirectory(t), "data");
  const restored = await restoreBackup(file, data, {
    onProgress: (step, done, total) => {
      steps.add(step);
      assert.ok(done <= total);
      last = done / total;
    },
  });
  assert.ok(restored.ok, restored.ok ? "" : restored.detail);
  assert.deepEqual([...steps], ["verify", "copy"]);
  assert.equal(last, 1);
  assert.equal(restored.value.aside, null);
  const { revision } = restored.value;
  assert.ok(revision >= (seen as { revision: number }).revision + 1_000_000_000);
  for (let start = 0; start < 3; start++) {
    const rig = await openStoreRig(t, data);
    if (start === 0) assert.deepEqual(withoutRevision(everything(rig.core)), withoutRevision(seen));
    assert.equal(rig.core.numbers().revision, revision + start);
    // A position of the lost time, and one before it, are refused: read again.
    for (const after of [(seen as { revision: number }).revision + 5, 1]) {
      const refused = await rig.core.registry.history(after, 10);
      assert.ok(!refused.ok && refused.refusal === "compacted");
    }
    assert.equal((await rig.done(put(`after${start}`, "1"))).revision, revision + start + 1);
    assert.equal((await historyOf(rig.core)).length, start + 1);
    await rig.close();
  }
});

test("a backup taken while writing goes on is one moment of it", async (t) => {
  const rig = await openStoreRig(t, temporaryDirectory(t), { checkpointCommits: 100 });
  const directory = temporaryDirectory(t);
  let stop = false;
  let writes = 0;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    while (!stop) {
      // Two keys that are the same at every revision.
      const value = `value ${writes++}`;
      await rig.done({
        kind: "when",
        guards: [],
        then: [put(`a${writer}`, value), put(`b${writer}`, value)] as never,
        otherwise: [],
      });
      await rig.done(register(`s${writer}`, `i${writes % 50}`));
    }
  });
  const revisions: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = rig.core.numbers().revision;
    const file = join(directory, `backup-${i}`);
    await saveBackup(rig, file);
    const verified = await verifyBackup(file);
    assert.ok(verified.ok, verified.ok ? "" : verified.detail);
    assert.ok(verified.value.revision >= before, "older than when it was asked for");
    assert.ok(verified.value.revision <= rig.core.numbers().revision);
    revisions.push(verified.value.revision);
  }
  stop = true;
  await Promise.all(writers);
  for (const [i, revision] of revisions.entries()) {
    const data = join(directory, `data-${i}`);
    assert.ok((await restoreBackup(join(directory, `backup-${i}`), data)).ok);
    const again = await openStoreRig(t, data);
    assert.equal(again.core.numbers().revision, revision + 1_000_000_000);
    again.core.registry.read((view) => {
      for (let writer = 0; writer < 8; writer++)
        assert.equal(view.entry("default", `a${writer}`)?.value, view.entry("default", `b${writer}`)?.value);
      return true;
    });
    await again.close();
  }
});

test("every flipped byte of a backup is found, and nothing is restored from it", async (t) => {
  const { file } = await backedUp(t);
  const whole = readFileSync(file);
  const places = [0, 30, 150, 5000, whole.length - 1, whole.length - 10, whole.length - 18, whole.length - 100];
  for (let i = 0; i < 12; i++) places.push(Math.floor(Math.random() * whole.length));
  for (const place of places) {
    const bad = Buffer.from(whole);
    bad[place] = (bad[place] as number) ^ 0x10;
    writeFileSync(file, bad);
    const data = join(temporaryDirectory(t), "data");
    const outcome = await restoreBackup(file, data);
    assert.ok(!outcome.ok, `byte ${place} was not found`);
    assert.match(outcome.detail, /damaged|not a Rollcall backup/);
    assert.equal(existsSync(data), false);
  }
});

test("a cut-off backup, another file and no file are refused", async (t) => {
  const { file } = await backedUp(t);
  truncateSync(file, statSync(file).size - 1);
  assert.match(await refusalOf(file), /not a Rollcall backup, or it is cut off/);
  truncateSync(file, 100);
  assert.match(await refusalOf(file), /not a Rollcall backup, or it is cut off/);
  truncateSync(file, 0);
  assert.match(await refusalOf(file), /not a Rollcall backup, or it is cut off/);
  assert.match(await refusalOf(`${file}.nowhere`), /cannot read.*no such file/);
  assert.match(await refusalOf(temporaryDirectory(t)), /cannot read/);
});

test("a directory with something in it is restored over only when asked, and kept aside", async (t) => {
  const { file, seen } = await backedUp(t);
  const data = join(temporaryDirectory(t), "data");
  const rig = await openStoreRig(t, data);
  await rig.done(put("precious", "1"));
  const refused = await restoreBackup(file, data);
  assert.ok(!refused.ok && refused.refusal === "exists");
  const inUse = await restoreBackup(file, data, { force: true });
  assert.ok(!inUse.ok);
  assert.match(inUse.detail, /in use/);
  await rig.close();
  const restored = await restoreBackup(file, data, { force: true });
  assert.ok(restored.ok, restored.ok ? "" : restored.detail);
  const { aside } = restored.value;
  assert.ok(aside !== null && readdirSync(aside).includes("rollcall.mdb"));
  assert.deepEqual(withoutRevision(everything((await openStoreRig(t, data)).core)), withoutRevision(seen));
  const former = await openStoreRig(t, aside);
  assert.equal(
    former.core.registry.read((view) => view.entry("default", "precious")?.value),
    "1",
  );
});

test("backups have no name on the disk, at the same time and after a failure", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await rig.done(put("k", "v"));
  const before = readdirSync(data).sort();
  const taken = await Promise.all(Array.from({ length: 4 }, () => rig.replicator.backup()));
  assert.deepEqual(readdirSync(data).sort(), before);
  for (const one of taken) {
    assert.ok(one.ok, one.ok ? "" : one.detail);
    const file = join(temporaryDirectory(t), "b");
    writeFileSync(file, await buffer(one.value.read()));
    await one.value.close();
    assert.ok((await verifyBackup(file)).ok);
  }
  await rig.close();
  const late = await rig.replicator.backup();
  assert.ok(!late.ok && late.refusal === "unavailable");
  assert.match(late.detail, /not open/);
});

test("what killed backups left in the directory goes at the next start, and is no store", async (t) => {
  const data = temporaryDirectory(t);
  await (await openStoreRig(t, data)).close();
  const kept = readdirSync(data).sort();
  const left = ["backup.0123456789ab.part", "backup.ffffffffffff.part"];
  for (const name of left) writeFileSync(join(data, name), "half a copy");
  const rig = await openStoreRig(t, data);
  for (const name of left) assert.equal(existsSync(join(data, name)), false);
  await rig.close();
  assert.deepEqual(readdirSync(data).sort(), kept);
  writeFileSync(join(data, left[0] as string), "half a copy");
  rmSync(join(data, "rollcall.mdb"));
  await assert.rejects(openStoreRig(t, data), /has lost its rollcall\.mdb/);
});

for (const [what, former] of [
  ["an empty directory", false],
  ["a directory with a store", true],
] as const)
  test(`a restore into ${what} that is killed midway never looks like an empty store`, async (t) => {
    const { file, seen } = await backedUp(t);
    const data = join(temporaryDirectory(t), "data");
    if (former) {
      const rig = await openStoreRig(t, data);
      await rig.done(put("former", "1"));
      await rig.close();
    }
    const child = spawn(process.execPath, [madeOf("test/embedded/restorer.ts"), file, data]);
    const [, signal] = await once(child, "exit");
    assert.equal(signal, "SIGKILL");
    if (former) {
      const rig = await openStoreRig(t, data);
      assert.equal(
        rig.core.registry.read((view) => view.entry("default", "former")?.value),
        "1",
      );
      await rig.close();
    } else
      for (let i = 0; i < 2; i++)
        await assert.rejects(openStoreRig(t, data), /a restore into .* did not come to its end.*rollcall restore/);
    const again = await restoreBackup(file, data, { force: former });
    assert.ok(again.ok, again.ok ? "" : again.detail);
    assert.deepEqual(withoutRevision(everything((await openStoreRig(t, data)).core)), withoutRevision(seen));
  });

test("a restore between the old store and the new one is unfinished, and said to be", async (t) => {
  const { file } = await backedUp(t);
  const data = join(temporaryDirectory(t), "data");
  await (await openStoreRig(t, data)).close();
  renameSync(join(data, "rollcall.mdb"), join(data, "rollcall.mdb.restoring"));
  await assert.rejects(openStoreRig(t, data), /a restore into .* did not come to its end/);
  assert.ok((await restoreBackup(file, data, { force: true })).ok);
  await openStoreRig(t, data);
});

test("a restore over other files keeps them aside, and one into a running registry's directory is refused", async (t) => {
  const { file } = await backedUp(t);
  const data = temporaryDirectory(t);
  mkdirSync(join(data, "thesis"));
  writeFileSync(join(data, "thesis", "one.txt"), "precious");
  const restored = await restoreBackup(file, data, { force: true });
  assert.ok(restored.ok && restored.value.aside !== null);
  assert.equal(readFileSync(join(restored.value.aside, "thesis", "one.txt"), "utf8"), "precious");
  const rig = await openStoreRig(t, data);
  const before = readdirSync(data).sort();
  const refused = await restoreBackup(file, data, { force: true });
  assert.ok(!refused.ok);
  assert.match(refused.detail, /in use/);
  assert.deepEqual(readdirSync(data).sort(), before);
  await rig.done(put("k", "1"));
});

async function refusalOf(file: string): Promise<string> {
  const outcome = await verifyBackup(file);
  assert.ok(!outcome.ok);
  return outcome.detail;
}
