/** A state in the place of another: what is read then is the new one, and who holds a service sees that it moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accepted,
  countsOf,
  instanceOf,
  openRig,
  type Rig,
  register,
  restoredOf,
} from "../../../../../test/harness/registry.ts";
import type { Command, Commit, InstanceRecord, Sink } from "../index.ts";
import { AccountState } from "./state.ts";

function pictureOf({ registry }: Rig): unknown {
  return registry.read((view) =>
    [...view.accounts()]
      .map(({ name }) => ({
        name,
        counts: countsOf(view, name),
        services: [...(view.account(name)?.services() ?? [])].map((service) => [
          service.name,
          [...service.instances.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
        ]),
        leases: [...(view.account(name)?.leases() ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1)),
        keys: [...view.entries(name, "", "")],
      }))
      .filter(({ counts }) => counts.instances + counts.keys + counts.leases > 0)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

const put = (key: string, value: string, lease: string | null = null): Command => ({ kind: "put", key, value, lease });

/** Two registries with one past: one went on, the other was away. */
async function openApart(): Promise<{ readonly away: Rig; readonly ahead: Rig }> {
  const [away, ahead] = [await openRig(), await openRig()];
  for (const rig of [away, ahead]) {
    const propose = async (command: Command, account = "default") =>
      accepted(await rig.registry.propose(account, command));
    await propose({ kind: "grant", lease: "l", ttlMs: 3000, via: "test" });
    for (const id of ["stays", "changes", "goes", "moves"]) await propose(register("api", id));
    await propose(register("only", "one"));
    await propose(register("shared", "s", { lease: "l" }));
    for (const key of ["a", "b/c", "d"]) await propose(put(key, "1"));
    await propose(put("held", "1", "l"));
    await propose(put("k", "1"), "gone");
    if (rig === away) continue;
    await propose(register("api", "changes", { ttlMs: 5000 }, { meta: { n: "2" } }));
    await propose({ kind: "deregister", instance: { service: "api", id: "goes" } });
    await propose({ kind: "deregister", instance: { service: "only", id: "one" } });
    await propose({ ...register("web", "moves"), replaces: { service: "api", id: "moves" } } as Command);
    await propose({ kind: "end", lease: "l", cause: "closed" });
    await propose({ kind: "grant", lease: "l2", ttlMs: 4000, via: "test" });
    await propose(register("api", "comes", { lease: "l2" }));
    await propose({ kind: "delete", from: "a" });
    await propose(put("b/c", "2"));
    await propose(put("e", "1"));
    await propose({ kind: "delete", from: "k" }, "gone");
    await propose(put("k", "1"), "new");
  }
  return { away, ahead };
}

test("the state that is put in its place is what is read, counted, and kept alive", async () => {
  const { away, ahead } = await openApart();
  const api = away.registry.read((view) => view.account("default")?.service("api"));
  const only = away.registry.read((view) => view.account("default")?.service("only"));
  const before = [api?.revision ?? 0, only?.revision ?? 0] as const;
  (away.core as unknown as Sink).replace(ahead.registry.read(restoredOf));
  assert.deepEqual(pictureOf(away), pictureOf(ahead));
  const [account, now] = [away, ahead].map(({ registry }) => registry.read((view) => view.account("default")));
  assert.equal(account?.service("api"), api, "it is the same object");
  assert.ok((api?.revision ?? 0) > before[0] && (only?.revision ?? 0) > before[1], "what was made of it is stale");
  assert.ok((account?.catalogRevision ?? 0) >= (now?.catalogRevision ?? 1));
  assert.equal(
    away.registry.read((view) => view.revision),
    ahead.registry.read((view) => view.revision),
  );
  assert.deepEqual([...(await away.registry.renewMany("default", ["api/stays", "l", "l2"]))], [3000, 0, 4000]);
});

test("one id in thousands of services comes and goes in a moment", () => {
  const account = new AccountState("a", 0);
  const names = Array.from({ length: 30_000 }, (_, n) => `s${(n * 7919) % 30_000}`);
  const cpu = process.cpuUsage();
  for (const service of names) account.setInstance(service, "i", recordOf(service), 1);
  account.setInstance("s7", "i", { ...recordOf("s7"), modRevision: 2 }, 2);
  const all = account.instancesById("i").map(({ service }) => service);
  assert.deepEqual(all, [...names].sort());
  assert.deepEqual(
    [...account.instances()].map(({ service }) => service),
    all,
  );
  assert.equal(account.instancesById("i")[all.indexOf("s7")]?.modRevision, 2);
  for (const service of names.slice(1)) account.setInstance(service, "i", null, 3);
  assert.deepEqual(account.instancesById("i"), [account.service(names[0] as string)?.instances.get("i")]);
  account.setInstance(names[0] as string, "i", null, 3);
  assert.deepEqual([...account.instances()], []);
  // A list that is gone through for each of them takes ten times as long.
  assert.ok(process.cpuUsage(cpu).user < 3e6, `${process.cpuUsage(cpu).user / 1e6} s`);
});

function recordOf(service: string): InstanceRecord {
  const rest = { lease: null, override: null, held: null, createRevision: 1, modRevision: 1, createdAtMs: 0 };
  return { ...instanceOf(service, "i"), ...rest, stampMs: 0, origin: "n" };
}

test("who follows in step begins anew at once", async () => {
  const { away, ahead } = await openApart();
  let lost = 0;
  const follower = { inStep: true, deliver: (commits: readonly Commit[]) => commits.length, lost: () => void lost++ };
  const revision = away.registry.read((view) => view.revision);
  assert.ok(away.registry.follow({ account: "default" }, revision, follower).ok);
  await new Promise((resolve) => setImmediate(resolve));
  const reached = away.registry.reached(ahead.registry.read((view) => view.revision));
  (away.core as unknown as Sink).replace(ahead.registry.read(restoredOf));
  assert.equal(lost, 1);
  await reached;
});
