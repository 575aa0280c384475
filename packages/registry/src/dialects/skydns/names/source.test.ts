/** What names of SkyDNS 1 mean in a catalog. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countLooks } from "../../../../../../test/harness/looks.ts";
import { openRig, type Rig } from "../../../../../../test/harness/registry.ts";
import { type AccountView, type Bytes, type Instance, type Life, toBytes } from "../../../core/index.ts";
import type { Found } from "../../contract.ts";
import { SKYDNS_NAMES } from "./source.ts";

function instance(id: string, more: Partial<Instance> & { environment?: string } = {}): Instance {
  const { environment = "Production", ...rest } = more;
  return {
    service: "TestService",
    id,
    address: "10.0.0.1",
    ports: { default: 80 },
    protocol: "",
    tags: [],
    meta: { "skydns.environment": environment },
    version: "1.0.0",
    zone: "East",
    weight: 100,
    status: "passing",
    checks: [],
    via: "skydns",
    ...rest,
  };
}

async function put(rig: Rig, ...instances: readonly Instance[]): Promise<void> {
  const life: Life = "permanent";
  for (const one of instances) {
    const outcome = await rig.registry.propose("default", { kind: "register", instance: one, life });
    assert.ok(outcome.ok);
  }
}

function find(rig: Rig, name: string, options: Record<string, string> = {}): Found {
  const labels: Bytes[] = name === "" ? [] : name.split(".").map((label) => toBytes(label));
  return rig.registry.read((view) => {
    const account = view.account("default") as AccountView;
    return SKYDNS_NAMES.find(labels, account, options, account);
  });
}

/** `<id>/<priority>` of all places, sorted; or the kind. */
function idsOf(found: Found): string[] | string {
  if (found.kind !== "instances") return found.kind;
  return found.places.map(({ record, priority }) => `${record.id}/${priority}`).sort();
}

test("labels on the left may be left out, any may be *, and all of them narrow it down", async () => {
  const rig = await openRig();
  await put(
    rig,
    instance("1"),
    instance("2", { address: "web2.site.com", version: "1.0.1" }),
    instance("3", { zone: "West" }),
    instance("4", { service: "rails", environment: "dev", address: "::1" }),
    instance("5", { service: "rails", environment: "", zone: "" }),
  );
  const ask = (name: string) => idsOf(find(rig, name));
  assert.deepEqual(ask(""), ["1/10", "2/10", "3/10", "4/10", "5/10"]);
  assert.deepEqual(ask("production"), ["1/10", "2/10", "3/10"]);
  assert.deepEqual(ask("*"), ask(""));
  assert.deepEqual(ask("testservice.production"), ["1/10", "2/10", "3/10"]);
  assert.deepEqual(ask("rails.*"), ["4/10", "5/10"]);
  assert.deepEqual(ask("1-0-1.testservice.production"), ["2/10"]);
  assert.deepEqual(ask("web2-site-com.*.*.*.*"), ["2/10"]);
  assert.deepEqual(ask("--1.*.*.*.*"), ["4/10"]);
  assert.deepEqual(ask("3.*.*.*.*.*"), ["3/10"]);
  assert.deepEqual(ask("3.10-0-0-1.*.1-0-0.testservice.production"), ["3/10"]);
  for (const none of [
    "test",
    "production.testservice",
    "rails.production",
    "*.x",
    "2.0.testservice.production",
    "9.*.*.*.*.*",
  ]) {
    assert.equal(ask(none), "none", none);
  }
  assert.equal(ask("1.*.*.*.*.*.production"), "none");
});

test("where a region is asked for, others follow behind, if it has any of its own", async () => {
  const rig = await openRig();
  await put(rig, instance("e1"), instance("e2"), instance("w1", { zone: "West" }), instance("n1", { zone: "" }));
  assert.deepEqual(idsOf(find(rig, "east.*.testservice.production")), ["e1/10", "e2/10", "n1/20", "w1/20"]);
  assert.deepEqual(idsOf(find(rig, "west.1-0-0.testservice.production")), ["e1/20", "e2/20", "n1/20", "w1/10"]);
  assert.deepEqual(idsOf(find(rig, "*.1-0-0.testservice.production")), ["e1/10", "e2/10", "n1/10", "w1/10"]);
  // The rest of a longer name goes on narrowing it.
  assert.deepEqual(idsOf(find(rig, "w1.*.west.*.*.production")), ["w1/10"]);
  assert.equal(idsOf(find(rig, "south.*.testservice.production")), "none");
});

test("the domain, its servers, UUIDs and addresses have names", async () => {
  const rig = await openRig();
  await put(rig, instance("Odd ID", { address: "10.1.2.3" }));
  assert.deepEqual(idsOf(find(rig, "leader")), "server");
  assert.deepEqual(idsOf(find(rig, "master")), "server");
  await put(
    rig,
    instance("u1"),
    instance("twice"),
    instance("twice", { service: "b" }),
    instance("v6", { address: "2001:db8::1:2" }),
  );
  await put(rig, instance("u2", { environment: "u1" }), instance("host", { address: "web1.site.com" }));
  assert.deepEqual(idsOf(find(rig, "v6")), ["v6/10"]);
  // An environment of that name is meant first.
  assert.deepEqual(idsOf(find(rig, "u1")), ["u2/10"]);
  const targets = (name: string) => {
    const found = find(rig, name);
    assert.equal(found.kind, "instances");
    return found.places.map(({ record, target }) => `${record.id} ${target.join(".")}`).sort();
  };
  assert.deepEqual(targets("production"), [
    "Odd ID 0a010203.addr",
    "host host",
    "twice 0a000001.addr",
    "twice 0a000001.addr",
    "u1 u1",
    "v6 v6",
  ]);
  assert.deepEqual(find(rig, "0a010203.addr"), { kind: "addresses", addresses: ["10.1.2.3"] });
  const v6 = find(rig, "20010db8000000000000000000010002.addr");
  assert.deepEqual(v6, { kind: "addresses", addresses: ["2001:0db8:0000:0000:0000:0000:0001:0002"] });
  assert.equal(find(rig, "0a01020.addr").kind, "none");
});

test("an empty catalog has its domain and no more", async () => {
  const rig = await openRig();
  await put(rig, instance("1"));
  await rig.registry.propose("default", { kind: "deregister", instance: { service: "TestService", id: "1" } });
  assert.equal(find(rig, "").kind, "bare");
  for (const name of ["production", "testservice.production", "1"]) assert.equal(find(rig, name).kind, "none", name);
});

test("instances of other dialects are in the environment that they say, else in the one configured", async () => {
  const rig = await openRig();
  await put(
    rig,
    instance("a", { via: "http", meta: {}, service: "api" }),
    instance("b", { via: "http", meta: { environment: "Blue.1" }, service: "api" }),
  );
  assert.deepEqual(idsOf(find(rig, "api.production")), ["a/10"]);
  assert.deepEqual(idsOf(find(rig, "api.blue-1")), ["b/10"]);
  assert.deepEqual(idsOf(find(rig, "api.staging", { environment: "staging" })), ["a/10"]);
  assert.equal(find(rig, "api.production", { environment: "staging" }).kind, "none");
});

test("an answer depends on one service only when no other can have a say", async () => {
  const rig = await openRig();
  await put(
    rig,
    instance("1", { service: "api" }),
    instance("2", { service: "API" }),
    instance("3", { service: "A.P" }),
  );
  const serviceOf = (name: string) => {
    const found = find(rig, name);
    return found.kind === "instances" ? found.service : found.kind;
  };
  assert.deepEqual(idsOf(find(rig, "api.production")), ["1/10"]);
  assert.equal(serviceOf("api.production"), "api");
  assert.equal(serviceOf("east.*.api.production"), "api");
  assert.deepEqual(idsOf(find(rig, "a-p.production")), ["3/10"]);
  assert.equal(serviceOf("a-p.production"), undefined);
  assert.equal(serviceOf("production"), undefined);
  assert.equal(serviceOf("*.production"), undefined);
});

test("what was found out of a service is not used after it changed", async () => {
  const rig = await openRig();
  await put(rig, instance("1"), instance("2", { service: "other" }));
  assert.deepEqual(idsOf(find(rig, "east.*.*.production")), ["1/10", "2/10"]);
  await put(rig, instance("1", { zone: "West" }));
  assert.deepEqual(idsOf(find(rig, "east.*.*.production")), ["1/20", "2/10"]);
  assert.equal(find(rig, "dev").kind, "none");
  await put(rig, instance("3", { environment: "dev" }));
  assert.deepEqual(idsOf(find(rig, "dev")), ["3/10"]);
});

test("no answer grows without bounds", async () => {
  const rig = await openRig();
  const commands = Array.from({ length: 900 }, (_, index) => index);
  for (let batch = 0; batch < 6; batch++) {
    const outcome = await rig.registry.propose("default", {
      kind: "when",
      guards: [],
      then: commands.map((index) => ({
        kind: "register",
        instance: instance(`i-${batch}-${index}`, { status: batch === 0 ? "critical" : "passing" }),
        life: "permanent",
      })),
      otherwise: [],
    });
    assert.ok(outcome.ok);
  }
  const found = find(rig, "production");
  assert.equal(found.kind, "instances");
  const passing = found.places.filter(({ record }) => record.status === "passing");
  assert.equal(passing.length, 4096);
});

test("a name that is not there is found absent without a look at all that is", async () => {
  const rig = await openRig();
  const many = Array.from({ length: 300 }, (_, nth) =>
    instance(`I.${nth}`, { service: `Service ${nth}`, version: `1.${nth}`, zone: `Zone ${nth}` }),
  );
  await put(rig, ...many, instance("plain", { meta: {}, service: "plain" }));
  for (const by of SKYDNS_NAMES.groupings ?? []) await rig.registry.group(by);
  const ask = (name: string) =>
    rig.registry.read((view) => {
      const { account, looked } = countLooks(view.account("default") as AccountView);
      return { found: idsOf(SKYDNS_NAMES.find(name.split(".").map(toBytes), account, {}, account)), looked: looked() };
    });
  const absent = [
    "nowhere",
    "nobody.production",
    "9.*.production",
    "nowhere.*.*.production",
    "10-0-0-9.*.*.*.production",
    "nothing.*.*.*.*.production",
    "zone-7.1-7.*.staging",
  ];
  for (const name of absent) {
    const { found, looked } = ask(name);
    assert.equal(found, "none", name);
    // One that stands where its id would.
    assert.ok(looked <= 2, `${name}: ${looked}`);
  }
  const present = ["i-7.*.*.*.*.*", "service-7.production", "i-7.10-0-0-1.zone-7.1-7.service-7.*"];
  for (const name of present) assert.deepEqual(ask(name).found, ["I.7/10"], name);
  assert.deepEqual(ask("plain.production").found, ["plain/10"]);
});
