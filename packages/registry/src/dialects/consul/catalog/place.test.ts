/** What stands on a node is found without a look at all that stands elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countLooks } from "../../../../../../test/harness/looks.ts";
import { accepted, openRig, register } from "../../../../../../test/harness/registry.ts";
import type { AccountFacts, AccountView, Facts, InstanceRecord, View } from "../../../core/index.ts";
import { CREATE } from "../sessions/plan.ts";
import { findAnyNode, findView, listNodes, servicesOn } from "./listing.ts";
import { CONSUL_NAMES } from "./names/source.ts";
import { nodeKey, toNodeValue } from "./nodes.ts";
import { CATALOG_DEREGISTER } from "./registration/plan.ts";

const agent = { node: "Rollcall", nodeId: "", address: "10.0.0.53", datacenter: "dc1", version: "1.14.11" };
const lens = { agent, notes: /^consul\./ };
const check = { id: "c", kind: "reported", name: "c", target: "", intervalMs: 0, timeoutMs: 0, output: "" } as const;

async function openMany() {
  const rig = await openRig();
  const put = async (service: string, id: string, more: Parameters<typeof register>[3]) =>
    accepted(await rig.registry.propose("default", register(service, id, "permanent", more)));
  for (let nth = 0; nth < 100; nth++) {
    await put(`Far${nth}`, `far-${nth}`, { address: `10.1.0.${nth}` });
    await put(`own${nth}`, `own-${nth}`, { via: "consul" });
  }
  await put("web", "w@db 1", { address: "10.0.0.1", meta: { "consul.node": "DB 1", "consul.id": "w" } });
  const checks = [{ ...check, status: "passing", reportedAtMs: 0 }] as const;
  await put("api", "a@db 1", { address: "10.0.0.1", meta: { "consul.node": "db 1", "consul.id": "a" }, checks });
  const node = { name: "DB 1", id: "", address: "10.0.0.1", taggedAddresses: {}, meta: {}, checks: [] };
  accepted(
    await rig.registry.propose("default", { kind: "put", key: nodeKey("DB 1"), value: toNodeValue(node), lease: null }),
  );
  return rig;
}

const nameOf = ({ service, id }: Pick<InstanceRecord, "service" | "id">): string => `${service}/${id}`;

test("a node and what stands on it are found by the node's name", async () => {
  const { registry } = await openMany();
  const look = <T>(use: (account: AccountView) => T) =>
    registry.read((view) => {
      const { account, looked } = countLooks(view.account("default") as AccountView);
      return { found: use(account), looked: looked() };
    });
  const on = (node: string) => look((account) => servicesOn(account, node, lens).map(({ id }) => id));
  assert.deepEqual(on("db 1"), { found: ["a", "w"], looked: 0 });
  assert.equal(on("rollcall").found.length, 100);
  assert.equal(on("rollcall").looked, 0);
  assert.deepEqual(on("10.1.0.7"), { found: ["far-7"], looked: 0 });
  assert.deepEqual(
    look((account) => findAnyNode(account, "nobody", lens)),
    { found: undefined, looked: 0 },
  );
  assert.deepEqual(
    look((account) => findView(account, "FAR7")?.name),
    { found: "Far7", looked: 0 },
  );
  assert.deepEqual(
    look((account) => findView(account, "nothing")),
    { found: undefined, looked: 0 },
  );
  const nodes = look((account) => listNodes(account, lens).map(({ name, address }) => `${name} ${address}`));
  assert.equal(nodes.looked, 0);
  assert.deepEqual(
    [nodes.found.length, nodes.found[0], ...nodes.found.slice(-2)],
    [102, "10.1.0.0 10.1.0.0", "DB 1 10.0.0.1", "Rollcall 10.0.0.53"],
  );
  const dns = (...labels: string[]) =>
    look((account) => {
      const found = CONSUL_NAMES.find(labels, account, {}, account);
      return found.kind === "instances"
        ? found.places.map(({ record, target }) => `${nameOf(record)} ${target.join(".")}`).sort()
        : found.kind;
    });
  const target = "db-1.node.dc1";
  assert.deepEqual(dns("db-1", "node"), { found: [`api/a@db 1 ${target}`, `web/w@db 1 ${target}`], looked: 0 });
  assert.deepEqual(dns("web", "service"), { found: [`web/w@db 1 ${target}`], looked: 0 });
  assert.deepEqual(dns("nobody", "node"), { found: "none", looked: 0 });
});

test("to take a node or a check away, or begin a session that rests on it, needs a look at what stands there", async () => {
  const { registry } = await openMany();
  const planned = <T>(make: (facts: Facts) => T) =>
    registry.read((view) => {
      const { account, looked } = countLooks(view.account("default") as AccountFacts);
      const facts: Facts = new Proxy<View>(view, {
        get(target, name) {
          if (name === "account") return () => account;
          const found = Reflect.get(target, name, target);
          return typeof found === "function" ? found.bind(target) : found;
        },
      });
      const made = JSON.stringify(make(facts));
      assert.equal(looked(), 0);
      return made;
    });
  const stamp = { revision: 1, atMs: 1, origin: "n" };
  const gone = (node: string, checkId = "") =>
    planned((facts) => CATALOG_DEREGISTER.make(facts, "default", { agent, node, serviceId: "", checkId }, stamp));
  assert.match(gone("Db 1"), /deregister.*api.*deregister.*web|deregister.*web.*deregister.*api/);
  assert.doesNotMatch(gone("Db 1"), /far|own/);
  assert.match(gone("db 1", "c"), /register.*api/);
  assert.match(gone("db 2", "c"), /"command":null/);
  const begun = (check: string) =>
    planned((facts) => {
      const rests = { node: "DB 1", nodeChecks: [], serviceChecks: [{ ID: check, Namespace: "" }] };
      const session = { ...rests, id: "s", name: "", behavior: "release", lockDelayMs: 0, ttl: "10s" } as const;
      return CREATE.make(facts, "default", { session, ttlMs: 10_000, agent }, stamp);
    });
  assert.match(begun("c"), /"grant"/);
  assert.match(begun("x"), /Missing check 'x' registration/);
});
