/** Transactions on nodes, services and checks. The texts are those of Consul 1.14.11. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startConsul } from "./rig.ts";

const consul = await startConsul({ after });

const node = (Verb: string, Node: object) => ({ Node: { Verb, Node } });
const service = (Verb: string, Node: string, Service: object) => ({ Service: { Verb, Node, Service } });
const check = (Verb: string, Check: object) => ({ Check: { Verb, Check } });

interface Outcome {
  readonly Results: readonly Record<string, Record<string, unknown>>[] | null;
  readonly Errors: readonly { readonly OpIndex: number; readonly What: string }[] | null;
}

async function transact(...operations: readonly object[]): Promise<Outcome> {
  const answer = await consul.put("/txn", operations);
  const outcome = answer.json() as Outcome;
  assert.equal(answer.status, outcome.Errors === null ? 200 : 409, answer.text);
  return outcome;
}

/** What failed, or [] for nothing. */
async function errorsOf(...operations: readonly object[]): Promise<readonly (readonly [number, string])[]> {
  return ((await transact(...operations)).Errors ?? []).map(({ OpIndex, What }) => [OpIndex, What] as const);
}

test("a node, its service and their checks come in one transaction, each on what was done before it", async () => {
  const { Results } = await transact(
    node("set", { Node: "n1", Address: "10.0.0.1", Meta: { zone: "a" } }),
    service("set", "n1", { ID: "w1", Service: "web", Port: 80, Tags: ["v1"] }),
    check("set", { Node: "n1", CheckID: "alive", Name: "alive", Status: "passing" }),
    check("set", {
      Node: "n1",
      CheckID: "c1",
      Name: "c1",
      Status: "warning",
      ServiceID: "w1",
      Notes: "n",
      Output: "o",
    }),
    { KV: { Verb: "set", Key: "both", Value: "eA==" } },
    service("get", "n1", { ID: "w1" }),
    check("get", { Node: "n1", CheckID: "c1" }),
    service("set", "n1", { ID: "gone", Service: "gone" }),
    service("delete", "n1", { ID: "gone", Service: "gone" }),
  );
  assert.deepEqual(
    Results?.map((result) => Object.keys(result)[0]),
    ["Node", "Service", "Check", "Check", "KV", "Service", "Check", "Service"],
  );
  const revision = Results?.[0]?.Node?.ModifyIndex;
  assert.ok(Results?.every((result) => Object.values(result)[0]?.ModifyIndex === revision));
  const [shown] = (await consul.get("/health/service/web")).json();
  assert.equal(shown.Node.Address, "10.0.0.1");
  assert.deepEqual(shown.Service.Tags, ["v1"]);
  const checks = shown.Checks as Record<string, string>[];
  assert.deepEqual(
    checks.map(({ CheckID, Status, Notes, Output, ServiceID }) => [CheckID, Status, Notes, Output, ServiceID]),
    [
      ["alive", "passing", "", "", ""],
      ["c1", "warning", "n", "o", "w1"],
    ],
  );
  assert.deepEqual((await consul.get("/catalog/service/gone")).json(), []);
});

test("all that fails is told, and nothing is done", async () => {
  const failures = await errorsOf(
    node("set", { Node: "other", Address: "10.0.0.9" }),
    node("get", { Node: "none" }),
    node("cas", { Node: "n1", Address: "10.0.0.2", ModifyIndex: 1 }),
    node("delete-cas", { Node: "n1", ModifyIndex: 1 }),
    node("fly", { Node: "n1" }),
    service("get", "n1", { ID: "none", Service: "none" }),
    service("set", "none", { ID: "w", Service: "web" }),
    service("cas", "n1", { ID: "w1", Service: "web", ModifyIndex: 1 }),
    service("delete-cas", "n1", { ID: "w1", Service: "web", ModifyIndex: 1 }),
    service("fly", "n1", { ID: "w1", Service: "web" }),
    check("get", { Node: "n1", CheckID: "none" }),
    check("set", { Node: "none", CheckID: "c", Name: "c", Status: "passing" }),
    check("set", { Node: "n1", CheckID: "c", Name: "c", Status: "passing", ServiceID: "none" }),
    check("cas", { Node: "n1", CheckID: "c1", Name: "c1", Status: "passing", ModifyIndex: 1 }),
    check("delete-cas", { Node: "n1", CheckID: "c1", ModifyIndex: 1 }),
    check("fly", { Node: "n1", CheckID: "c1" }),
    { KV: { Verb: "get", Key: "none" } },
  );
  const whats = [
    `node "none" doesn't exist`,
    'failed to set node "n1", index is stale',
    'failed to delete node "n1", index is stale',
    'unknown Node verb "fly"',
    `service "none" on node "n1" doesn't exist`,
    "Missing node registration",
    'failed to set service "w1" on node "n1", index is stale',
    'failed to delete service "w1" on node "n1", index is stale',
    'unknown Service verb "fly"',
    `check "none" on node "n1" doesn't exist`,
    "Missing node registration",
    "Missing service registration",
    'failed to set check "c1" on node "n1", index is stale',
    'failed to delete check "c1" on node "n1", index is stale',
    'unknown Check verb "fly"',
    `key "none" doesn't exist`,
  ];
  assert.deepEqual(
    failures,
    whats.map((what, nth) => [nth + 1, what]),
  );
  assert.equal((await consul.get("/catalog/node/other")).text, "null");
});

test("what no catalog would take is told before anything is looked at", async () => {
  const name = "Must provide service name (Service.Service) when service ID is provided";
  assert.deepEqual(await errorsOf(node("set", { Node: "" }), node("get", { Node: "none" })), [
    [0, "Must provide node"],
  ]);
  assert.deepEqual(await errorsOf(node("set", { Node: "n", ID: "7" })), [[0, "Bad node ID: it is no UUID"]]);
  assert.deepEqual(await errorsOf(service("set", "n1", { ID: "x" }), service("delete", "n1", { ID: "w1" })), [
    [0, name],
    [1, name],
  ]);
  assert.deepEqual(await errorsOf(check("set", { Node: "n1", CheckID: "c", Status: "odd" })), [
    [0, 'Bad check status "odd"'],
  ]);
  for (const body of [
    [{ Lock: { Verb: "set" } }],
    [{ Node: { Verb: 5 } }],
    [{ Service: { Service: { Port: 70_000 } } }],
  ])
    assert.equal((await consul.put("/txn", body)).status, 400);
});

test("what is compared with its index is changed and removed", async () => {
  const [before] = (await transact(node("get", { Node: "n1" }))).Results ?? [];
  const ModifyIndex = before?.Node?.ModifyIndex;
  const { Results } = await transact(node("cas", { Node: "n1", Address: "10.0.0.3", ModifyIndex }));
  assert.equal(Results?.[0]?.Node?.Address, "10.0.0.3");
  const [web] = (await transact(service("get", "n1", { ID: "w1" }))).Results ?? [];
  const index = web?.Service?.ModifyIndex;
  await transact(check("delete", { Node: "n1", CheckID: "alive" }), check("delete", { Node: "n1", CheckID: "alive" }));
  assert.deepEqual(await errorsOf(service("delete-cas", "n1", { ID: "w1", Service: "web", ModifyIndex: index })), []);
  assert.deepEqual((await consul.get("/health/node/n1")).json(), []);
  await transact(node("delete", { Node: "n1" }), node("delete", { Node: "n1" }));
  assert.equal((await consul.get("/catalog/node/n1")).text, "null");
});
