/** What every replicator with a total order must do, whatever is behind it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import {
  type Clock,
  type Command,
  type Commit,
  type Core,
  isInRange,
  type KeyRange,
  type KeyRecord,
  openCore,
  type Replicator,
  type Result,
  type Rules,
} from "../../packages/registry/src/core/index.ts";
import { createEmbedded } from "../../packages/registry/src/replicators/embedded/replicator.ts";
import { createEtcd } from "../../packages/registry/src/replicators/etcd/replicator.ts";
import { createMemory } from "../../packages/registry/src/replicators/memory/replicator.ts";
import { etcd, startCluster } from "../etcd/cluster-rig.ts";
import { accepted, countsOf, instanceOf, LIMITS_OF_TESTS, register } from "../harness/registry.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

interface Time {
  now: number;
  monotonic: number;
}

interface Implementation {
  readonly name: string;
  /** Why a part of the suite does not apply; printed where it is left out. */
  readonly forgets?: string;
  /** Why there is nothing to be tried. */
  readonly missing?: string;
  create(parts: { clock: Clock; rules: Rules; origin: string }, dataDir: string): Replicator;
}

/** One for all tests of this file, each of them below a prefix of its own. */
const [member] = etcd.skip === false ? await startCluster({ after }) : [];

const IMPLEMENTATIONS: readonly Implementation[] = [
  {
    name: "memory",
    forgets: "it has no store by design",
    create: (parts) => createMemory(parts),
  },
  { name: "embedded", create: (parts, dataDir) => createEmbedded({ ...parts, dataDir }) },
  {
    name: "etcd",
    ...(member === undefined && { missing: String(etcd.skip) }),
    create: (parts, dataDir) =>
      createEtcd({ ...parts, dataDir, endpoints: [member?.url ?? ""], prefix: `${dataDir}/` }),
  },
];

interface Opened {
  readonly core: Core;
  readonly time: Time;
  close(): Promise<void>;
}

async function open(
  scope: Scope,
  implementation: Implementation,
  dataDir: string,
  time: Time = { now: 1_000_000, monotonic: 0 },
  historyCommitsMax?: number,
): Promise<Opened> {
  const clock: Clock = { now: () => time.now, monotonic: () => time.monotonic };
  const rules: Rules = { limits: () => LIMITS_OF_TESTS };
  const core = await openCore({
    clock,
    replicator: implementation.create({ clock, rules, origin: "n1" }, dataDir),
    policy: createProtection(PROTECTION_DEFAULTS),
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: () => setImmediate,
    onBug: (error) => assert.fail(String(error)),
    ...(historyCommitsMax === undefined ? {} : { historyCommitsMax }),
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= core.close();
    return closing;
  };
  scope.after(close);
  return { core, time, close };
}

const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });

async function allOf(core: Core): Promise<readonly Commit[]> {
  const outcome = await core.registry.history(core.registry.floor, 10_000);
  assert.ok(outcome.ok);
  return outcome.value;
}

type Keys = readonly KeyRecord[];

function keysOf(core: Core, account: string): Keys {
  return core.registry.read((view) => [...view.entries(account, "", "")]);
}

/** The names of the keys that are changed: some of them longer than the store can name. */
const NAMES = ["a", "a/", "a/b", "b", "\0own", "\xff\xff", `${"x".repeat(3000)}1`, `${"x".repeat(3000)}2`];

/** Changes keys in all ways, and then reads them at every revision. */
async function checkPast(core: Core): Promise<void> {
  const { registry } = core;
  const at = new Map<number, { default: Keys; other: Keys }>();
  const note = (): unknown =>
    at.set(
      registry.read((view) => view.revision),
      { default: keysOf(core, "default"), other: keysOf(core, "other") },
    );
  note();
  for (let i = 0; i < 60; i++) {
    const [one, two] = [NAMES[(i * 5) % NAMES.length] as string, NAMES[(i * 3 + 1) % NAMES.length] as string];
    const account = i % 4 === 3 ? "other" : "default";
    const twice = [put(one, `${i}`), put(one, `${i} again`), put(two, `${i}`)];
    if (i % 10 === 7)
      accepted(await registry.propose(account, { kind: "grant", lease: "l", ttlMs: 60_000, via: "test" }));
    if (i % 10 === 7) accepted(await registry.propose(account, { kind: "put", key: "leased", value: "", lease: "l" }));
    if (i % 10 === 9) await registry.propose(account, { kind: "end", lease: "l", cause: "closed" });
    if (i % 5 === 4) accepted(await registry.propose(account, { kind: "delete", from: one, to: "" }));
    else if (i % 5 === 3)
      accepted(await registry.propose(account, { kind: "when", guards: [], then: twice, otherwise: [] }));
    else accepted(await registry.propose(account, i % 7 === 6 ? register("s", "i") : put(one, `${i}`)));
    note();
  }
  for (const [revision, known] of at)
    for (const account of ["default", "other"] as const)
      for (const range of [
        { from: "", to: "" },
        { from: "a", to: "b" },
        { from: "a" },
        { from: "x", to: "x".repeat(4000) },
      ])
        await checkRange(core, account, range, revision, known[account]);
}

async function checkRange(core: Core, account: string, range: KeyRange, at: number, known: Keys): Promise<void> {
  const expected = known.filter(({ key }) => isInRange(range, key));
  const read = await core.registry.past(account, { ...range, limit: 3 }, at);
  assert.ok(read.ok, read.ok ? "" : read.detail);
  const { entries, count, more } = read.value;
  assert.deepEqual([entries, count, more], [expected.slice(0, 3), expected.length, expected.length > 3], `${at}`);
}

/** The values of all that was read, one after the other. */
function valuesIn(result: Result): readonly string[] {
  if (result.kind === "range") return result.entries.map(({ value }) => value);
  return result.kind === "when" ? result.results.flatMap(valuesIn) : [];
}

for (const { name, missing } of IMPLEMENTATIONS)
  if (missing !== undefined) test(`replicator ${name}`, { skip: missing }, () => {});

for (const implementation of IMPLEMENTATIONS.filter(({ missing }) => missing === undefined)) {
  const named = (what: string): string => `replicator ${implementation.name}: ${what}`;
  test(named("revisions grow by one, and history holds every commit in order"), async (t) => {
    const { core } = await open(t, implementation, temporaryDirectory(t));
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, i) => core.registry.propose("default", put(`k${i % 7}`, String(i)))),
    );
    assert.deepEqual(
      outcomes.map((outcome) => accepted(outcome).revision),
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    const commits = await allOf(core);
    assert.deepEqual(
      commits.map((commit) => commit.revision),
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    const stamps = commits.map(({ atMs, nth }) => atMs * 10_000 + nth);
    assert.ok(
      stamps.every((stamp, i) => i === 0 || stamp > (stamps[i - 1] as number)),
      "two changes have one time",
    );
  });

  test(named("an answered proposal is visible, and its watchers were told before"), async (t) => {
    const { core } = await open(t, implementation, temporaryDirectory(t));
    const told: number[] = [];
    core.registry.follow({ account: "default" }, 0, {
      inStep: true,
      deliver(commits) {
        told.push(...commits.map(({ revision }) => revision));
        return commits.length;
      },
      lost: () => assert.fail(),
    });
    for (let i = 1; i <= 20; i++) {
      const { revision } = accepted(await core.registry.propose("default", put("k", String(i))));
      assert.equal(
        core.registry.read((view) => view.entry("default", "k")?.value),
        String(i),
      );
      assert.equal(told.at(-1), revision);
    }
  });

  test(named("a transaction is one commit, or none"), async (t) => {
    const { core } = await open(t, implementation, temporaryDirectory(t));
    const good = await core.registry.propose("default", {
      kind: "when",
      guards: [],
      then: [put("a"), put("b"), register("s", "i")],
      otherwise: [],
    });
    assert.equal(accepted(good).commit?.changes.length, 4);
    const bad = await core.registry.propose("default", {
      kind: "when",
      guards: [],
      then: [put("c"), put("")],
      otherwise: [],
    });
    assert.ok(!bad.ok && bad.refusal === "invalid");
    assert.equal(
      core.registry.read((view) => view.entry("default", "c")),
      undefined,
    );
    assert.equal((await allOf(core)).length, 1);
  });

  test(named("history: in pages, by time, compacted"), async (t) => {
    const { core, time } = await open(t, implementation, temporaryDirectory(t));
    for (let i = 1; i <= 30; i++) {
      time.now += 1000;
      accepted(await core.registry.propose("default", put("k", String(i))));
    }
    const page = await core.registry.history(10, 5);
    assert.deepEqual(page.ok && page.value.map((commit) => commit.revision), [11, 12, 13, 14, 15]);
    assert.equal(await core.registry.revisionAt(1_000_000 + 10_000), 9);
    assert.equal(await core.registry.revisionAt(1_000_000 + 10_001), 10);
    assert.equal(await core.registry.revisionAt(0), 0);
    assert.equal(await core.registry.revisionAt(time.now + 1), 30);
    const compacted = await core.registry.compact(12);
    assert.ok(compacted.ok && core.registry.floor === 12);
    const gone = await core.registry.history(11, 5);
    assert.ok(!gone.ok && gone.refusal === "compacted");
    const left = await core.registry.history(12, 1);
    assert.deepEqual(left.ok && left.value.map((commit) => commit.revision), [13]);
  });

  test(
    named("keys are read as they were at any revision that history knows, from memory and from the store"),
    async (t) => {
      const { core } = await open(t, implementation, temporaryDirectory(t), undefined, 10);
      await checkPast(core);
    },
  );

  test(named("a transaction reads at older revisions, and only what its branch asks for can refuse it"), async (t) => {
    const { core } = await open(t, implementation, temporaryDirectory(t), undefined, 2);
    const { registry } = core;
    for (let i = 1; i <= 9; i++) accepted(await registry.propose("default", put("k", `${i}`)));
    const range = (at?: number): Command => ({ kind: "range", from: "k", ...(at === undefined ? {} : { at }) });
    const when = (then: readonly Command[], otherwise: readonly Command[]): Command => ({
      kind: "when",
      guards: [{ on: "version", key: "k", is: "=", than: 9 }],
      then: [put("k", "new"), { kind: "when", guards: [], then, otherwise: [] }],
      otherwise,
    });
    const { result } = accepted(await registry.propose("default", when([range(3), range(), range(9)], [range(99)])));
    assert.deepEqual(valuesIn(result), ["3", "new", "9"]);
    const later = await registry.propose("default", when([range(3)], [put("l"), range(99)]));
    assert.ok(!later.ok && later.refusal === "invalid" && later.step?.[0] === 1, "in the future");
    accepted(await registry.propose("default", { kind: "compact", revision: 5 }));
    const past = async (at: number): Promise<unknown> => {
      const outcome = await registry.past("default", { from: "k" }, at);
      return outcome.ok ? outcome.value.entries[0]?.value : outcome.refusal;
    };
    assert.deepEqual(
      [await past(4), await past(5), await past(10), await past(12)],
      ["compacted", "5", "new", "invalid"],
    );
    assert.ok((await registry.compact(8)).ok);
    assert.deepEqual([await past(7), await past(8), await past(1.5)], ["compacted", "8", "invalid"]);
    const alone = await registry.propose("default", range(9));
    assert.deepEqual(valuesIn(accepted(alone).result), ["9"]);
  });

  test(named("an account has a floor of its own for the history of its keys, which nobody else feels"), async (t) => {
    const { core } = await open(t, implementation, temporaryDirectory(t));
    const { registry } = core;
    for (let i = 1; i <= 6; i++) accepted(await registry.propose(i % 2 ? "default" : "other", put(`k${i}`)));
    const compacted = accepted(await registry.propose("default", { kind: "compact", revision: 4 }));
    assert.equal(compacted.revision, 7);
    const lost = { deliver: () => 0, lost: () => assert.fail() };
    const follow = (account: string, from: string | null, after: number): string => {
      const outcome = registry.follow(from === null ? { account } : { account, keys: { from, to: "" } }, after, lost);
      if (outcome.ok) outcome.value.close();
      return outcome.ok ? "followed" : outcome.refusal;
    };
    assert.deepEqual([follow("default", "k", 3), follow("default", "k", 4)], ["compacted", "followed"]);
    assert.deepEqual([follow("other", "k", 3), follow("default", null, 3)], ["followed", "followed"]);
    assert.equal((await allOf(core)).length, 7);
    const again = await registry.propose("default", { kind: "compact", revision: 4 });
    assert.ok(!again.ok && again.refusal === "compacted");
  });

  test(named("what is gone is found by its name, as long as history holds it"), async (t) => {
    const { core } = await open(t, implementation, temporaryDirectory(t));
    const done = async (command: Command, account = "default") =>
      accepted(await core.registry.propose(account, command)).revision;
    const goneAt = (service: string, id: string, account = "default") => core.registry.goneAt(account, { service, id });
    const [one, two] = [
      { service: "s", id: "1" },
      { service: "s", id: "2" },
    ];
    for (const { service, id } of [one, two]) await done(register(service, id));
    assert.equal(await goneAt("s", "1"), 0);
    const first = await done({ kind: "deregister", instance: one });
    assert.equal(await goneAt("s", "1"), first);
    await done(register("s", "1"));
    assert.equal(await goneAt("s", "1"), first, "it is back, and was gone");
    const second = await done({ kind: "deregister", instance: one });
    const moved = await done({ kind: "register", instance: instanceOf("s", "3"), life: "keep", replaces: two });
    assert.deepEqual([await goneAt("s", "1"), await goneAt("s", "2"), await goneAt("s", "3")], [second, moved, 0]);
    assert.deepEqual([await goneAt("s", "1", "other"), await goneAt("1", "s")], [0, 0]);
    assert.ok((await core.registry.compact(second)).ok);
    assert.deepEqual([await goneAt("s", "1"), await goneAt("s", "2")], [0, moved]);
  });

  test(named("after close everything is refused as unavailable"), async (t) => {
    const { core, close } = await open(t, implementation, temporaryDirectory(t));
    const last = core.registry.propose("default", put("k"));
    await close();
    accepted(await last);
    const late = await core.registry.propose("default", put("l"));
    assert.ok(!late.ok && late.refusal === "unavailable");
  });

  test(named("what was acknowledged is there after a restart, revisions go on, leases have a full ttl"), {
    skip: implementation.forgets ?? false,
  }, async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await open(t, implementation, dataDir);
    accepted(
      await first.core.registry.propose(
        "default",
        register("s", "i", { ttlMs: 5000 }, { meta: { a: "é", b: "\u{1f600}" }, tags: ["x", "x"] }),
      ),
    );
    accepted(await first.core.registry.propose("default", put("bytes\xff\x00", "\x00\xff")));
    accepted(await first.core.registry.propose("default", { kind: "delete", from: "bytes\xff\x00" }));
    accepted(await first.core.registry.propose("default", put("kept\xff\x00", "\x00\xff")));
    accepted(await first.core.registry.propose("other", put("other")));
    const before = first.core.registry.read((view) => view.instance("default", "s", "i"));
    const commits = await allOf(first.core);
    await first.close();
    const second = await open(t, implementation, dataDir, { now: 2_000_000, monotonic: 99 });
    const { registry } = second.core;
    assert.deepEqual(
      registry.read((view) => view.instance("default", "s", "i")),
      before,
    );
    assert.equal(
      registry.read((view) => view.entry("default", "kept\xff\x00")?.value),
      "\x00\xff",
    );
    assert.equal(
      registry.read((view) => view.entry("default", "bytes\xff\x00")),
      undefined,
    );
    assert.deepEqual(await allOf(second.core), commits);
    assert.equal(registry.line, first.core.registry.line, "it is another order");
    assert.equal(registry.pulse("default", "s/i")?.deadlineMs, 2_005_000);
    assert.equal(accepted(await registry.propose("default", put("next"))).revision, 6);
    const { bytes, ...counts } = registry.read((view) => countsOf(view, "default"));
    assert.deepEqual(counts, { instances: 1, services: 1, keys: 2, leases: 1 });
    assert.ok(bytes > 0);
  });
}
