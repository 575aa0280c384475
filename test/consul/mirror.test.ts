/** A running Consul mirrored: what goes wrong there takes nothing away here. In this process, with a Consul that is played. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createLog } from "../../packages/registry/src/bin/log/logger.ts";
import {
  forgetOthers,
  Mirror,
} from "../../packages/registry/src/dialects/consul/catalog/registration/mirror/mirror.ts";
import { MIRROR, UNMIRROR } from "../../packages/registry/src/dialects/consul/catalog/registration/mirror/plan.ts";
import type { MirrorSettings } from "../../packages/registry/src/dialects/consul/settings.ts";
import { createNode } from "../harness/duty.ts";
import { openRig } from "../harness/registry.ts";
import { until } from "../harness/scope.ts";
import { entry, PlayedConsul } from "./played-rig.ts";

async function open(t: TestContext, isOnDuty = true) {
  const consul = new PlayedConsul();
  await consul.open(10);
  t.after(() => consul.close());
  const rig = await openRig({ plans: [MIRROR, UNMIRROR] });
  t.after(() => rig.core.close());
  const node = createNode(isOnDuty);
  const said: string[] = [];
  const out = { lost: 0, write: (line: string) => said.push(JSON.parse(line).msg) > 0 };
  const log = createLog("json", "info", out).logger;
  const agent = { node: "rollcall", nodeId: "", address: "127.0.0.1", datacenter: "dc1", version: "" };
  const parts = { registry: rig.registry, nodes: node, log, agent };
  const settings: MirrorSettings = { url: consul.url, token: undefined, datacenter: undefined, account: "default" };
  const mirror = new Mirror(parts, settings);
  t.after(() => mirror.close());
  const ids = (): readonly string[] =>
    rig.registry.read((view) => Array.from(view.account("default")?.instances() ?? [], ({ id }) => id).sort());
  const are = (...wanted: readonly string[]) =>
    until(() => ids().join() === [...wanted].sort().join(), { what: `${wanted} to be there, not ${ids()}` });
  const hears = (pattern: RegExp) => until(() => said.some((line) => pattern.test(line)), { what: String(pattern) });
  return { consul, ...rig, node, mirror, parts, settings, said, ids, are, hears };
}

test("what a Consul has is there as it is there, and what was registered here stays", async (t) => {
  const { consul, registry, mirror, are } = await open(t);
  const own = { tags: [], meta: {}, version: "", zone: "", weight: 1, status: "passing", checks: [] } as const;
  const mine = { ...own, service: "web", id: "mine", address: "10.0.0.3", ports: { default: 8080 }, protocol: "" };
  await registry.propose("default", {
    kind: "register",
    instance: { ...mine, via: "http" },
    life: "permanent",
  });
  const taken = { ...mine, service: "db", id: "db-9@n9", address: "10.0.0.99", via: "http" };
  await registry.propose("default", { kind: "register", instance: taken, life: "permanent" });
  consul.set({ web: [entry("web", 1), entry("web", 2), entry("web", 3)], db: [entry("db", 9)] });
  mirror.begin();
  // The third one is here already: it moved.
  await are("db-9@n9", "mine", "web-1@n1", "web-2@n2");
  const at = (service: string, id: string) => registry.read((view) => view.instance("default", service, id));
  assert.equal(at("db", "db-9@n9")?.address, "10.0.0.99");
  const { address, ports, weight, status, meta } = at("web", "web-1@n1") as NonNullable<ReturnType<typeof at>>;
  assert.deepEqual(
    { address, ports, weight, status, node: meta["consul.node"], source: meta["consul.mirror"] },
    { address: "10.0.0.1", ports: { default: 8080 }, weight: 7, status: "passing", node: "n1", source: consul.url },
  );
  // A node that fails takes its services with it.
  consul.set({ web: [entry("web", 1, "critical"), entry("web", 2, "passing", "warning")] });
  await until(
    () => at("web", "web-1@n1")?.status === "critical" && at("web", "web-2@n2")?.checks[0]?.status === "warning",
  );
  consul.set({ web: [entry("web", 2)], api: [entry("api", 1)] });
  await are("api-1@n1", "db-9@n9", "mine", "web-2@n2");
  consul.set({ api: [] });
  await are("db-9@n9", "mine", "web-2@n2");
});

test("a Consul that is lost, empty or begins anew takes nothing away", async (t) => {
  const { consul, mirror, are, hears, ids } = await open(t);
  const many = Array.from({ length: 20 }, (_, nth) => entry("web", nth));
  const all = many.map((_, nth) => `web-${nth}@n${nth}`);
  consul.set({ web: many, db: [entry("db", 30)] });
  mirror.begin();
  await are(...all, "db-30@n30");
  consul.set({ web: [], db: [] });
  await hears(/has lost most/);
  consul.close();
  await hears(/is not reached/);
  assert.equal(ids().length, 21);
  // It comes back with little: less than half of what was there.
  consul.services = { web: many.slice(0, 5) };
  consul.asked = 0;
  await consul.open(3);
  await until(() => consul.asked >= 4, { what: "all to be asked for again" });
  assert.equal(ids().length, 21);
  consul.set({ web: many.slice(0, 12) });
  await are(...all.slice(0, 12));
});

test("one node mirrors for all, and nothing is left once it is switched off", async (t) => {
  const { consul, node, mirror, are, ids, parts, settings, registry } = await open(t, false);
  consul.set({ web: [entry("web", 1)] });
  mirror.begin();
  assert.deepEqual([consul.asked, ids()], [0, []]);
  node.take();
  await are("web-1@n1");
  node.leave();
  const { asked } = consul;
  consul.set({ web: [entry("web", 1), entry("web", 2)] });
  await until(() => consul.asked >= asked);
  await mirror.close();
  assert.deepEqual(ids(), ["web-1@n1"]);
  node.take();
  await forgetOthers(parts, settings);
  assert.deepEqual(ids(), ["web-1@n1"]);
  await forgetOthers(parts, undefined);
  assert.deepEqual(ids(), []);
  const nodes = registry.read((view) => Array.from(view.account("default")?.entries("\0consul/", "\x01") ?? []));
  assert.deepEqual(nodes, []);
});
