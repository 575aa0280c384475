/** Several nodes write into one order: what others were first with is applied in between, and the rest decided again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS_OF_TESTS } from "../../../../../test/harness/registry.ts";
import { Catalog } from "../catalog/state.ts";
import { apply, type Command, type Commit, type Outcome, type Receipt, Sequencer, type Settle } from "../index.ts";

/** A node whose groups stay with the store until the test says what came of them. */
interface Node {
  readonly catalog: Catalog;
  readonly sequencer: Sequencer;
  /** The group that is with the store. */
  group: { readonly commits: readonly Commit[]; readonly settle: Settle } | null;
}

let now = 0;

function open(origin: string, confirms = false): Node {
  const catalog = new Catalog();
  const node: Node = {
    catalog,
    group: null,
    sequencer: new Sequencer({
      sink: {
        view: catalog,
        committed: (commits) => {
          for (const commit of commits) apply(catalog, commit);
        },
        heard: () => undefined,
      },
      clock: { now: () => ++now, monotonic: () => ++now },
      rules: { limits: () => LIMITS_OF_TESTS },
      origin,
      confirms,
      last: { revision: 0, orderMs: 0, nth: 0 },
      explain: (error) => (error as Error).message,
      append(commits, settle) {
        node.group = { commits, settle };
      },
    }),
  };
  return node;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** The group that the node has given to the store. */
async function taken(node: Node): Promise<NonNullable<Node["group"]>> {
  await turn();
  const { group } = node;
  assert.ok(group !== null, "nothing was appended");
  node.group = null;
  return group;
}

const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });
const create = (key: string, value = "v"): Command => ({ kind: "put", key, value, ifAbsent: true });

/** Commits that another node was first with. */
async function foreignCommits(...commands: Command[]): Promise<readonly Commit[]> {
  const other = open("other");
  for (const command of commands) void other.sequencer.propose("default", command);
  return (await taken(other)).commits;
}

function wordOf(outcome: Outcome<Receipt>): string {
  return outcome.ok ? `revision ${outcome.value.revision}` : outcome.refusal;
}

test("what others were first with shows at once; what is with the store and what waits is decided again after it", async () => {
  const node = open("n1");
  const lost = node.sequencer.propose("default", create("a", "mine"));
  const kept = node.sequencer.propose("default", put("b"));
  const doomed = await taken(node);
  const after = node.sequencer.propose("default", {
    kind: "when",
    guards: [{ on: "value", key: "a", is: "=", than: "mine" }],
    then: [put("c", "mine")],
    otherwise: [put("c", "theirs")],
  });
  node.sequencer.foreign(await foreignCommits(create("a", "theirs"), put("x")));
  assert.equal(node.catalog.entry("default", "a")?.value, "theirs");
  assert.equal(node.catalog.revision, 2);
  const again = await taken(node);
  assert.deepEqual(
    again.commits.map(({ revision }) => revision),
    [3, 4],
  );
  // The answer of the store that says so too comes late, and says nothing new.
  doomed.settle.lostRace();
  assert.throws(() => doomed.settle.delivered(), /settled before/);
  again.settle.delivered();
  assert.deepEqual([await lost, await kept, await after].map(wordOf), ["exists", "revision 3", "revision 4"]);
  assert.equal(node.catalog.entry("default", "c")?.value, "theirs");
});

test("commits of others that follow ours in one packet are applied after it", async () => {
  const node = open("n1");
  const own = node.sequencer.propose("default", put("a", "mine"));
  const { commits, settle } = await taken(node);
  const other = open("other");
  other.sequencer.foreign(commits);
  void other.sequencer.propose("default", put("a", "theirs"));
  const theirs = (await taken(other)).commits;
  settle.delivered();
  node.sequencer.foreign(theirs);
  assert.equal(node.catalog.revision, 2);
  assert.equal(node.catalog.entry("default", "a")?.value, "theirs");
  assert.equal(wordOf(await own), "revision 1");
});

test("who lost a race to commits that are not here yet waits for them", async () => {
  const node = open("n1");
  const own = node.sequencer.propose("default", create("a"));
  (await taken(node)).settle.lostRace();
  const later = node.sequencer.propose("default", put("b"));
  await turn();
  assert.equal(node.group, null, "it would lose again");
  node.sequencer.foreign(await foreignCommits(put("a")));
  const { commits, settle } = await taken(node);
  assert.deepEqual(
    commits.map(({ revision }) => revision),
    [2],
  );
  settle.delivered();
  assert.deepEqual([await own, await later].map(wordOf), ["exists", "revision 2"]);
});

test("a registry that stops does not wait for them", async () => {
  for (const loseFirst of [true, false]) {
    const node = open("n1");
    const own = node.sequencer.propose("default", put("a"));
    const { settle } = await taken(node);
    if (loseFirst) settle.lostRace();
    const closed = node.sequencer.close();
    if (!loseFirst) settle.lostRace();
    await closed;
    assert.equal(wordOf(await own), "unavailable");
  }
});

test("after another state was put in its place, decisions rest on that and go on from there", async () => {
  const node = open("n1");
  const own = node.sequencer.propose("default", create("a"));
  await taken(node);
  for (const commit of await foreignCommits(put("a"))) apply(node.catalog, { ...commit, revision: 70 });
  node.sequencer.advance({ revision: 70, orderMs: 9_000_000, nth: 4 });
  const next = node.sequencer.propose("default", put("b"));
  const { commits, settle } = await taken(node);
  assert.deepEqual(
    commits.map(({ revision, orderMs, nth }) => [revision, orderMs, nth]),
    [[71, 9_000_000, 4]],
  );
  settle.delivered();
  assert.deepEqual([await own, await next].map(wordOf), ["exists", "revision 71"]);
});

test("where others may be ahead, a refusal is not given before its place in the order is known", async () => {
  const node = open("slept", true);
  const guarded: Command = {
    kind: "when",
    guards: [{ on: "version", key: "a", is: "=", than: 1 }],
    then: [{ kind: "range", from: "a" }],
    otherwise: [{ kind: "refuse", refusal: "conflict", detail: "" }],
  };
  const stale = node.sequencer.propose("default", guarded);
  const empty = await taken(node);
  assert.deepEqual(empty.commits, []);
  empty.settle.lostRace();
  node.sequencer.foreign(await foreignCommits(put("a")));
  (await taken(node)).settle.delivered();
  assert.equal(wordOf(await stale), "revision 1");
  const refused = node.sequencer.propose("default", create("a"));
  (await taken(node)).settle.delivered();
  assert.equal(wordOf(await refused), "exists");
});

test("records are of the node that took the command, also when they are decided again", async () => {
  const node = open("decider");
  const mine = node.sequencer.propose("default", put("a"));
  const theirs = node.sequencer.propose("default", put("b"), undefined, { node: "taker" });
  await taken(node);
  node.sequencer.foreign(await foreignCommits(put("x")));
  (await taken(node)).settle.delivered();
  await Promise.all([mine, theirs]);
  assert.deepEqual(
    ["a", "b", "x"].map((key) => node.catalog.entry("default", key)?.origin),
    ["decider", "taker", "other"],
  );
});

test("when nobody knows what came of a group, it is neither refused nor forgotten", async () => {
  const node = open("n1");
  const own = node.sequencer.propose("default", put("a"));
  const { commits, settle } = await taken(node);
  const later = node.sequencer.propose("default", create("a", "later"));
  settle.unknown(new Error("no answer came"));
  assert.deepEqual(await own, { ok: false, refusal: "unknown", detail: "no answer came" });
  await taken(node);
  node.sequencer.foreign(commits);
  assert.equal(node.catalog.entry("default", "a")?.value, "v");
  assert.equal(wordOf(await later), "exists");
});

test("what is given up is not done, and if the store has it already, nobody knows", async () => {
  const node = open("n1");
  const [sent, open1] = [new AbortController(), new AbortController()];
  const first = node.sequencer.propose("default", put("a"), sent.signal);
  const { settle } = await taken(node);
  const second = node.sequencer.propose("default", create("b"), open1.signal);
  const third = node.sequencer.propose("default", create("b"));
  sent.abort();
  open1.abort();
  assert.deepEqual([await first, await second].map(wordOf), ["unknown", "unavailable"]);
  settle.delivered();
  const group = await taken(node);
  assert.equal(group.commits.length, 1);
  group.settle.delivered();
  assert.equal(wordOf(await third), "revision 2");
  assert.deepEqual(
    [...node.catalog.entries("default", "", "")].map(({ key }) => key),
    ["a", "b"],
  );
});

/** What happens next in a run: a node proposes, its group reaches the store, or it hears of the next group. */
const event = fc.record({
  node: fc.nat({ max: 2 }),
  act: fc.constantFrom("create", "add", "append", "hear", "hear"),
  key: fc.constantFrom("a", "b", "c"),
  /** The store's answer that a race was lost comes before the others' commits. */
  early: fc.boolean(),
});

test("three nodes at one order: nobody's change is lost, and all see the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 80 }), async (events) => {
      const nodes = ["n0", "n1", "n2"].map((name) => open(name));
      const log: { readonly commits: readonly Commit[]; readonly of: Node["group"] }[] = [];
      const heard = nodes.map(() => 0);
      const answers: Promise<Outcome<Receipt>>[] = [];
      const hear = (node: Node, at: number): void => {
        const group = log[heard[at] as number];
        if (group === undefined) return;
        heard[at] = (heard[at] as number) + 1;
        if (node.group === group.of) {
          node.group = null;
          group.of?.settle.delivered();
        } else node.sequencer.foreign(group.commits);
      };
      const append = (node: Node, early: boolean): void => {
        const { group } = node;
        const head = log.at(-1)?.commits.at(-1)?.revision ?? 0;
        if (group === null || log.some(({ of }) => of === group)) return;
        if (group.commits[0]?.revision === head + 1) log.push({ commits: group.commits, of: group });
        else if (early) {
          node.group = null;
          group.settle.lostRace();
        }
      };
      const run = async (all: typeof events): Promise<void> => {
        for (const { node: at, act, key, early } of all) {
          const node = nodes[at] as Node;
          if (act === "create") answers.push(node.sequencer.propose("default", create(key)));
          else if (act === "add")
            answers.push(
              node.sequencer.propose("default", { kind: "put", key: "n", value: key, numbered: { digits: 1 } }),
            );
          else if (act === "append") append(node, early);
          else hear(node, at);
          await turn();
        }
      };
      await run(events);
      const rest = [0, 1, 2].flatMap((node) =>
        (["append", "hear", "hear", "hear"] as const).map((act) => ({ node, act, key: "a" as const, early: true })),
      );
      for (let round = 0; round < 30; round++) await run(rest);
      const outcomes = await Promise.all(answers);
      const commits = log.flatMap((group) => group.commits);
      assert.deepEqual(
        commits.map(({ revision }) => revision),
        commits.map((_, i) => i + 1),
      );
      const told = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value.revision] : []));
      assert.deepEqual(
        told.sort((a, b) => a - b),
        commits.map(({ revision }) => revision),
        "each commit is one answer's",
      );
      const pictures = nodes.map(({ catalog }) => [...catalog.entries("default", "", "")]);
      assert.deepEqual(pictures[1], pictures[0]);
      assert.deepEqual(pictures[2], pictures[0]);
    }),
    { numRuns: 60 },
  );
});
