/** What discovery shows when a registry loses instances, and which of them it picks. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient, type DiscoverOptions, type Discovery, type InstanceBody } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";

const scope = { after };
const flags = ["--replicator", "memory", "--protection-enabled", "off"];
const registry = await startRollcall(scope, { flags });
const rollcall = createClient({ url: registry.url });
const spec = { address: "127.0.0.1", ttl: "60s" };
const idsOf = (instances: readonly InstanceBody[]) => instances.map(({ id }) => id).sort();

async function registerMany(
  service: string,
  count: number,
  more: { ttl?: string; lease?: string } = {},
): Promise<void> {
  const { ttl = more.lease === undefined ? "60s" : undefined, lease } = more;
  const life = { ...(ttl !== undefined && { ttl }), ...(lease !== undefined && { lease }) };
  const each = Array.from({ length: count }, (_, i) =>
    rollcall.registerOnce({ service, id: `${i}`, address: "127.0.0.1", port: 8000 + i, ...life }),
  );
  await Promise.all(each);
}

async function follow(service: string, count: number, options: DiscoverOptions = {}): Promise<Discovery> {
  const discovery = rollcall.discover(service, options);
  after(() => discovery.close());
  await until(() => discovery.instances.length === count, { what: `${count} instances` });
  assert.equal(discovery.stale, false);
  return discovery;
}

test("instances are picked as often as their weights say, evenly spread", async () => {
  const weights = { none: 0, one: 1, three: 3, sick: 50 };
  for (const [id, weight] of Object.entries(weights))
    await rollcall.registerOnce({ ...spec, service: "w", id, weight, status: id === "sick" ? "critical" : "passing" });
  const discovery = await follow("w", 4, { status: ["healthy", "critical"] });
  const picked = Array.from({ length: 400 }, () => discovery.pick()?.id);
  const counts = Object.fromEntries(Object.keys(weights).map((id) => [id, picked.filter((one) => one === id).length]));
  assert.deepEqual(counts, { none: 0, one: 100, three: 300, sick: 0 });
  for (let from = 0; from < 400; from += 4)
    assert.equal(picked.slice(from, from + 4).filter((id) => id === "one").length, 1);

  await rollcall.registerOnce({ ...spec, service: "w", id: "one", weight: 0 });
  await rollcall.registerOnce({ ...spec, service: "w", id: "three", weight: 0 });
  await until(() => discovery.instances.every(({ id, weight }) => weight === 0 || id === "sick"));
  // With no weight at all, all that is healthy is as good.
  assert.deepEqual([...new Set([1, 2, 3].map(() => discovery.pick()?.id))].sort(), ["none", "one", "three"]);

  for (const id of ["none", "one", "three"]) await rollcall.deregister("w", id);
  await until(() => discovery.instances.length === 1);
  assert.equal(discovery.pick()?.id, "sick");
});

test("clients that start together begin with different instances", async () => {
  await registerMany("spread", 2);
  const first = new Set<string | undefined>();
  for (let i = 0; i < 40 && first.size < 2; i++) {
    const discovery = await follow("spread", 2);
    first.add(discovery.pick()?.id);
    discovery.close();
  }
  assert.equal(first.size, 2);
});

test("what lapses at once is held for a time, marked, and let go then or when it comes back", async () => {
  await registerMany("lapse", 12, { ttl: "3s" });
  const shown: number[] = [];
  const discovery = await follow("lapse", 12, {
    hold: { holdMs: 3000 },
    onChange: ({ length }) => void shown.push(length),
  });
  await until(() => discovery.instances.filter(({ held }) => held !== null).length === 12, { what: "all to be held" });
  assert.equal((await rollcall.service("lapse")).instances.length, 0);
  assert.equal(discovery.stale, true);
  assert.match(discovery.instances[0]?.held?.reason ?? "", /lost 1?\d of 12 instances within 15 s/);
  assert.ok(discovery.pick());
  await rollcall.registerOnce({ ...spec, service: "lapse", id: "3" });
  // Another at a known place is its successor.
  await rollcall.registerOnce({ ...spec, service: "lapse", id: "new", port: 8004 });
  await until(() => discovery.instances.some(({ id }) => id === "new"));
  assert.deepEqual(idsOf(discovery.instances.filter(({ held }) => held === null)), ["3", "new"]);
  assert.equal(discovery.instances.length, 12);
  await until(() => discovery.instances.length === 2, { what: "the others to be let go" });
  assert.equal(discovery.stale, false);
  assert.ok(shown.every((length) => length >= 2));
});

test("nobody is held of whom somebody said that it goes, or who is there in another state", async () => {
  const { lease } = await rollcall.leases.grant({ ttl: "60s" });
  const goings: Record<string, () => Promise<unknown>> = {
    deregistered: async () => {
      const each = Array.from({ length: 12 }, (_, i) => rollcall.deregister("deregistered", `${i}`));
      return Promise.all(each);
    },
    ended: () => rollcall.leases.end(lease),
    draining: async () => {
      const each = Array.from({ length: 12 }, (_, i) =>
        rollcall.registerOnce({ ...spec, service: "draining", id: `${i}`, port: 8000 + i, status: "draining" }),
      );
      return Promise.all(each);
    },
  };
  for (const [service, go] of Object.entries(goings)) {
    await registerMany(service, 12, service === "ended" ? { lease } : {});
    const discovery = await follow(service, 12);
    await go();
    await until(() => discovery.instances.length === 0, { what: `${service} to be empty` });
    assert.equal(discovery.stale, false);
  }
});

test("few that go are not held, nor are many when it is turned off", async () => {
  await registerMany("few", 9, { ttl: "3s" });
  await registerMany("off", 12, { ttl: "3s" });
  const followed = [await follow("few", 9), await follow("off", 12, { hold: false })];
  await until(() => followed.every(({ instances, stale }) => instances.length === 0 && !stale));
});

test("a registry that forgot all empties nothing; what comes back is held no more", async () => {
  await registerMany("forgot", 3);
  const discovery = await follow("forgot", 3);
  const states: (readonly InstanceBody[])[] = [];
  const other = await follow("forgot", 3, { onChange: (instances) => void states.push(instances) });
  await registry.restart();
  await until(() => [discovery, other].every(({ instances }) => instances.every(({ held }) => held !== null)), {
    what: "all to be held",
  });
  assert.deepEqual((await rollcall.service("forgot")).instances, []);
  assert.match(discovery.instances[0]?.held?.reason ?? "", /forgot 3 of 3 instances/);
  assert.equal(discovery.stale, true);
  await registerMany("forgot", 3);
  await until(() => !discovery.stale, { what: "all to be back" });
  assert.deepEqual(idsOf(discovery.instances.filter(({ held }) => held === null)), ["0", "1", "2"]);
  assert.ok(states.every(({ length }) => length === 3));
});
