/** The embedded store: what was acknowledged is there again, and directories that are not right are left alone. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { FORMAT } from "../../packages/registry/src/records/sealed.ts";
import { freeze } from "../harness/process.ts";
import { madeOf } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { everything, historyOf, liveABit, openStoreRig, put, register } from "./rig.ts";

const STORE = "rollcall.mdb";

test("everything is there again after a stop", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await liveABit(rig);
  const [before, history] = [everything(rig.core), await historyOf(rig.core)];
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.deepEqual(everything(again.core), before);
  assert.deepEqual(await historyOf(again.core), history);
  const receipt = await again.done(put("next", "1"));
  assert.equal(receipt.revision, (before as { revision: number }).revision + 1);
});

test("everything is there again from rows and log, wherever the checkpoint was", async (t) => {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data, { checkpointCommits: 10 });
  await liveABit(rig, 30);
  // The housekeeping has made a checkpoint by now or makes one soon; the log goes on after it.
  await until(() => rowsIn(data) > 20, { what: "a checkpoint" });
  await liveABit(rig, 5);
  const before = everything(rig.core);
  const copy = join(temporaryDirectory(t), "data");
  mkdirSync(copy);
  // What a crash would leave: the file alone, no mark of a clean stop.
  copyFileSync(join(data, STORE), join(copy, STORE));
  const again = await openStoreRig(t, copy);
  assert.deepEqual(everything(again.core), before);
});

test("order goes on after a restart, within the same millisecond too, and times are those of the clock", async (t) => {
  const data = temporaryDirectory(t);
  let last = { revision: 0, orderMs: 0, nth: 0 };
  for (let round = 0; round < 4; round++) {
    const rig = await openStoreRig(t, data);
    // The clock went back: the order must not.
    rig.skew.ms = -3_600_000 * round;
    const { commit } = await rig.done(put("k", String(round)));
    assert.ok(commit);
    assert.ok(commit.revision > last.revision);
    assert.ok(commit.orderMs > last.orderMs || (commit.orderMs === last.orderMs && commit.nth > last.nth));
    assert.ok(Math.abs(Date.now() + rig.skew.ms - commit.atMs) < 60_000);
    last = commit;
    await rig.close();
  }
});

test("nothing is acknowledged or shown before it is on disk", async (t) => {
  const rig = await openStoreRig(t, temporaryDirectory(t));
  const outcome = rig.propose("default", register("s", "i"));
  assert.equal(rig.core.numbers().revision, 0);
  assert.equal(
    rig.core.registry.read((view) => view.account("default")),
    undefined,
  );
  assert.ok((await outcome).ok);
  assert.equal(rig.core.numbers().revision, 1);
});

test("a second process on the same directory is refused and named the first", async (t) => {
  const data = temporaryDirectory(t);
  const first = await startHolder(data);
  t.after(() => first.kill("SIGKILL"));
  await assert.rejects(openStoreRig(t, data), new RegExp(`in use by process ${first.pid}\\b`));
  await assert.rejects(openStoreRig(t, data), /in use by process/);
  first.kill("SIGKILL");
  await once(first, "exit");
  const rig = await openStoreRig(t, data);
  assert.equal(
    rig.core.registry.read((view) => view.entry("default", "held")?.value),
    "1",
  );
  await assert.rejects(openStoreRig(t, data), /in use already by this process/);
});

test("of many that start at once, at most one gets the directory", async (t) => {
  const data = temporaryDirectory(t);
  const holders = await Promise.allSettled(Array.from({ length: 4 }, () => startHolder(data)));
  for (const holder of holders) if (holder.status === "fulfilled") t.after(() => holder.value.kill("SIGKILL"));
  const won = holders.filter(({ status }) => status === "fulfilled").length;
  assert.ok(won <= 1, `${won} processes hold it`);
});

test("a directory of something else is refused and left as it is", async (t) => {
  const data = temporaryDirectory(t);
  writeFileSync(join(data, "thesis.txt"), "precious");
  await assert.rejects(openStoreRig(t, data), /not a Rollcall data directory.*thesis\.txt/);
  assert.deepEqual(readdirSync(data), ["thesis.txt"]);
  const file = join(temporaryDirectory(t), "file");
  writeFileSync(file, "x");
  await assert.rejects(openStoreRig(t, file), /cannot use the data directory/);
});

test("a store file that is something else is refused and left as it is", async (t) => {
  for (const content of [
    Buffer.alloc(0),
    Buffer.from("SQLite format 3\0"),
    Buffer.alloc(16_384),
    Buffer.alloc(50_000, 7),
  ]) {
    const data = temporaryDirectory(t);
    writeFileSync(join(data, STORE), content);
    await assert.rejects(openStoreRig(t, data), /is damaged.*Nothing was changed.*restore/);
    assert.deepEqual(readFileSync(join(data, STORE)), content);
  }
});

test("a lost store beside its clean mark is not taken for a new directory", async (t) => {
  const data = temporaryDirectory(t);
  await (await openStoreRig(t, data)).close();
  rmSync(join(data, STORE));
  await assert.rejects(openStoreRig(t, data), /has lost its rollcall\.mdb/);
});

test("a directory that has lost its store is refused, whatever else is left of it", async (t) => {
  for (const name of ["owner.mdb", "rollcall.mdb-lock", "clean.json", "owner.1.0a0b0c.sock"]) {
    const data = temporaryDirectory(t);
    writeFileSync(join(data, name), "");
    await assert.rejects(openStoreRig(t, data), /has lost its rollcall\.mdb: ".*" is there.*restore/);
    assert.deepEqual(readdirSync(data), [name]);
  }
  const data = temporaryDirectory(t);
  const first = await startHolder(data);
  first.kill("SIGKILL");
  await once(first, "exit");
  rmSync(join(data, STORE));
  await assert.rejects(openStoreRig(t, data), /has lost its rollcall\.mdb/);
});

test("a first start that was killed before its store was whole begins anew", async (t) => {
  const data = temporaryDirectory(t);
  await (await openStoreRig(t, data)).close();
  rmSync(join(data, "clean.json"));
  truncateSync(join(data, STORE), 5000);
  renameSync(join(data, STORE), join(data, `${STORE}.new`));
  const rig = await openStoreRig(t, data);
  await rig.done(put("k", "1"));
  assert.deepEqual(
    readdirSync(data).filter((name) => name.includes(".new")),
    [],
  );
});

test("a data directory has room for an owner whose path is longer than a socket's name may be", async (t) => {
  const data = join(temporaryDirectory(t), "d".repeat(200), "e".repeat(200));
  const rig = await openStoreRig(t, data);
  await rig.done(put("k", "1"));
  const second = await startHolder(data).then(
    () => "started",
    (error: Error) => error.message,
  );
  assert.match(second, new RegExp(`in use by process ${process.pid}\\b`));
});

const root = process.getuid?.() === 0;
const apart = root ? false : "a namespace of process ids needs root";

test("two containers on one volume, each of them process 1: the second is refused at once", {
  skip: apart,
}, async (t) => {
  const data = temporaryDirectory(t);
  const beginMs = performance.now();
  const first = await startHolder(data, ["unshare", "--pid", "--net", "--fork", "--kill-child"]);
  t.after(() => first.kill("SIGKILL"));
  const startMs = performance.now();
  const usualMs = startMs - beginMs;
  await assert.rejects(
    startHolder(data, ["unshare", "--pid", "--net", "--fork", "--kill-child"]),
    /in use by process 1 of another container/,
  );
  assert.ok(performance.now() - startMs < usualMs * 2 + 3000, "the refusal took long");
  await assert.rejects(openStoreRig(t, data), /in use by process 1\b/);
  // The same process id again, after each way to die.
  for (let round = 0, holder = first; round < 3; round++) {
    holder.kill("SIGKILL");
    await once(holder, "exit");
    holder = await until(() => startHolder(data, ["unshare", "--pid", "--fork", "--kill-child"]));
    const last = holder;
    t.after(() => last.kill("SIGKILL"));
  }
});

test("a stopped process keeps its directory, until it is killed", async (t) => {
  const data = temporaryDirectory(t);
  const first = await startHolder(data);
  t.after(() => first.kill("SIGKILL"));
  await freeze(first);
  for (let i = 0; i < 3; i++)
    await assert.rejects(openStoreRig(t, data), new RegExp(`in use by process ${first.pid}\\b`));
  first.kill("SIGKILL");
  await once(first, "exit");
  const rig = await openStoreRig(t, data);
  await rig.done(put("k", "1"));
  const sockets = readdirSync(data).filter((name) => name.startsWith("owner."));
  assert.equal(sockets.length, 1, "the dead one is removed");
});

test("a cut-off file is refused and left as it is", async (t) => {
  const whole = await filledStore(t);
  const size = usedBytes(whole);
  for (const keep of [0, 1, 4096, 8192, 12_288, size / 2, size - 4096, size - 1]) {
    const data = copyOf(t, whole);
    truncateSync(join(data, STORE), Math.floor(keep));
    const outcome = await tryOpen(t, data);
    // The last pages may be free ones: then nothing is missing.
    if (keep < size / 2) assert.match(String(outcome.refusal), /is damaged/);
    if (outcome.refusal === undefined) assert.deepEqual(outcome.seen, await seenIn(t, whole));
    else assert.match(outcome.refusal, /is damaged.*Nothing was changed/);
  }
});

test("garbage anywhere in the file is found, or was in a page without use", async (t) => {
  const whole = await filledStore(t);
  const seen = await seenIn(t, whole);
  const size = usedBytes(whole);
  let refused = 0;
  const tries = 24;
  for (let i = 0; i < tries; i++) {
    const data = copyOf(t, whole);
    // The first tries hit the heads and trees for sure, the rest falls where it falls.
    const at = i < 6 ? i * 4096 : Math.floor(Math.random() * (size / 4096)) * 4096 + Math.floor(Math.random() * 4000);
    const garbage = Buffer.from(Array.from({ length: i % 2 ? 4096 : 24 }, () => Math.floor(Math.random() * 256)));
    overwrite(join(data, STORE), at, garbage);
    const before = readFileSync(join(data, STORE));
    const outcome = await tryOpen(t, data);
    if (outcome.refusal === undefined) assert.deepEqual(outcome.seen, seen, `garbage at ${at}`);
    else {
      refused++;
      assert.match(outcome.refusal, /is damaged/);
      assert.deepEqual(readFileSync(join(data, STORE)), before, "the file was changed");
    }
  }
  assert.ok(refused >= tries / 4, `only ${refused} of ${tries} were found`);
});

test("a store of a newer format is refused", async (t) => {
  const whole = await filledStore(t);
  const data = copyOf(t, whole);
  const bytes = readFileSync(join(data, STORE));
  // The row that names the store, wherever copies of it lie.
  for (let at = bytes.indexOf('{"program"'); at >= 0; at = bytes.indexOf('{"program"', at + 1))
    bytes[at - 5] = FORMAT + 1;
  writeFileSync(join(data, STORE), bytes);
  await assert.rejects(openStoreRig(t, data), /written by a newer version/);
});

test("a full disk refuses writes with a sentence, reads go on, and room heals it", {
  skip: root ? false : "mounting a small file system needs root",
}, async (t) => {
  const data = smallDisk(t, "3m");
  const rig = await openStoreRig(t, data);
  const acknowledged: string[] = [];
  const refusals: string[] = [];
  for (let i = 0; i < 400 && refusals.length < 12; i++) {
    const outcome = await rig.propose("default", put(`k${i}`, "v".repeat(20_000)));
    if (outcome.ok) acknowledged.push(`k${i}`);
    else refusals.push(outcome.detail);
  }
  assert.ok(acknowledged.length > 10);
  assert.equal(refusals.length, 12, "the disk did not fill");
  for (const refusal of refusals) assert.match(refusal, /^the disk is full/);
  assert.equal(seenKeys(rig.core).length, acknowledged.length);
  assert.ok((await historyOf(rig.core)).length === acknowledged.length);
  execFileSync("mount", ["-o", "remount,size=32m", data]);
  const receipt = await rig.done(put("after", "v".repeat(20_000)));
  assert.ok(receipt.revision > acknowledged.length);
  const before = everything(rig.core);
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.deepEqual(everything(again.core), before);
  await again.close();
});

test("a full disk at the start is a sentence", {
  skip: root ? false : "mounting a small file system needs root",
}, async (t) => {
  const data = smallDisk(t, "20k");
  await assert.rejects(openStoreRig(t, data), /no space left|the disk is full/i);
});

async function filledStore(t: Parameters<typeof openStoreRig>[0]): Promise<string> {
  const data = temporaryDirectory(t);
  const rig = await openStoreRig(t, data);
  await liveABit(rig, 60);
  await rig.done(put("large", "x".repeat(50_000)));
  await rig.close();
  return data;
}

function copyOf(t: Parameters<typeof openStoreRig>[0], data: string): string {
  const copy = temporaryDirectory(t);
  cpSync(data, copy, { recursive: true });
  return copy;
}

async function seenIn(t: Parameters<typeof openStoreRig>[0], data: string): Promise<unknown> {
  const { seen, refusal } = await tryOpen(t, copyOf(t, data));
  assert.equal(refusal, undefined);
  return seen;
}

async function tryOpen(
  t: Parameters<typeof openStoreRig>[0],
  data: string,
): Promise<{ seen?: unknown; refusal?: string }> {
  try {
    const rig = await openStoreRig(t, data);
    const seen = everything(rig.core);
    // A store that opened must also take writes.
    await rig.done(put("more", "1"));
    await rig.close();
    return { seen };
  } catch (error) {
    return { refusal: (error as Error).message };
  }
}

/** A file system of its own, gone after the test. */
function smallDisk(t: Parameters<typeof openStoreRig>[0], size: string): string {
  const data = mkdtempSync(join(tmpdir(), "rollcall-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", data]);
  t.after(() => {
    execFileSync("umount", ["-l", data]);
    rmSync(data, { recursive: true });
  });
  return data;
}

/** Up to the last page in use: the room taken ahead of need lies after it. */
function usedBytes(data: string): number {
  const bytes = readFileSync(join(data, STORE));
  const lastPage = Math.max(...[0, 4096].map((head) => Number(bytes.readBigUInt64LE(head + 144))));
  return (lastPage + 1) * 4096;
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

function seenKeys(core: Awaited<ReturnType<typeof openStoreRig>>["core"]): string[] {
  return core.registry.read((view) => [...view.entries("default", "", "")].map((entry) => entry.key));
}

function rowsIn(data: string): number {
  const program = `
    import { summarizeFile } from ${JSON.stringify(madeOf("packages/registry/src/replicators/embedded/file/verify.ts"))};
    console.log(summarizeFile(${JSON.stringify(join(data, STORE))}).rows);`;
  return Number(
    execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    }),
  );
}

/** A process that holds the directory until it is killed; rejects when it was refused. */
async function startHolder(data: string, within: readonly string[] = []) {
  const [command = "", ...args] = [...within, process.execPath];
  const child = spawn(command, [...args, madeOf("test/embedded/holder.ts"), data], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout);
  const [line] = (await Promise.race([once(lines, "line"), once(child, "exit").then(() => ["gone"])])) as [string];
  if (line !== "holding") throw new Error(line);
  assert.ok(existsSync(join(data, STORE)));
  return child;
}
