/** Directories written by older programs open, go on, and are no longer for those programs. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Change, Commit, Core, KeyRecord } from "../../../packages/registry/src/core/index.ts";
import { FORMAT } from "../../../packages/registry/src/records/sealed.ts";
import { restoreBackup } from "../../../packages/registry/src/replicators/embedded/backup.ts";
import { readState, verifyFile } from "../../../packages/registry/src/replicators/embedded/file/verify.ts";
import { temporaryDirectory } from "../../harness/scope.ts";
import { everything, historyOf, liveABit, openStoreRig, put, saveBackup } from "../rig.ts";

const STORE = "rollcall.mdb";

interface State {
  readonly revision: number;
  readonly accounts: readonly {
    readonly entries: readonly KeyRecord[];
    readonly counts: Readonly<Record<string, number>>;
    readonly directories?: unknown;
    readonly times?: unknown;
  }[];
}

interface Seen {
  readonly state: State;
  readonly history: readonly Commit[];
}

function unpack(file: string): Buffer {
  return gunzipSync(readFileSync(new URL(file, import.meta.url)));
}

/** What readers saw of the store when it was written, as it reads now. */
function seenOf(format: number): Seen {
  const { state, history } = JSON.parse(unpack(`format-${format}.json.gz`).toString("utf8")) as Seen;
  if (format > 1) return { state: withoutNew(state), history };
  const accounts = state.accounts.map((account) => ({ ...account, entries: account.entries.map(toKeyNow) }));
  const commits = history.map((commit) => ({ ...commit, changes: commit.changes.map(toChangeNow) }));
  return { state: { ...state, accounts }, history: commits };
}

/** What the oldest programs knew of already. */
function knownOf(core: Core): State {
  return withoutNew(everything(core) as State);
}

function withoutNew({ accounts, ...state }: State): State {
  return {
    ...state,
    accounts: accounts.map(({ directories, times, counts: { bytes, ...counts }, ...account }) => ({
      ...account,
      counts,
    })),
  };
}

function toKeyNow(record: KeyRecord): KeyRecord {
  return { ...record, atEnd: "delete", detachedAtMs: 0, createdAtMs: record.stampMs };
}

function toChangeNow(change: Change): Change {
  if (change.kind !== "key") return change;
  const [before, after] = [change.before, change.after].map((record) => record && toKeyNow(record));
  return { ...change, before: before ?? null, after: after ?? null };
}

async function goOn(t: TestContext, format: number): Promise<void> {
  const data = temporaryDirectory(t);
  const path = join(data, STORE);
  writeFileSync(path, unpack(`format-${format}.mdb.gz`));
  assert.equal(readState(path, false, () => {}).format, format);
  const seen = seenOf(format);
  const rig = await openStoreRig(t, data);
  assert.deepEqual(knownOf(rig.core), seen.state);
  assert.deepEqual(await historyOf(rig.core), seen.history);
  const gone = seen.history.flatMap(({ changes }) => changes).find(({ cause }) => cause === "deregistered")?.before;
  assert.ok(gone !== undefined && gone !== null && "service" in gone);
  assert.ok((await rig.core.registry.goneAt("default", gone)) > 0);
  assert.equal(readState(path, false, () => {}).format, FORMAT);
  // Revisions go on, and what is of the old form is changed, kept and ended like anything else.
  const { revision } = await rig.done(put("next", "1"));
  assert.equal(revision, seen.state.revision + 1);
  await rig.done({ kind: "put", key: "lock", value: "1", lease: "shared", atEnd: "detach" });
  await liveABit(rig, 3);
  await rig.done({ kind: "end", lease: "shared", cause: "closed" });
  const now = everything(rig.core);
  const history = await historyOf(rig.core);
  assert.deepEqual(history.slice(0, seen.history.length), seen.history);
  await rig.close();
  const again = await openStoreRig(t, data);
  assert.deepEqual(everything(again.core), now);
  assert.deepEqual(await historyOf(again.core), history);
  await again.close();
  assert.equal(verifyFile(path).revision, history.at(-1)?.revision);
}

for (let format = 1; format < FORMAT; format++)
  test(`a directory of format ${format} opens with all that it holds, goes on, and is no longer for older programs`, (t) =>
    goOn(t, format));

test("keys of a directory of format 1 are read as they were, where they were deleted before it was opened as well", async (t) => {
  const data = temporaryDirectory(t);
  writeFileSync(join(data, STORE), unpack("format-1.mdb.gz"));
  const { history } = seenOf(1);
  for (const round of ["1", "2"]) {
    // Memory has next to nothing: the store is asked.
    const rig = await openStoreRig(t, data, { historyCommitsMax: 2 });
    const keys = new Map<string, KeyRecord>();
    const since = rig.core.registry.read((view) => view.account("default")?.directories.since) as number;
    assert.ok(since > 0 && since <= history.length, "what the rows of its directories do not tell");
    for (const { account, revision, changes } of history) {
      if (account !== "default") continue;
      for (const change of changes) {
        if (change.kind !== "key") continue;
        if (change.after === null) keys.delete((change.before as KeyRecord).key);
        else keys.set(change.after.key, change.after);
      }
      const read = await rig.core.registry.past("default", { from: "k/", to: "k0" }, revision);
      assert.ok(read.ok, read.ok ? "" : read.detail);
      const expected = [...keys.values()].filter(({ key }) => key.startsWith("k/"));
      assert.deepEqual(
        read.value.entries,
        expected.sort((a, b) => (a.key < b.key ? -1 : 1)),
      );
      const one = await rig.core.registry.past("default", { from: "k/0" }, revision);
      assert.deepEqual(one.ok && one.value.entries[0], keys.get("k/0"));
    }
    await rig.done(put("next", round));
    await rig.close();
  }
});

test("a directory of format 1 that was never written to since is backed up and restored", async (t) => {
  const data = temporaryDirectory(t);
  writeFileSync(join(data, STORE), unpack("format-1.mdb.gz"));
  const rig = await openStoreRig(t, data);
  const file = join(temporaryDirectory(t), "backup");
  await saveBackup(rig, file);
  const target = join(temporaryDirectory(t), "data");
  const restored = await restoreBackup(file, target);
  assert.ok(restored.ok, restored.ok ? "" : restored.detail);
  const { state } = seenOf(1);
  const again = await openStoreRig(t, target);
  assert.deepEqual(knownOf(again.core), { ...state, revision: restored.value.revision });
});
