/** Tokens of the registry over Consul's API: as with ACLs on, and what is bad from outside. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { startConsul } from "./rig.ts";

const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");

const accounts = {
  default: {
    tokens: [
      { name: "reads", role: "reader", sha256: sha256("read-it") },
      { name: "writes", role: "writer", sha256: sha256("write-it") },
    ],
  },
  other: { tokens: [{ name: "theirs", role: "writer", sha256: sha256("theirs") }] },
};

const LEASES_MAX = 20;
const consul = await startConsul({ after }, { config: { accounts, limits: { leasesMax: LEASES_MAX } } });

/** With a token in one of the three places. */
function ask(method: string, path: string, token: string, where: "query" | "header" | "bearer" = "header") {
  if (where === "query") return consul.call(method, `${path}${path.includes("?") ? "&" : "?"}token=${token}`);
  const headers = where === "header" ? { "X-Consul-Token": token } : { Authorization: `Bearer ${token}` };
  return consul.call(method, path, undefined, { headers });
}

test("a token is taken in each place, and may do what its role says, on its own account", async () => {
  for (const where of ["query", "header", "bearer"] as const) {
    const put = await ask("PUT", "/kv/acl", "write-it", where);
    assert.deepEqual([put.status, put.text], [200, "true"], where);
    assert.equal((await ask("GET", "/kv/acl?raw", "read-it", where)).status, 200, where);
    assert.equal((await ask("GET", "/kv/acl", "theirs", where)).status, 404, where);
    const denied = await ask("PUT", "/kv/acl", "read-it", where);
    assert.equal(denied.status, 403);
    assert.match(denied.text, /^Permission denied/);
    assert.deepEqual([(await ask("GET", "/kv/acl", "nobody", where)).text], ["ACL not found"], where);
  }
  const none = await consul.get("/kv/acl");
  assert.deepEqual([none.status, none.text], [403, "Permission denied"]);
  assert.equal((await ask("GET", "/kv/acl?token=read-it", "nobody")).headers["x-consul-default-acl-policy"], "deny");
});

test("a token sees itself as it is, and all else of ACLs is refused clearly", async () => {
  const { AccessorID, SecretID, Policies, Description } = (await ask("GET", "/acl/token/self", "read-it")).json();
  assert.match(AccessorID, /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    [SecretID, Policies[0].Name, Description],
    ["read-it", "reader", "reads: a reader of the account default"],
  );
  for (const path of ["/acl/tokens", "/acl/policies", "/acl/roles"]) {
    const answer = await ask("GET", path, "read-it");
    assert.equal(answer.status, 501);
    assert.match(answer.text, /`rollcall token`/);
  }
  assert.equal((await ask("GET", "/acl/token/self", "nobody")).text, "ACL not found");
});

test("what is bad from outside is answered with its own error, and costs no more than its length", async () => {
  const put = (path: string, body: unknown) =>
    consul.call("PUT", path, body, { headers: { "X-Consul-Token": "write-it" } });
  const get = (path: string) => ask("GET", path, "write-it");
  const service = (more: object) => ({ Name: "bad", ID: "bad", ...more });
  const bad: readonly (readonly [path: string, body: unknown])[] = [
    ["/agent/service/register", "{"],
    ["/agent/service/register", []],
    ["/agent/service/register", { Name: 5 }],
    ["/agent/service/register", service({ Port: 70_000 })],
    ["/agent/service/register", service({ Port: "80" })],
    ["/agent/service/register", service({ Tags: "v1" })],
    ["/agent/service/register", service({ Meta: { a: 1 } })],
    ["/agent/service/register", service({ Weights: { Passing: -1 } })],
    ["/agent/service/register", service({ Check: { TTL: "soon" } })],
    ["/agent/service/register", service({ Check: { TTL: "10s", Interval: "10s" } })],
    ["/agent/service/register", service({ Check: { Kind: "odd" } })],
    ["/agent/check/register", { Name: "c", TTL: "1x" }],
    ["/session/create", { Behavior: "odd" }],
    ["/session/create", { LockDelay: {} }],
    ["/catalog/register", { Node: "n", Address: "a", Check: { Status: "odd", Name: "x" } }],
    ["/txn", [{ KV: { Verb: "set", Key: "a", Flags: -1 } }]],
  ];
  for (const [path, body] of bad) {
    const answer = await put(path, body);
    assert.equal(answer.status, 400, `${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
    assert.ok(answer.text.length < 1000);
  }
  // Names in any case, durations as texts and as nanoseconds, members that nobody knows.
  const odd = {
    nAmE: "fine",
    iD: "fine",
    CHECK: { ttl: 30_000_000_000, ExposedPort: 1, unheard: { of: true } },
    Later: [],
  };
  assert.equal((await put("/agent/service/register", odd)).status, 200);
  assert.equal((await get("/agent/service/fine")).json().ID, "fine");
  const long = "x".repeat(12_000);
  for (const filter of [
    long,
    `Service == "${long}`,
    "(".repeat(5000),
    "not ".repeat(3000),
    `a == b${" or a == b".repeat(900)}`,
  ]) {
    const answer = await get(`/agent/services?filter=${encodeURIComponent(filter)}`);
    assert.ok(answer.status === 400 || answer.status === 414 || answer.status === 431, String(answer.status));
  }
  // A deep prefix, and a separator after each sign of it.
  const deep = "a/".repeat(1500);
  assert.equal((await put(`/kv/${deep}k`, "v")).status, 200);
  assert.deepEqual((await get("/kv/?keys&separator=/")).json(), ["a/", "acl"]);
  assert.equal((await get(`/kv/${deep}?recurse`)).json().length, 1);
  assert.equal((await consul.call("DELETE", "/kv/?recurse&token=write-it")).status, 200);
  assert.equal((await get("/kv/?keys")).text, "[]");
});

test("sessions are as many as the account may have leases", async () => {
  const made: number[] = [];
  for (let nth = 0; nth <= LEASES_MAX; nth++) made.push((await ask("PUT", "/session/create", "theirs")).status);
  assert.deepEqual([made.filter((status) => status === 200).length, made.at(-1)], [LEASES_MAX, 429]);
  const [{ ID }] = (await ask("GET", "/session/list", "theirs")).json();
  assert.equal((await ask("PUT", `/session/renew/${ID}`, "theirs")).status, 200);
  assert.equal((await ask("PUT", `/session/destroy/${ID}`, "theirs")).text, "true");
  assert.equal((await ask("PUT", "/session/create", "theirs")).status, 200);
});
