/** The sequencer: decisions see what is pending, readers do not, and a failed group leaves no trace. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countsOf, instanceOf, LIMITS_OF_TESTS, register } from "../../../../../test/harness/registry.ts";
import { Catalog } from "../catalog/state.ts";
import { decide } from "../decide/command.ts";
import { apply, type Command, type Commit, Sequencer, type SequencerOptions, type Settle } from "../index.ts";

interface Bench {
  readonly catalog: Catalog;
  readonly sequencer: Sequencer;
  readonly groups: Commit[][];
  /** Leases that were heard, with the ttl that was said. */
  readonly heard: string[];
  /** Told by the test, when appends are held, what came of the one under way. */
  settle: Settle;
  hold: boolean;
}

function open(limits = LIMITS_OF_TESTS, wait?: SequencerOptions["wait"]): Bench {
  const catalog = new Catalog();
  const groups: Commit[][] = [];
  const heard: string[] = [];
  const sink: SequencerOptions["sink"] = {
    view: catalog,
    committed(commits) {
      for (const commit of commits) apply(catalog, commit);
    },
    heard: (_account, { lease, ttlMs }) => void heard.push(`${lease} ${ttlMs}`),
  };
  let now = 0;
  const bench: Bench = {
    catalog,
    groups,
    heard,
    hold: false,
    settle: {
      delivered: assert.fail,
      lostRace: assert.fail,
      undone: assert.fail,
      failed: assert.fail,
      unknown: assert.fail,
    },
    sequencer: new Sequencer({
      sink,
      clock: { now: () => ++now, monotonic: () => ++now },
      rules: { limits: () => limits },
      origin: "n1",
      last: { revision: 0, orderMs: 0, nth: 0 },
      explain: (error) => (error as Error).message,
      ...(wait === undefined ? {} : { wait }),
      append(commits, settle) {
        groups.push([...commits]);
        bench.settle = settle;
        if (!bench.hold) queueMicrotask(settle.delivered);
      },
    }),
  };
  return bench;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });

test("nothing shows before its group is durable; what follows is decided on top of it", async () => {
  const bench = open();
  bench.hold = true;
  const first = bench.sequencer.propose("default", put("a"));
  await turn();
  const second = bench.sequencer.propose("default", {
    kind: "when",
    guards: [{ on: "version", key: "a", is: "=", than: 1 }],
    then: [put("b")],
    otherwise: [],
  });
  const third = bench.sequencer.propose("default", put("a", "again"));
  await turn();
  assert.equal(bench.groups.length, 1);
  assert.equal(bench.catalog.entry("default", "a"), undefined);
  bench.settle.delivered();
  const one = await first;
  assert.ok(one.ok && one.value.revision === 1);
  assert.equal(bench.catalog.entry("default", "a")?.version, 1);
  await turn();
  assert.equal(bench.groups.length, 2);
  bench.settle.delivered();
  const two = await second;
  const three = await third;
  assert.ok(two.ok && two.value.result.kind === "when" && two.value.result.succeeded && two.value.revision === 2);
  assert.ok(three.ok && three.value.revision === 3);
  assert.equal(bench.catalog.entry("default", "a")?.version, 2);
});

test("of parallel creates exactly one wins", async () => {
  const bench = open();
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () =>
      bench.sequencer.propose("default", {
        kind: "register",
        instance: instanceOf("s", "i"),
        life: { ttlMs: 3000 },
        ifAbsent: true,
      }),
    ),
  );
  assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
});

test("limits hold for what is pending, too", async () => {
  const bench = open({ ...LIMITS_OF_TESTS, instancesMax: 10, keysMax: 3 });
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, i) => bench.sequencer.propose("default", register("s", `i${i}`))),
  );
  assert.equal(outcomes.filter((outcome) => outcome.ok).length, 10);
  const keys = await Promise.all(
    Array.from({ length: 20 }, (_, i) => bench.sequencer.propose("default", put(`k${i}`))),
  );
  assert.equal(keys.filter((outcome) => outcome.ok).length, 3);
});

test("a failed group is refused and leaves no trace; what was decided on top of it is decided again", async () => {
  const bench = open();
  bench.hold = true;
  const failing = bench.sequencer.propose("default", put("a"));
  await turn();
  const after = bench.sequencer.propose("default", {
    kind: "when",
    guards: [{ on: "version", key: "a", is: "=", than: 1 }],
    then: [put("b")],
    otherwise: [put("c")],
  });
  bench.hold = false;
  bench.settle.failed(new Error("the disk is full"));
  const refused = await failing;
  assert.ok(!refused.ok && refused.refusal === "unavailable" && refused.detail === "the disk is full");
  const decidedAgain = await after;
  assert.ok(decidedAgain.ok && decidedAgain.value.result.kind === "when" && !decidedAgain.value.result.succeeded);
  assert.equal(bench.catalog.entry("default", "a"), undefined);
  assert.ok(bench.catalog.entry("default", "c"));
  const revisions = bench.groups.flat().map((commit) => commit.revision);
  assert.deepEqual(
    revisions,
    [...new Set(revisions)].sort((a, b) => a - b),
    "a revision was used twice",
  );
});

test("a command without changes waits for what it was decided on", async () => {
  const bench = open();
  bench.hold = true;
  let read = false;
  const write = bench.sequencer.propose("default", put("a"));
  const reading = bench.sequencer.propose("default", { kind: "range", from: "a" }).then((outcome) => {
    read = true;
    return outcome;
  });
  await turn();
  assert.equal(read, false);
  bench.settle.delivered();
  await write;
  const outcome = await reading;
  assert.ok(
    outcome.ok &&
      outcome.value.commit === null &&
      outcome.value.result.kind === "range" &&
      outcome.value.result.entries.length === 1,
  );
});

test("close settles what is open and refuses what comes", async () => {
  const bench = open();
  const open1 = bench.sequencer.propose("default", put("a"));
  await bench.sequencer.close();
  assert.ok((await open1).ok);
  const late = await bench.sequencer.propose("default", put("b"));
  assert.ok(!late.ok && late.refusal === "unavailable");
});

const ids = fc.constantFrom("1", "2", "3");
const services = fc.constantFrom("s", "t");
const leases = fc.constantFrom("l1", "l2");
const keys = fc.constantFrom("k1", "k2", "k3", "\0own");
const step: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("grant" as const),
    lease: leases,
    ttlMs: fc.constantFrom(2000, 3000),
    via: fc.constant("t"),
  }),
  fc.record({
    kind: fc.constant("end" as const),
    lease: fc.oneof(leases, fc.constantFrom("s/1", "t/2")),
    cause: fc.constant("closed" as const),
  }),
  fc.record({
    kind: fc.constant("hold" as const),
    leases: fc.array(leases, { maxLength: 2 }),
    reason: fc.constant("r"),
  }),
  fc.record({
    kind: fc.constant("release" as const),
    leases: fc.array(leases, { maxLength: 2 }),
  }),
  fc
    .tuple(
      services,
      ids,
      fc.constantFrom(
        "keep" as const,
        "permanent" as const,
        { ttlMs: 2000 },
        { ttlMs: 3000 },
        { lease: "l1" },
        { lease: "l2" },
      ),
      fc.boolean(),
    )
    .map(([service, id, life, move]) => ({
      ...register(service, id, life),
      ...(move ? { replaces: { service: service === "s" ? "t" : "s", id } } : {}),
    })),
  fc.tuple(services, ids).map(([service, id]) => ({ kind: "deregister" as const, instance: { service, id } })),
  fc.tuple(keys, fc.option(leases)).map(([key, lease]) => ({ kind: "put" as const, key, value: "v", lease })),
  keys.map((from) => ({ kind: "delete" as const, from })),
  fc.constant({ kind: "delete" as const, from: "k", to: "l" }),
);

/** What a view holds, in a form that can be compared. */
function picture(catalog: Catalog): unknown {
  const account = catalog.account("default");
  if (account === undefined) return null;
  return {
    counts: { ...account.counts },
    services: [...account.services()].map((service) => [service.name, [...service.instances.keys()].sort()]),
    instances: [...account.instances()],
    byId: ["1", "2", "3"].map((id) => account.instancesById(id).map((record) => record.service)),
    leases: [...account.leases()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    members: [...account.leases()]
      .map((lease) => {
        const { instances, keys: held } = catalog.members("default", lease.id);
        return [
          lease.id,
          instances.map((record) => `${record.service}/${record.id}`).sort(),
          held.map((record) => record.key).sort(),
        ];
      })
      .sort(),
    keys: [...account.entries("", "")],
  };
}

test("deciding on drafts in groups gives what deciding one by one gives, and counts stay right", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: step },
          {
            weight: 1,
            arbitrary: fc
              .array(step, { maxLength: 4 })
              .map((then) => ({ kind: "when" as const, guards: [], then, otherwise: [] })),
          },
        ),
        { maxLength: 40 },
      ),
      fc.integer({ min: 1, max: 7 }),
      async (commands, groupSize) => {
        const bench = open();
        const single = new Catalog();
        const pending: Promise<unknown>[] = [];
        for (const [index, command] of commands.entries()) {
          pending.push(bench.sequencer.propose("default", command));
          if (index % groupSize === 0) await turn();
        }
        await Promise.all(pending);
        for (const commit of bench.groups.flat()) {
          const command = commit;
          // The same changes, applied one by one with a fresh decision each, must be what the plain view gives.
          apply(single, command);
        }
        assert.deepEqual(picture(bench.catalog), picture(single));
        const plain = new Catalog();
        for (const command of commands) {
          const decided = decide(
            plain,
            "default",
            command,
            { revision: plain.revision + 1, atMs: 1, origin: "n1" },
            { limits: () => LIMITS_OF_TESTS },
          );
          if (decided.ok && decided.value.changes.length > 0)
            apply(plain, {
              revision: plain.revision + 1,
              account: "default",
              atMs: 1,
              orderMs: 1,
              nth: 0,
              changes: decided.value.changes,
            });
        }
        assert.deepEqual(strip(picture(bench.catalog)), strip(picture(plain)));
        const counts = countsOf(plain, "default");
        assert.equal(
          counts.keys,
          [...plain.entries("default", "", "")].filter((record) => !record.key.startsWith("\0")).length,
        );
        assert.equal(counts.instances, [...(plain.account("default")?.instances() ?? [])].length);
      },
    ),
    { numRuns: 300 },
  );
});

/** Times differ between the two ways; everything else must not. */
function strip(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (key, inner: unknown) => (/AtMs$|stampMs|sinceMs/.test(key) ? 0 : inner)),
  );
}

test("what is accepted as a sign of life is heard at once, what is refused is not", async () => {
  const { sequencer, heard } = open();
  const instance = instanceOf("web", "w1");
  const register = (ttlMs: number): Command => ({ kind: "register", instance, life: { ttlMs } });
  const grant = (ttlMs: number, ifAbsent = false): Command => ({
    kind: "grant",
    lease: "l",
    ttlMs,
    via: "test",
    ifAbsent,
  });
  const heardBy = async (command: Command): Promise<readonly string[]> => {
    heard.length = 0;
    const answer = sequencer.propose("default", command);
    const now = [...heard];
    await answer;
    assert.deepEqual(heard, now, "not only when it is durable");
    return now;
  };
  const when = (exists: boolean, then: Command): Command => ({
    kind: "when",
    guards: [{ on: "instance", ...instance, exists }],
    then: [then],
    otherwise: [],
  });
  await heardBy(register(3000));
  for (const ttlMs of [3000, 60_000, 3000]) assert.deepEqual(await heardBy(register(ttlMs)), [`web/w1 ${ttlMs}`]);
  assert.deepEqual(await heardBy(when(true, register(60_000))), ["web/w1 60000"]);
  assert.deepEqual(await heardBy(when(false, register(3000))), []);
  assert.deepEqual(await heardBy({ ...register(3000), ifAbsent: true } as Command), []);
  assert.deepEqual(await heardBy(register(1)), []);
  assert.deepEqual(await heardBy({ kind: "register", instance, life: "keep" }), []);
  await heardBy(grant(3000));
  for (const ttlMs of [3000, 60_000]) assert.deepEqual(await heardBy(grant(ttlMs)), [`l ${ttlMs}`]);
  assert.deepEqual(await heardBy(grant(60_000, true)), []);
  assert.deepEqual(await heardBy(grant(1)), []);
  assert.deepEqual(await heardBy({ kind: "register", instance, life: { ttlMs: 5000, quiet: true } }), []);
  assert.deepEqual(await heardBy({ ...grant(5000), quiet: true } as Command), []);
});

test("where groups are dear a crowd is waited for, until it is there again or for as long as its last group took", async () => {
  const waited: [ms: number, run: () => void][] = [];
  const bench = open(LIMITS_OF_TESTS, (ms, run) => void waited.push([ms, run]));
  const { sequencer, groups } = bench;
  let key = 0;
  const some = (count: number) => Array.from({ length: count }, () => sequencer.propose("default", put(`k${key++}`)));
  const sizes = () => groups.map(({ length }) => length);
  await Promise.all(some(15));
  await Promise.all(some(15));
  assert.deepEqual([sizes(), waited.length], [[15, 15], 0], "a few wait for nobody");
  bench.hold = true;
  const first = some(20);
  await turn();
  const meanwhile = some(5);
  bench.settle.delivered();
  await Promise.all(first);
  assert.ok(waited[0] !== undefined && waited[0][0] > 0 && waited[0][0] <= 10);
  const again = some(19);
  await turn();
  assert.deepEqual(sizes(), [15, 15, 20]);
  again.push(...some(1));
  await turn();
  assert.deepEqual(sizes(), [15, 15, 20, 25], "all are there");
  bench.settle.delivered();
  await Promise.all([...meanwhile, ...again]);
  waited[0]?.[1]();
  const late = some(3);
  await turn();
  assert.equal(groups.length, 4, "an earlier time is over, and means nothing");
  waited[1]?.[1]();
  assert.deepEqual(sizes(), [15, 15, 20, 25, 3]);
  bench.settle.delivered();
  await Promise.all(late);
});
