/** Keeping up: the state and every commit after it, whatever happens to the watch in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, type Rig, replaceIn } from "../../../../../test/harness/registry.ts";
import { type Commit, type Follower, keepUp, refuse, type View, type Watcher } from "../index.ts";

async function put({ registry }: Rig, key: string): Promise<void> {
  accepted(await registry.propose("default", { kind: "put", key, value: "v" }));
}

/** Lets what is queued run. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Keeps the keys of an account, and a note of how. */
class Keys implements Follower {
  readonly notes: string[] = [];
  keys: string[] = [];

  read(view: View): void {
    this.keys = [...view.entries("default", "", "")].map(({ key }) => key);
    this.notes.push(`read at ${view.revision}`);
  }

  take(commit: Commit): void {
    for (const change of commit.changes) if (change.kind === "key") this.keys.push(change.after?.key ?? "");
    this.notes.push(`took ${commit.revision}`);
  }
}

test("the state comes first, then every commit after it, until it is closed", async () => {
  const rig = await openRig();
  await put(rig, "a");
  const keys = new Keys();
  const following = keepUp(rig.registry, { account: "default" }, keys);
  assert.deepEqual(keys.notes, ["read at 1"]);
  await put(rig, "b");
  await put(rig, "c");
  following.close();
  await put(rig, "d");
  assert.deepEqual(keys.notes, ["read at 1", "took 2", "took 3"]);
  assert.deepEqual(keys.keys, ["a", "b", "c"]);
  assert.equal(rig.core.numbers().watchers, 0);
});

test("one that fails at a commit is reported as a bug, and reads the state again", async () => {
  const rig = await openRig();
  const keys = new Keys();
  const take = keys.take.bind(keys);
  keys.take = (commit) => {
    if (commit.revision === 2) throw new Error("a bug");
    take(commit);
  };
  const following = keepUp(rig.registry, { account: "default" }, keys);
  for (const key of ["a", "b", "c"]) await put(rig, key);
  assert.deepEqual(keys.notes, ["read at 0", "took 1", "read at 2", "took 3"]);
  assert.deepEqual(keys.keys, ["a", "b", "c"]);
  assert.deepEqual(rig.bugs.map(String), ["Error: a bug"]);
  following.close();
  assert.equal(rig.core.numbers().watchers, 0);
});

test("of commits that come as one group those after a loss are read, not taken as well", async () => {
  const rig = await openRig();
  const keys = new Keys();
  const take = keys.take.bind(keys);
  keys.take = (commit) => {
    if (commit.revision === 1) throw new Error("a bug");
    take(commit);
  };
  keepUp(rig.registry, { account: "default" }, keys);
  await turn();
  await Promise.all(["a", "b", "c"].map((key) => put(rig, key)));
  await put(rig, "d");
  assert.deepEqual(keys.notes, ["read at 0", "read at 3", "took 4"]);
  assert.deepEqual(keys.keys, ["a", "b", "c", "d"]);
});

test("a refused follow is tried again with the state as it is then, and holds up nothing else", async () => {
  const rig = await openRig();
  let refusals = 3;
  const registry = replaceIn(rig.registry, {
    follow: (scope, after, watcher) =>
      refusals-- > 0 ? refuse("compacted", "gone") : rig.registry.follow(scope, after, watcher),
  });
  const keys = new Keys();
  const following = keepUp(registry, { account: "default" }, keys);
  assert.deepEqual(keys.notes, ["read at 0"]);
  while (refusals >= 0) await turn();
  await put(rig, "a");
  assert.deepEqual(keys.notes, ["read at 0", "read at 0", "read at 0", "read at 0", "took 1"]);
  following.close();
});

test("one that is closed between a refusal and the next try reads no more", async () => {
  const rig = await openRig();
  const keys = new Keys();
  const registry = replaceIn(rig.registry, { follow: () => refuse("compacted", "gone") });
  keepUp(registry, { account: "default" }, keys).close();
  await turn();
  await turn();
  assert.deepEqual(keys.notes, ["read at 0"]);
});

test("one that is closed while it reads again follows no more", async () => {
  const rig = await openRig();
  const keys = new Keys();
  const read = keys.read.bind(keys);
  keys.read = (view) => {
    read(view);
    if (view.revision > 0) following.close();
  };
  keys.take = () => {
    throw new Error("a bug");
  };
  const following = keepUp(rig.registry, { account: "default" }, keys);
  for (const key of ["a", "b"]) await put(rig, key);
  assert.deepEqual(keys.notes, ["read at 0", "read at 1"]);
  assert.equal(rig.core.numbers().watchers, 0);
});

test("a loss that is told after the close changes nothing", async () => {
  const rig = await openRig();
  let watcher: Watcher | undefined;
  const registry = replaceIn(rig.registry, {
    follow: (scope, after, given) => {
      watcher = given;
      return rig.registry.follow(scope, after, given);
    },
  });
  const keys = new Keys();
  keepUp(registry, { account: "default" }, keys).close();
  watcher?.lost(0);
  assert.deepEqual(keys.notes, ["read at 0"]);
  assert.equal(rig.core.numbers().watchers, 0);
});

test("a state that cannot be read at the beginning is the caller's to know", async () => {
  const rig = await openRig();
  const keys = new Keys();
  keys.read = () => {
    throw new Error("a bug");
  };
  assert.throws(() => keepUp(rig.registry, { account: "default" }, keys), /a bug/);
  assert.equal(rig.core.numbers().watchers, 0);
});

test("one that takes in history begins where it says, and is told when it has caught up", async () => {
  const rig = await openRig({ historyCommitsMax: 2 });
  for (const key of ["a", "b", "c", "d"]) await put(rig, key);
  const notes: string[] = [];
  let taken = 1;
  const following = keepUp(
    rig.registry,
    { account: "default" },
    {
      read: (view) => notes.push(`read at ${view.revision}`),
      after: () => taken,
      take: ({ revision }) => {
        taken = revision;
        notes.push(`took ${revision}`);
        if (revision === 5) throw new Error("a bug");
      },
      caughtUp: () => notes.push("caught up"),
    },
  );
  while (notes.at(-1) !== "caught up") await turn();
  assert.deepEqual(notes, ["read at 4", "took 2", "took 3", "took 4", "caught up"]);
  notes.length = 0;
  await put(rig, "e");
  await turn();
  await put(rig, "f");
  assert.deepEqual(notes, ["took 5", "read at 5", "caught up", "took 6"]);
  following.close();
});
