/** What is worked out in the order of commands, plans and names: on what is pending, and again when that came to nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, LIMITS_OF_TESTS, openRig } from "../../../../../test/harness/registry.ts";
import { Catalog } from "../catalog/state.ts";
import { apply, byPlan, type Command, gatherPlans, noteOf, ok, type Plan, Sequencer, succeeded } from "../index.ts";

const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });

/** Adds one to the number that a key holds, and says what it is then. */
const COUNT: Plan<string, number> = {
  name: "test/count",
  make(facts, account, key) {
    const next = Number(facts.entry(account, key)?.value ?? 0) + 1;
    return ok({ command: put(key, String(next)), note: next });
  },
};

/** Throws where the key is missing. */
const COPY: Plan<string> = {
  name: "test/copy",
  make(facts, account, key) {
    const entry = facts.entry(account, key);
    if (entry === undefined) throw new TypeError("no key");
    return ok({ command: put(`${key}/copy`, entry.value), note: null });
  },
};

/** A sequencer whose first group stays with the disk until it is released. */
function open(): { sequencer: Sequencer; catalog: Catalog; groups: number[]; release: (error?: Error) => void } {
  const catalog = new Catalog();
  const groups: number[] = [];
  let now = 0;
  let release: (error?: Error) => void = () => undefined;
  const held = new Promise<void>((resolve, reject) => {
    release = (error) => (error === undefined ? resolve() : reject(error));
  });
  const sequencer = new Sequencer({
    sink: {
      view: catalog,
      committed: (commits) => {
        for (const commit of commits) apply(catalog, commit);
      },
      heard: () => undefined,
    },
    clock: { now: () => ++now, monotonic: () => ++now },
    rules: { limits: () => LIMITS_OF_TESTS, plans: gatherPlans([COUNT, COPY]) },
    origin: "n1",
    last: { revision: 0, orderMs: 0, nth: 0 },
    explain: (error) => (error as Error).message,
    append: (commits, settle) =>
      void (groups.push(commits.length) === 1 ? held : Promise.resolve()).then(settle.delivered, settle.failed),
  });
  return { sequencer, catalog, groups, release };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

test("of many that add to one value at once, each is counted with one try", async () => {
  const { sequencer, catalog, groups, release } = open();
  const count = () => sequencer.propose("default", byPlan(COUNT, "k"));
  const first = Array.from({ length: 30 }, count);
  await turn();
  const second = Array.from({ length: 30 }, count);
  release();
  const notes = (await Promise.all([...first, ...second])).map((outcome) => outcome.ok && noteOf(COUNT, outcome.value));
  assert.deepEqual(
    notes,
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  assert.equal(catalog.entry("default", "k")?.value, "60");
  assert.deepEqual(groups, [30, 30]);
});

test("of many that create under one parent at once, each gets a name of its own with one try", async () => {
  const { sequencer, catalog, groups, release } = open();
  const numbered = { counter: "\0count", digits: 3 };
  const create = () => sequencer.propose("default", { kind: "put", key: "parent/", value: "", numbered });
  const first = Array.from({ length: 32 }, create);
  await turn();
  const second = Array.from({ length: 32 }, create);
  release();
  const outcomes = await Promise.all([...first, ...second]);
  const names = outcomes.map((outcome) => outcome.ok && outcome.value.commit?.changes.at(-1)?.after);
  const wanted = Array.from({ length: 64 }, (_, i) => catalog.entry("default", `parent/${String(i).padStart(3, "0")}`));
  assert.ok(wanted.every((entry) => entry !== undefined));
  assert.deepEqual(names, wanted);
  assert.deepEqual(groups, [32, 32]);
});

test("a plan that throws fails who proposed it, and nobody else", async () => {
  const { sequencer, catalog, release } = open();
  await assert.rejects(sequencer.propose("default", byPlan(COPY, "a")), TypeError);
  const lost = sequencer.propose("default", put("a"));
  await turn();
  // Decided on the key, and again without it.
  const copied = assert.rejects(sequencer.propose("default", byPlan(COPY, "a")), TypeError);
  const after = sequencer.propose("default", byPlan(COUNT, "b"));
  release(new Error("the disk is full"));
  assert.equal((await lost).ok, false);
  await copied;
  const counted = await after;
  assert.equal(counted.ok && noteOf(COUNT, counted.value), 1);
  assert.deepEqual(
    [...catalog.entries("default", "", "")].map(({ key }) => key),
    ["b"],
  );
});

test("two plans of one name are refused", () => {
  assert.throws(() => gatherPlans([COUNT, COPY, COUNT]), /two plans are named test\/count/);
});

test("only a transaction whose guards do not hold has not succeeded", async () => {
  const { registry } = await openRig();
  const run = async (exists: boolean): Promise<boolean> =>
    succeeded(
      accepted(
        await registry.propose("default", {
          kind: "when",
          guards: [{ on: "lease-exists", lease: "l", exists }],
          then: [],
          otherwise: [],
        }),
      ),
    );
  assert.equal(await run(false), true);
  assert.equal(await run(true), false);
  assert.equal(succeeded(accepted(await registry.propose("default", { kind: "delete", from: "k" }))), true);
});
