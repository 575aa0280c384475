/** The store alone, killed while checkpoints and trimming go on all the time; every page is looked at after each kill. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { verifyFile } from "../../packages/registry/src/replicators/embedded/file/verify.ts";
import { openStoreRig } from "../embedded/rig.ts";
import { BUSY } from "../embedded/writer.ts";
import { madeOf } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";

const KILLS = Number(process.env.SOAK_KILLS ?? 500);

interface Written {
  readonly revision: number;
  readonly length: number;
}

test(`the store survives ${KILLS} kills in the midst of its housekeeping`, { timeout: 10 * 3600 * 1000 }, async (t) => {
  const data = temporaryDirectory(t);
  const written = new Map<string, Written>();
  let last = 0;
  for (let round = 1; round <= KILLS; round++) {
    const acknowledged = await writeUntilKilled(data, written);
    last = Math.max(last, acknowledged);
    const summary = verifyFile(join(data, "rollcall.mdb"));
    assert.ok(summary.revision >= last, `the revision went back from ${last} to ${summary.revision}`);
    const rig = await openStoreRig(t, data, BUSY);
    for (const [name, { revision, length }] of written) {
      const entry = rig.core.registry.read((view) => view.entry("default", name));
      assert.ok(entry !== undefined && entry.modRevision >= revision, `${name} of revision ${revision} is lost`);
      if (entry.modRevision === revision) assert.equal(entry.value.length, length);
    }
    const commits = await rig.replicator.history(rig.replicator.floor, 1_000_000);
    assert.equal(commits.at(-1)?.revision ?? rig.replicator.floor, rig.core.numbers().revision);
    last = rig.core.numbers().revision;
    await rig.close();
    if (round % 25 === 0)
      t.diagnostic(`${round} kills, revision ${last}, floor ${summary.floor}, ${summary.bytes} bytes`);
  }
});

async function writeUntilKilled(data: string, written: Map<string, Written>): Promise<number> {
  const child = spawn(process.execPath, [madeOf("test/embedded/writer.ts"), data], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = 0;
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => {
    if (line === "ready") {
      setTimeout(() => child.kill("SIGKILL"), 50 + Math.random() * 1500);
      return;
    }
    const [revision, name, length, n] = line.split(" ");
    // The kill may cut the last line off.
    if (n === undefined || n === "") return;
    written.set(name as string, { revision: Number(revision), length: Number(length) });
    last = Math.max(last, Number(revision));
  });
  const [[code, signal]] = await Promise.all([once(child, "exit"), once(lines, "close")]);
  assert.equal(signal, "SIGKILL", `the writer ended with ${code}`);
  return last;
}
