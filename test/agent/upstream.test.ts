/** The replicator of an agent, over a registry in this process that the test takes away and replaces. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type CopyBody, type CopyItem, type Copying, type Leases, RollcallError } from "@rollcall/client";
import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import {
  type Command,
  type Core,
  openCore,
  type Registry,
  SYSTEM_ACCOUNT,
} from "../../packages/registry/src/core/index.ts";
import { fromPlain, toPlain } from "../../packages/registry/src/net/link/plain.ts";
import { encodePosition, toMark } from "../../packages/registry/src/net/routes/position.ts";
import { createUpstream } from "../../packages/registry/src/replicators/upstream/replicator.ts";
import { eachRow, headOf, rowsOf } from "../../packages/registry/src/replicators/upstream/state.ts";
import { accepted, instanceOf, LIMITS_OF_TESTS, openRig } from "../harness/registry.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

const ACCOUNT = "default";
const STAYS = "permanent" as const;

/** The SDK's part, without a network. `registry` is null while it is out of reach. */
class Origin {
  registry: Registry | null;
  readonly copy: Copying;
  readonly leases: Leases;
  readonly urls = ["http://registry.test"];

  constructor(registry: Registry | null) {
    this.registry = registry;
    const renewMany = async (leases: readonly string[]) => ({ renewed: leases.length, missing: [] });
    this.leases = { renewMany } as unknown as Leases;
    this.copy = {
      state: async (row) => {
        const { rows, ...head } = this.#state();
        rows.forEach(row);
        return head;
      },
      head: async () => this.#head(),
      commits: ({ after, signal }) => this.#commits(after, signal),
      forward: async (command) => {
        // As it comes out of a request.
        const sent = fromPlain(JSON.parse(JSON.stringify(command))) as Command;
        const outcome = await this.#reach().propose(ACCOUNT, sent);
        if (!outcome.ok) throw errorOf(outcome.refusal, 400, outcome.detail);
        const { commit, revision, result } = outcome.value;
        return { commit: toPlain(commit), revision, result: toPlain(result), head: this.#head() };
      },
    };
  }

  #reach(): Registry {
    if (this.registry === null) throw errorOf("unreachable", 0, "nobody is there");
    return this.registry;
  }

  #head() {
    const { line } = this.#reach();
    return this.#reach().read((view) => ({
      line,
      revision: view.revision,
      accountRevision: view.account(ACCOUNT)?.revision ?? 0,
    }));
  }

  #state(): CopyBody {
    const { line } = this.#reach();
    return this.#reach().read((view) => {
      const found = view.account(ACCOUNT);
      const position = encodePosition(view.revision, toMark(line));
      const rows = [...eachRow(rowsOf(found))].map((row) => JSON.parse(JSON.stringify(toPlain(row))) as unknown);
      return { line, revision: view.revision, position, isWhole: true, account: headOf(found), rows };
    });
  }

  async *#commits(after: string, signal: AbortSignal | undefined): AsyncGenerator<CopyItem, void> {
    const registry = this.#reach();
    const mark = toMark(registry.line);
    const items: CopyItem[] = [];
    let wake = (): void => {};
    const tell = (kind: "ready" | "resync", revision: number): void => {
      items.push({ kind, position: encodePosition(revision, mark), revision });
      wake();
    };
    const now = registry.read((view) => view.revision);
    const isKnown = after.endsWith(mark);
    if (!isKnown) tell("resync", now);
    const watch = registry.follow({ account: ACCOUNT }, isKnown ? Number.parseInt(after, 10) : now, {
      deliver(commits) {
        for (const commit of commits)
          items.push({ kind: "commit", position: encodePosition(commit.revision, mark), commit: toPlain(commit) });
        wake();
        return commits.length;
      },
      caughtUp: () =>
        tell(
          "ready",
          registry.read((view) => view.revision),
        ),
      lost: () =>
        tell(
          "resync",
          registry.read((view) => view.revision),
        ),
    });
    signal?.addEventListener("abort", () => wake());
    while (!signal?.aborted && this.registry === registry) {
      yield* items.splice(0);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 20);
      });
    }
    if (watch.ok) watch.value.close();
    if (!signal?.aborted) throw errorOf("unreachable", 0, "it broke off");
  }
}

function errorOf(name: string, status: number, detail: string): RollcallError {
  return new RollcallError({ type: `https://rollcall.dev/problems/${name}`, title: name, status, detail });
}

interface Agent {
  readonly core: Core;
  readonly registry: Registry;
  readonly anew: readonly string[];
}

async function openAgent(scope: Scope, origin: Origin, dataDir: string): Promise<Agent> {
  const anew: string[] = [];
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const rules = { limits: () => LIMITS_OF_TESTS };
  const replicator = createUpstream({
    ...{ account: ACCOUNT, dataDir, clock, rules, origin: "agent", registry: origin },
    onAnew: (why) => anew.push(why),
  });
  const core = await openCore({
    ...{ clock, replicator, policy: createProtection(PROTECTION_DEFAULTS) },
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: () => setImmediate,
    onBug: (error) => assert.fail(String(error)),
  });
  scope.after(() => core.close());
  return { core, registry: core.registry, anew };
}

const idsOf = (registry: Registry): string[] =>
  registry.read((view) => [...(view.account(ACCOUNT)?.instances() ?? [])].map(({ id }) => id));
const revisionOf = (registry: Registry): number => registry.read((view) => view.revision);
const put = (key: string, value: string): Command => ({ kind: "put", key, value });

test("revisions are the registry's, whichever account they are of", async (t) => {
  const { registry } = await openRig();
  const agent = await openAgent(t, new Origin(registry), temporaryDirectory(t));
  const { revision } = accepted(await agent.registry.propose(ACCOUNT, put("a", "1")));
  assert.equal(revision, revisionOf(registry));
  assert.equal(
    agent.registry.read((view) => view.entry(ACCOUNT, "a")?.modRevision),
    revision,
  );
  await registry.propose("other", put("b", "1"));
  assert.deepEqual(await agent.registry.barrier(), { ok: true, value: revision + 1 });
  assert.equal(revisionOf(agent.registry), revision + 1);
  accepted(await registry.propose(ACCOUNT, put("a", "2")));
  await agent.registry.reached(revision + 2);
  assert.equal(
    agent.registry.read((view) => view.entry(ACCOUNT, "a")?.value),
    "2",
  );
  const refused = await agent.registry.propose("other", put("b", "2"));
  assert.equal(refused.ok ? "" : refused.refusal, "forbidden");
});

test("what is the agent's own stays with it, also over a restart without the registry", async (t) => {
  const { registry } = await openRig();
  const origin = new Origin(registry);
  const dataDir = join(temporaryDirectory(t), "data");
  const first = await openAgent(t, origin, dataDir);
  accepted(await first.registry.propose(ACCOUNT, put("a", "1")));
  accepted(await first.registry.propose(SYSTEM_ACCOUNT, put("\0own", "secret")));
  assert.equal(
    registry.read((view) => view.entry(SYSTEM_ACCOUNT, "\0own")),
    undefined,
  );
  await first.core.close();
  origin.registry = null;
  const second = await openAgent(t, origin, dataDir);
  assert.equal(
    second.registry.read((view) => view.entry(SYSTEM_ACCOUNT, "\0own")?.value),
    "secret",
  );
  assert.equal(
    second.registry.read((view) => view.entry(ACCOUNT, "a")?.value),
    "1",
  );
  const refused = await second.registry.propose(ACCOUNT, put("a", "2"));
  assert.equal(refused.ok ? "" : refused.refusal, "unavailable");
});

test("over another order it opens anew, with what was known laid over it", async (t) => {
  const { registry } = await openRig();
  const origin = new Origin(registry);
  const dataDir = temporaryDirectory(t);
  const first = await openAgent(t, origin, dataDir);
  for (const id of ["1", "2"])
    accepted(
      await registry.propose(ACCOUNT, {
        kind: "register",
        instance: instanceOf("api", id, { ports: { default: Number(id) } }),
        life: STAYS,
      }),
    );
  await until(() => idsOf(first.registry).length === 2);
  const { registry: other } = await openRig();
  accepted(await other.propose(ACCOUNT, put("new", "1")));
  origin.registry = other;
  await until(() => first.anew.length === 1);
  assert.deepEqual(idsOf(first.registry), ["1", "2"], "until it is opened anew all is as it was");
  await first.core.close();

  const second = await openAgent(t, origin, dataDir);
  assert.equal(second.registry.line, other.line);
  assert.equal(
    second.registry.read((view) => view.entry(ACCOUNT, "new")?.value),
    "1",
  );
  const held = second.registry.read((view) => view.instance(ACCOUNT, "api", "1")?.held?.reason);
  assert.match(held ?? "", /the registry forgot it/);
  const moved = instanceOf("api", "3", { ports: { default: 1 } });
  accepted(await second.registry.propose(ACCOUNT, { kind: "register", instance: moved, life: STAYS }));
  assert.deepEqual(idsOf(second.registry), ["2", "3"], "whoever takes its place ends the holding");
  const again = instanceOf("api", "2", { ports: { default: 2 } });
  accepted(await second.registry.propose(ACCOUNT, { kind: "register", instance: again, life: STAYS }));
  assert.equal(
    second.registry.read((view) => view.instance(ACCOUNT, "api", "2")?.held),
    null,
  );
});
