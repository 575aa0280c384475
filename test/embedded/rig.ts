/** A registry on the embedded replicator in the test's own process, with a clock that can be moved. */
import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import {
  type Account,
  type AccountView,
  type Clock,
  type Command,
  type Commit,
  type Core,
  type CoreOptions,
  directoriesOf,
  type Instance,
  type Outcome,
  openCore,
  type Receipt,
  toBytes,
} from "../../packages/registry/src/core/index.ts";
import { PageFile, type Tree, treeFromValue } from "../../packages/registry/src/replicators/embedded/file/pages.ts";
import {
  createEmbedded,
  type EmbeddedOptions,
  type EmbeddedReplicator,
} from "../../packages/registry/src/replicators/embedded/replicator.ts";
import { LIMITS_OF_TESTS } from "../harness/registry.ts";
import type { Scope } from "../harness/scope.ts";

export interface StoreRig {
  readonly core: Core;
  readonly replicator: EmbeddedReplicator;
  /** Added to the wall clock, and to time that really passed. */
  readonly skew: { ms: number; passedMs: number };
  propose(account: Account, command: Command): Promise<Outcome<Receipt>>;
  /** Proposes in the account `default` or another one, and fails the test when it is refused. */
  done(command: Command, account?: Account): Promise<Receipt>;
  close(): Promise<void>;
}

/** Opens a registry on this directory; closed after the test when it is still open. */
export async function openStoreRig(
  scope: Scope,
  dataDir: string,
  { historyCommitsMax, ...options }: Partial<EmbeddedOptions> & Pick<CoreOptions, "historyCommitsMax"> = {},
): Promise<StoreRig> {
  const skew = { ms: 0, passedMs: 0 };
  const clock: Clock = {
    now: () => Date.now() + skew.ms + skew.passedMs,
    monotonic: () => performance.now() + skew.passedMs,
  };
  const replicator = createEmbedded({
    dataDir,
    clock,
    origin: "test",
    rules: { limits: () => LIMITS_OF_TESTS },
    ...options,
  });
  const core = await openCore({
    clock,
    replicator,
    policy: { windowMs: 15_000, holdMs: 600_000, suspects: () => false, holds: () => false },
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: () => setImmediate,
    onBug: (error) => {
      throw error;
    },
    ...(historyCommitsMax === undefined ? {} : { historyCommitsMax }),
  });
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await core.close();
    open = false;
  };
  scope.after(close);
  const propose = (account: Account, command: Command) => core.registry.propose(account, command);
  const done = async (command: Command, account = "default"): Promise<Receipt> => {
    const outcome = await propose(account, command);
    assert.ok(outcome.ok, outcome.ok ? "" : outcome.detail);
    return outcome.value;
  };
  return { core, replicator, skew, propose, done, close };
}

/** Takes a backup and keeps it in this file. */
export async function saveBackup({ replicator }: StoreRig, file: string): Promise<void> {
  const taken = await replicator.backup();
  assert.ok(taken.ok, taken.ok ? "" : taken.detail);
  await writeFile(file, taken.value.read());
  assert.equal((await stat(file)).size, taken.value.bytes);
  await taken.value.close();
}

export function instanceOf(service: string, id: string, more: Partial<Instance> = {}): Instance {
  return {
    service,
    id,
    address: "10.0.0.1",
    ports: { default: 8080 },
    protocol: "http",
    tags: ["a"],
    meta: { idc: "north" },
    version: "1",
    zone: "z1",
    weight: 1,
    status: "passing",
    checks: [],
    via: "test",
    ...more,
  };
}

export function register(service: string, id: string, more: Partial<Instance> = {}): Command {
  return { kind: "register", instance: instanceOf(service, id, more), life: { ttlMs: 60_000 } };
}

export function put(key: string, value: string): Command {
  return { kind: "put", key: toBytes(key), value: toBytes(value) };
}

/** All that readers can see, as plain data. */
export function everything(core: Core): unknown {
  return core.registry.read((view) => ({
    revision: view.revision,
    accounts: [...view.accounts()]
      .map((account) => ({
        name: account.name,
        revision: account.revision,
        catalogRevision: account.catalogRevision,
        keysRevision: account.keysRevision,
        createdAtMs: account.createdAtMs,
        counts: { ...account.counts },
        services: [...account.services()].map(({ name, revision }) => [name, revision]),
        times: [...account.services()].map(({ changedAtMs, lostAtMs }) => [changedAtMs, lostAtMs]),
        instances: [...account.instances()],
        leases: [...account.leases()].sort((a, b) => (a.id < b.id ? -1 : 1)),
        entries: [...account.entries("", "")],
        directories: directoriesIn(account),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }));
}

/** What is told of each directory that has keys or is still remembered. */
function directoriesIn(account: AccountView): unknown {
  const names = new Set([...account.directories.empty()].map(({ name }) => name));
  for (const { key } of account.entries("", "")) for (const name of directoriesOf(key)) names.add(name);
  const told = [...names].sort().map((name) => [name, account.under(name)]);
  return { told, forgotten: account.directories.forgotten };
}

/** The whole stored history. */
export async function historyOf(core: Core): Promise<readonly Commit[]> {
  for (;;) {
    const { floor } = core.registry;
    const commits = await allAfter(core, floor);
    // Trimmed meanwhile: what was read may begin later, or was refused.
    if (core.registry.floor === floor) return commits;
  }
}

async function allAfter(core: Core, after: number): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  for (;;) {
    const some = await core.registry.history(commits.at(-1)?.revision ?? after, 1000);
    if (!some.ok && core.registry.floor > after) return [];
    assert.ok(some.ok, some.ok ? "" : some.detail);
    if (some.value.length === 0) return commits;
    commits.push(...some.value);
  }
}

/** The rows beside the log of a store that may be in use: of instances that are gone, and of changes of keys. */
export function rowsBeside(path: string): { readonly gone: number; readonly touched: number } {
  const rows = { gone: 0, touched: 0 };
  const file = new PageFile(path);
  try {
    let tree: Tree | undefined;
    file.walk(file.meta.main, (key, value) => {
      if (key.toString("latin1").startsWith("gone")) tree = treeFromValue(value());
    });
    if (tree !== undefined) file.walk(tree, (key) => rows[key[0] === 0xff ? "touched" : "gone"]++);
  } finally {
    file.close();
  }
  return rows;
}

/** Does a bit of everything, so that each kind of row and of change is in the store. */
export async function liveABit(rig: StoreRig, rounds = 20): Promise<void> {
  const { done, propose } = rig;
  await done({ kind: "grant", lease: "shared", ttlMs: 30_000, via: "test", meta: { who: "me" } });
  for (let i = 0; i < rounds; i++) {
    await Promise.all([
      done(register(`s${i % 7}`, `i${i}`, { meta: { n: String(i), "\u{1f600}": "ü" } })),
      done(register("other", `i${i}`, { zone: "" }), `tenant-${i % 3}`),
      done(put(`k/${i}`, `value ${i}`)),
      done({ kind: "put", key: `l/${i}`, value: "\0\xff", lease: "shared" }),
    ]);
    await done(register(`s${i % 7}`, `i${i}`, { weight: 2, tags: ["b", "c"] }));
    if (i % 3 === 0) await done({ kind: "deregister", instance: { service: `s${i % 7}`, id: `i${i}` } });
    if (i % 4 === 0) await done({ kind: "delete", from: `k/${i}` });
    await done(put(`deep/${i % 3}/${i}/x`, "1"));
    if (i % 2 === 0) await done({ kind: "delete", from: `deep/${i % 3}/${i}/x` });
    if (i % 5 === 0)
      await done(
        { kind: "override", instance: { service: "other", id: "i0" }, status: i % 2 ? "critical" : "draining" },
        "tenant-0",
      );
  }
  await done({ kind: "hold", leases: ["shared", "s1/i1"], reason: "a test" });
  await done({ kind: "register", instance: instanceOf("kept", "k1"), life: { lease: "shared" } });
  await done({ kind: "register", instance: instanceOf("kept", "k2"), life: "permanent" });
  await propose("default", { kind: "deregister", instance: { service: "moved", id: "m" } });
  await done(register("moves", "m"));
  await done({ ...register("moved", "m"), replaces: { service: "moves", id: "m" } } as Command);
  await done({ kind: "put", key: "x".repeat(4000), value: "a long key" });
}
