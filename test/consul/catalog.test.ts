/** The catalog: nodes and services of others, one catalog with the other protocols, and what wakes queries of it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { indexOf, startConsul } from "./rig.ts";

const consul = await startConsul({ after }, { dialects: "http,consul,eureka" });
const native = (method: string, path: string, body?: object) =>
  request(`${consul.rollcall.url}/v2/default${path}`, { method, ...(body === undefined ? {} : { body }) });

const DB = {
  Node: "db-host",
  Address: "10.1.0.1",
  NodeMeta: { rack: "7" },
  Service: { ID: "db", Service: "database", Port: 5432, Tags: ["main"] },
  Check: { CheckID: "db:up", Name: "up", Status: "passing", ServiceID: "db", Notes: "by hand" },
};

test("nodes, services and checks of others are registered and deregistered", async () => {
  assert.equal((await consul.put("/catalog/register", DB)).text, "true");
  assert.equal((await consul.put("/catalog/register", { ...DB, Node: "db-host-2", Address: "10.1.0.2" })).text, "true");
  const listed = (await consul.get("/catalog/service/database")).json();
  assert.deepEqual(
    listed.map((one: Record<string, unknown>) => [one.Node, one.Address, one.ServiceID, one.ServiceAddress]),
    [
      ["db-host", "10.1.0.1", "db", ""],
      ["db-host-2", "10.1.0.2", "db", ""],
    ],
  );
  const [entry] = (await consul.get("/health/service/database?passing&node-meta=rack:7")).json();
  assert.deepEqual(
    [entry.Node.Meta, entry.Checks[0].CheckID, entry.Checks[0].Notes],
    [{ rack: "7" }, "db:up", "by hand"],
  );
  assert.deepEqual((await consul.get("/health/service/database?node-meta=rack:8")).json(), []);
  const nodes = (await consul.get("/catalog/nodes")).json();
  assert.deepEqual(
    nodes.map(({ Node }: { Node: string }) => Node),
    ["db-host", "db-host-2", "rollcall"],
  );
  assert.equal((await consul.get("/catalog/nodes?node-meta=rack:7")).json().length, 2);
  // A check of the node counts for what stands on it.
  const check = { CheckID: "disk", Name: "disk", Status: "critical", Output: "full" };
  await consul.put("/catalog/register", {
    Node: "db-host",
    Address: "10.1.0.1",
    NodeMeta: { rack: "7" },
    Check: check,
  });
  assert.equal((await consul.get("/health/service/database?passing")).json().length, 1);
  const failing = (await consul.get("/health/state/critical")).json();
  assert.deepEqual(
    failing.map((one: Record<string, unknown>) => [one.Node, one.CheckID, one.Output]),
    [["db-host", "disk", "full"]],
  );
  await consul.put("/catalog/deregister", { Node: "db-host", CheckID: "disk" });
  assert.equal((await consul.get("/health/service/database?passing")).json().length, 2);
  await consul.put("/catalog/deregister", { Node: "db-host-2", ServiceID: "db" });
  assert.equal((await consul.get("/catalog/service/database")).json().length, 1);
  await consul.put("/catalog/deregister", { Node: "db-host" });
  await consul.put("/catalog/deregister", { Node: "db-host-2" });
  assert.deepEqual((await consul.get("/catalog/service/database")).json(), []);
  assert.equal((await consul.get("/catalog/node/db-host")).text, "null");
  assert.equal((await consul.get("/catalog/node-services/db-host")).text, '{"Node":null,"Services":null}');
  for (const [body, says] of [
    [{ Address: "10.0.0.1" }, /^Must provide node$/],
    [{ Node: "a" }, /^Must provide address/],
    [{ Node: "a", Address: "b", Check: { Name: "c", Status: "fine" } }, /Bad check status/],
    [
      { Node: "a", Address: "b", Check: { Name: "c", ServiceID: "none" } },
      /^Unknown service ID 'none' for check ID 'c'$/,
    ],
  ] as const)
    assert.match((await consul.put("/catalog/register", body)).text, says);
});

test("what registers elsewhere stands on a node named after its address, with a check that tells its status", async () => {
  const instance = { address: "10.2.0.1", port: 80, tags: ["green"], meta: { team: "a" }, ttl: "30s" };
  await native("PUT", "/services/orders/instances/o1", instance);
  const [entry] = (await consul.get("/health/service/orders?passing")).json();
  assert.deepEqual([entry.Node.Node, entry.Node.Address], ["10.2.0.1", "10.2.0.1"]);
  const { ID, Service, Address, Port, Tags, Meta, Weights } = entry.Service;
  assert.deepEqual(
    { ID, Service, Address, Port, Tags, Meta, Weights },
    {
      ID: "o1",
      Service: "orders",
      Address: "10.2.0.1",
      Port: 80,
      Tags: ["green"],
      Meta: { team: "a" },
      Weights: { Passing: 1, Warning: 1 },
    },
  );
  assert.equal(entry.Checks.length, 1);
  assert.match(entry.Checks[0].Output, /registered through http; kept alive by a lease/);
  assert.equal((await consul.get("/catalog/node/10.2.0.1")).json().Services.o1.Port, 80);
  await native("PUT", "/services/orders/instances/o1", { ...instance, status: "draining" });
  assert.deepEqual((await consul.get("/health/service/orders?passing")).json(), []);
});

test("what registers with the agent is an instance everywhere, and an operator's word counts here, too", async () => {
  const body = { Name: "pay", Address: "10.3.0.1", Port: 81, Check: { TTL: "60s", Status: "passing" } };
  await consul.put("/agent/service/register", body);
  const found = (await native("GET", "/services/pay/instances/pay")).json();
  assert.deepEqual([found.address, found.status, found.ports ?? found.port], ["10.3.0.1", "passing", { default: 81 }]);
  const eureka = await request(`http://127.0.0.1:${consul.rollcall.port("eureka")}/eureka/apps/PAY`, {
    headers: { accept: "application/json" },
  });
  assert.equal(eureka.json().application.instance[0].ipAddr, "10.3.0.1");
  await consul.put("/agent/check/fail/service:pay");
  assert.equal((await native("GET", "/services/pay/instances/pay")).json().status, "critical");
  await native("DELETE", "/services/pay/instances/pay");
  assert.deepEqual((await consul.get("/health/service/pay")).json(), []);
  assert.equal((await consul.put("/agent/check/pass/service:pay")).status, 404);
});

test("without an address a service is where its node is", async () => {
  await consul.put("/agent/service/register", { Name: "local", Port: 82 });
  const [{ Address, ServiceAddress }] = (await consul.get("/catalog/service/local")).json();
  assert.deepEqual([Address, ServiceAddress], ["127.0.0.1", ""]);
  assert.equal((await native("GET", "/services/local/instances/local")).json().address, "127.0.0.1");
});

test("queries of the catalog are woken by what they show, and by nothing else", async () => {
  await consul.put("/agent/service/register", { Name: "quiet", Check: { TTL: "60s", Status: "passing" } });
  await consul.put("/agent/service/register", { Name: "loud", Check: { TTL: "60s", Status: "passing" } });
  const indexes = new Map<string, number>();
  const paths = ["/health/service/quiet", "/health/service/absent", "/catalog/services", "/catalog/nodes"];
  for (const path of paths) indexes.set(path, indexOf(await consul.get(path)));
  const done = new Set<string>();
  const waiting = paths.map(async (path) => {
    const answer = await consul.get(`${path}?index=${indexes.get(path)}&wait=60s`);
    done.add(path);
    return answer;
  });
  await consul.put("/agent/check/fail/service:loud");
  await consul.put("/agent/check/warn/service:loud");
  // One that is woken by any change of health is a witness that the changes have been told of.
  const witness = await consul.get(`/health/state/any?index=${indexes.get("/catalog/services")}&wait=60s`);
  assert.ok(indexOf(witness) > (indexes.get("/catalog/services") as number));
  assert.deepEqual([...done], []);
  await consul.put("/agent/service/register", { Name: "absent", Port: 1 });
  assert.equal((await waiting[1])?.json().length, 1);
  assert.ok((await waiting[2])?.text.includes('"absent":[]'));
  assert.deepEqual([done.has("/health/service/quiet"), done.has("/catalog/nodes")], [false, false]);
  await consul.put("/agent/check/fail/service:quiet");
  assert.equal((await waiting[0])?.json().length, 1);
  await consul.put("/catalog/register", { Node: "new-node", Address: "10.4.0.1" });
  assert.ok((await waiting[3])?.text.includes("new-node"));
});

test("filters choose among what every list has", async () => {
  const body = { Name: "chosen", Tags: ["a", "b"], Port: 83, Meta: { tier: "1" }, Address: "10.5.0.1" };
  await consul.put("/agent/service/register", { ...body, ID: "c1", Check: { TTL: "60s", Status: "passing" } });
  await consul.put("/agent/service/register", { ...body, ID: "c2", Tags: ["b"], Check: { TTL: "60s" } });
  const ask = async (path: string, filter: string) => {
    const answer = await consul.get(`${path}${path.includes("?") ? "&" : "?"}filter=${encodeURIComponent(filter)}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  const cases: readonly (readonly [
    path: string,
    filter: string,
    found: (body: never) => unknown,
    expected: unknown,
  ])[] = [
    [
      "/catalog/service/chosen",
      "a in ServiceTags",
      (all: { ServiceID: string }[]) => all.map((one) => one.ServiceID),
      ["c1"],
    ],
    ["/catalog/services", 'ServiceName matches "^cho"', (all: object) => all, { chosen: ["a", "b"] }],
    ["/catalog/services", 'ServiceID == "c2"', (all: object) => all, { chosen: ["b"] }],
    ["/catalog/nodes", 'Node == "rollcall"', (all: object[]) => all.length, 1],
    [
      "/health/service/chosen",
      "Checks.Status == critical",
      (all: { Service: { ID: string } }[]) => all.map((one) => one.Service.ID),
      ["c2"],
    ],
    ["/health/service/chosen", "Service.Meta.tier == 1 and Node.Node == rollcall", (all: object[]) => all.length, 2],
    ["/health/checks/chosen", "Status == passing", (all: object[]) => all.length, 1],
    ["/health/state/any", 'ServiceID == "c1"', (all: object[]) => all.length, 1],
    ["/health/node/rollcall", 'CheckID == "service:c2"', (all: object[]) => all.length, 1],
    [
      "/catalog/node/rollcall",
      "Port == 83 and a in Tags",
      ({ Services }: { Services: object }) => Object.keys(Services),
      ["c1"],
    ],
    ["/catalog/node-services/rollcall", "Port == 83", ({ Services }: { Services: object[] }) => Services.length, 2],
    ["/agent/services", "Service == chosen and a in Tags", (all: object) => Object.keys(all), ["c1"]],
    [
      "/agent/checks",
      "Status == critical and ServiceName == chosen",
      (all: object) => Object.keys(all),
      ["service:c2"],
    ],
  ] as never;
  for (const [path, filter, found, expected] of cases)
    assert.deepEqual(found((await ask(path, filter)) as never), expected, `${path} ${filter}`);
  const refused = await consul.get("/catalog/service/chosen?filter=Nothing==1");
  assert.equal(refused.status, 400);
  assert.match(refused.text, /Selector "Nothing" is not valid/);
});

test("weights of 0, which Go's client sends when it has none, are taken by the catalog and refused by the agent", async () => {
  const Weights = { Passing: 0, Warning: 0 };
  const Service = { Service: "weighty", Port: 80, Weights };
  const registered = await consul.put("/catalog/register", { Node: "weighty", Address: "10.9.0.1", Service });
  assert.equal(registered.text, "true");
  const { instances } = (await native("GET", "/services/weighty")).json();
  assert.equal(instances[0].weight, 100, "it is called like any other");
  const refused = await consul.put("/agent/service/register", { Name: "weighty", Weights });
  assert.match(refused.text, /^Invalid Weights: Passing must be greater than 0/);
});
