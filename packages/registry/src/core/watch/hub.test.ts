/** Watchers: every commit once, in order, none skipped, whatever their pace; and a clear word when history is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { accepted, openRig, type Rig, register } from "../../../../../test/harness/registry.ts";
import type { Clock, Commit, Revision, Scope, Watch, Watcher } from "../index.ts";
import { History } from "./history.ts";
import { WatchHub } from "./hub.ts";

interface Seen extends Watcher {
  readonly revisions: Revision[];
  room: number;
  lostAt: Revision | null;
}

function watcher(room = Number.POSITIVE_INFINITY): Seen {
  return {
    revisions: [],
    room,
    lostAt: null,
    deliver(commits) {
      const taken = commits.slice(0, this.room);
      this.room -= taken.length;
      this.revisions.push(...taken.map(({ revision }) => revision));
      return taken.length;
    },
    lost(compacted) {
      this.lostAt = compacted;
    },
  };
}

async function put(rig: Rig, key: string): Promise<void> {
  accepted(await rig.registry.propose("default", { kind: "put", key, value: "v" }));
}

function follow(rig: Rig, scope: Scope, after: Revision, seen: Watcher): Watch {
  const outcome = rig.registry.follow(scope, after, seen);
  assert.ok(outcome.ok);
  return outcome.value;
}

/** Lets what is queued run, slice by slice. */
async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

const STILL: Clock = { now: () => 0, monotonic: () => 0 };

test("scopes: services, keys, ranges, everything, all accounts", async () => {
  const rig = await openRig();
  const seen = {
    a: watcher(),
    key: watcher(),
    range: watcher(),
    any: watcher(),
    all: watcher(),
    every: watcher(),
    other: watcher(),
  };
  follow(rig, { account: "default", services: ["a"] }, 0, seen.a);
  follow(rig, { account: "default", keys: { from: "k1" } }, 0, seen.key);
  follow(rig, { account: "default", keys: { from: "k", to: "l" } }, 0, seen.range);
  follow(rig, { account: "default", anyService: true }, 0, seen.any);
  follow(rig, { account: "default" }, 0, seen.all);
  follow(rig, {}, 0, seen.every);
  follow(rig, { account: "other" }, 0, seen.other);
  await turn();
  accepted(await rig.registry.propose("default", register("a", "1")));
  accepted(await rig.registry.propose("default", register("b", "1")));
  await put(rig, "k1");
  await put(rig, "k2");
  await put(rig, "m");
  accepted(await rig.registry.propose("other", register("a", "1")));
  // Moving touches both services.
  accepted(
    await rig.registry.propose("default", {
      ...register("a", "moved", "keep"),
      replaces: { service: "b", id: "1" },
    } as never),
  );
  assert.deepEqual(seen.a.revisions, [1, 7]);
  assert.deepEqual(seen.key.revisions, [3]);
  assert.deepEqual(seen.range.revisions, [3, 4]);
  assert.deepEqual(seen.any.revisions, [1, 2, 7]);
  assert.deepEqual(seen.all.revisions, [1, 2, 3, 4, 5, 7]);
  assert.deepEqual(seen.every.revisions, [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(seen.other.revisions, [6]);
});

test("a parked watcher goes on where it stopped, from memory and from the store", async () => {
  const rig = await openRig({ historyCommitsMax: 10 });
  const seen = watcher(3);
  const watch = follow(rig, { account: "default" }, 0, seen);
  for (let i = 0; i < 50; i++) await put(rig, `k${i}`);
  assert.deepEqual(seen.revisions, [1, 2, 3]);
  assert.equal(watch.position, 3);
  seen.room = 5;
  watch.resume();
  await turn();
  assert.deepEqual(seen.revisions, [1, 2, 3, 4, 5, 6, 7, 8]);
  seen.room = Number.POSITIVE_INFINITY;
  watch.resume();
  await turn();
  await put(rig, "last");
  assert.deepEqual(
    seen.revisions,
    Array.from({ length: 51 }, (_, i) => i + 1),
  );
  assert.equal(watch.position, 51);
});

test("a watcher is told once that it has caught up: with what was there when it began", async () => {
  const rig = await openRig({ historyCommitsMax: 4 });
  for (let i = 0; i < 20; i++) await put(rig, `k${i}`);
  const told: string[] = [];
  const tells = (name: string, room?: number): Seen => {
    const seen = watcher(room);
    return Object.assign(seen, { caughtUp: () => told.push(`${name} ${seen.revisions.length}`) });
  };
  follow(rig, { account: "default" }, 20, tells("at the end"));
  follow(rig, { account: "default" }, 18, tells("from memory"));
  follow(rig, { account: "default" }, 0, tells("from the store"));
  follow(rig, { account: "other" }, 0, tells("of other things"));
  const slow = tells("slow", 15);
  const parked = follow(rig, { account: "default" }, 0, slow);
  const resumed = follow(rig, { account: "default" }, 20, tells("resumed before it began"));
  resumed.resume();
  follow(rig, { account: "default" }, 0, tells("closed")).close();
  await turn();
  assert.deepEqual(told.sort(), [
    "at the end 0",
    "from memory 2",
    "from the store 20",
    "of other things 0",
    "resumed before it began 0",
  ]);
  told.length = 0;
  await put(rig, "later");
  slow.room = 5;
  parked.resume();
  await turn();
  // It is parked again, with one to go that came later.
  assert.deepEqual(told, ["slow 20"]);
  slow.room = 100;
  parked.resume();
  await turn();
  await put(rig, "last");
  assert.equal(slow.revisions.length, 22);
  assert.deepEqual(told, ["slow 20"]);
});

test("a watcher that fails when it is told of having caught up goes on", async () => {
  const rig = await openRig();
  const seen = Object.assign(watcher(), {
    caughtUp() {
      throw new Error("a bug");
    },
  });
  follow(rig, { account: "default" }, 0, seen);
  await turn();
  await put(rig, "k");
  assert.deepEqual(seen.revisions, [1]);
  assert.equal(seen.lostAt, null);
  assert.deepEqual(rig.bugs.map(String), ["Error: a bug"]);
});

test("a position that history no longer holds is refused, or lost later", async () => {
  const rig = await openRig({ historyCommitsMax: 4 });
  const slow = watcher(1);
  const watch = follow(rig, { account: "default" }, 0, slow);
  for (let i = 0; i < 20; i++) await put(rig, `k${i}`);
  assert.deepEqual(slow.revisions, [1]);
  const compacted = await rig.registry.compact(10);
  assert.ok(compacted.ok);
  const refused = rig.registry.follow({ account: "default" }, 9, watcher());
  assert.ok(!refused.ok && refused.refusal === "compacted");
  assert.ok(rig.registry.follow({ account: "default" }, 10, watcher()).ok);
  slow.room = 100;
  watch.resume();
  await turn();
  assert.equal(slow.lostAt, 10);
  assert.deepEqual(slow.revisions, [1]);
  const again = await rig.registry.compact(10);
  assert.ok(!again.ok && again.refusal === "compacted");
  const future = await rig.registry.compact(1000);
  assert.ok(!future.ok && future.refusal === "invalid");
});

test("a watcher that fails at a commit is told to begin anew, and others go on", async () => {
  const rig = await openRig();
  const other = follow(rig, { account: "default" }, 0, watcher());
  const failing = watcher();
  let isBroken = true;
  const deliver = failing.deliver.bind(failing);
  failing.deliver = (commits) => {
    if (isBroken && commits[0]?.revision === 2) throw new Error("a bug");
    return deliver(commits);
  };
  failing.lost = (compacted) => {
    failing.lostAt = compacted;
    isBroken = false;
    follow(
      rig,
      { account: "default" },
      rig.registry.read((view) => view.revision),
      failing,
    );
  };
  follow(rig, { account: "default" }, 0, failing);
  await turn();
  for (let i = 0; i < 4; i++) await put(rig, `k${i}`);
  assert.equal(failing.lostAt, 0);
  assert.deepEqual(failing.revisions, [1, 3, 4]);
  assert.equal(other.position, 4);
  assert.deepEqual(rig.bugs.map(String), ["Error: a bug"]);
});

test("a watch that is closed twice, or lost and then closed, counts as one", async () => {
  const rig = await openRig();
  const other = follow(rig, { account: "default" }, 0, watcher());
  const failing = watcher();
  failing.deliver = () => {
    throw new Error("a bug");
  };
  const lost = follow(rig, { account: "default" }, 0, failing);
  const closed = follow(rig, { account: "default" }, 0, watcher());
  assert.equal(rig.core.numbers().watchers, 3);
  await put(rig, "k");
  lost.close();
  closed.close();
  closed.close();
  assert.equal(rig.core.numbers().watchers, 1);
  other.close();
  assert.equal(rig.core.numbers().watchers, 0);
});

test("one that fails at the last commit there was is told of the loss, not of having caught up", async () => {
  const rig = await openRig();
  await put(rig, "k");
  const told: string[] = [];
  follow(
    rig,
    { account: "default" },
    0,
    Object.assign(watcher(), {
      deliver: () => {
        throw new Error("a bug");
      },
      lost: () => told.push("lost"),
      caughtUp: () => told.push("caught up"),
    }),
  );
  await turn();
  assert.deepEqual(told, ["lost"]);
});

test("one whose older commits cannot be read is told to begin anew", async () => {
  const bugs: unknown[] = [];
  const history = new History(10, 4, 4);
  const older = { floor: 2, history: () => Promise.reject(new Error("the disk")) };
  const hub = new WatchHub({
    history,
    older,
    clock: STILL,
    wait: () => {},
    inTurn: setImmediate,
    onBug: (error) => bugs.push(error),
  });
  hub.revision = 10;
  const seen = watcher();
  assert.ok(hub.follow({}, 5, seen).ok);
  await turn();
  assert.equal(seen.lostAt, 2);
  assert.equal(hub.count, 0);
  assert.deepEqual(bugs.map(String), ["Error: the disk"]);
});

test("any mixture of paces sees the same order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("put", "room", "resume"), { minLength: 5, maxLength: 60 }),
      async (steps) => {
        const rig = await openRig({ historyCommitsMax: 3 });
        const seen = watcher(0);
        const watch = follow(rig, { account: "default" }, 0, seen);
        let written = 0;
        for (const step of steps) {
          if (step === "put") await put(rig, `k${written++}`);
          else if (step === "room") seen.room++;
          else watch.resume();
          await turn();
        }
        seen.room = Number.POSITIVE_INFINITY;
        watch.resume();
        await turn();
        await turn();
        assert.deepEqual(
          seen.revisions,
          Array.from({ length: written }, (_, i) => i + 1),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("when the view jumps, who is in step is lost, and the others read what history has of the gap", async () => {
  for (const floor of [2, 25]) {
    const commits = Array.from({ length: 30 }, (_, i) => ({
      ...{ revision: i + 1, account: "default", atMs: 0, orderMs: 0, nth: 0, changes: [] },
    }));
    const history = new History(10, 40, 40);
    const older = {
      floor: 2,
      history: async (after: Revision) => commits.filter(({ revision }) => revision > after && revision <= 30),
    };
    const fail = (error: unknown): never => assert.fail(String(error));
    const hub = new WatchHub({ history, older, clock: STILL, wait: fail, inTurn: setImmediate, onBug: fail });
    hub.revision = 10;
    const seen = { live: watcher(), parked: watcher(0), alone: watcher(), step: { ...watcher(), inStep: true } };
    for (const [name, one] of Object.entries(seen)) assert.ok(hub.follow({}, name === "parked" ? 9 : 10, one).ok);
    history.push(commits[10] as Commit);
    await turn();
    hub.publish([commits[10] as Commit]);
    await turn();
    older.floor = floor;
    history.compact(30);
    hub.jump(30);
    assert.equal(seen.step.lostAt, floor);
    await hub.reached(30);
    await turn();
    const rest = commits.slice(10).map(({ revision }) => revision);
    assert.deepEqual(seen.live.revisions, floor === 2 ? rest : [11]);
    assert.equal(seen.live.lostAt, floor === 2 ? null : floor);
    // One that joins now begins at the new head.
    const late = watcher();
    assert.ok(hub.follow({}, 30, late).ok);
    await turn();
    const next = { ...(commits[29] as Commit), revision: 31 };
    history.push(next);
    hub.publish([next]);
    await turn();
    assert.deepEqual(late.revisions, [31]);
  }
});
