/** hera's API over the shared catalog: statuses and shapes as the original's, and what other dialects see of it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { type RegistrySettings, startRegistry } from "../../packages/registry/src/bin/embed.ts";
import { rawRequest, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { startNode } from "./rig.ts";

const node = await startNode({ after }, "n1", undefined);
const native = (path: string, method = "GET", body?: unknown) =>
  request(`${node.rollcall.url}/v2/default${path}`, { method, ...(body === undefined ? {} : { body }) });

const ENTRY = '{"host":"10.1.1.1", "port": 12345, "updated_at": "2012-12-18T13:27:01Z"}';

test("the README's requests are answered as there", async () => {
  const id = "1f11bbbb-df7a-47c5-8ba7-662f70261673";
  const put = await node.call("PUT", `/storage/${id}`, ENTRY);
  assert.deepEqual([put.status, put.text], [204, ""]);
  assert.equal(
    (await node.call("GET", "/storage?pretty")).text,
    `{\n  "${id}": {\n    "host": "10.1.1.1", \n    "port": 12345, \n    "updated_at": "2012-12-18T13:27:01Z"\n  }\n}`,
  );
  assert.equal((await node.call("GET", "/storage")).text, `{"${id}": ${ENTRY.replace('":"', '": "')}}`);
  assert.equal((await node.call("GET", `/storage/${id}`)).text, ENTRY.replace('":"', '": "'));
});

test("any JSON is an entry, and comes back as it was written", async () => {
  const values = ["null", "0", "12345678901234567890", "1.50", '"x"', "[]", "{}", '{"a": [1, {"b": null}]}', "true"];
  for (const [at, value] of values.entries()) {
    assert.equal((await node.call(at % 2 === 0 ? "PUT" : "POST", `/any/i${at}`, value)).status, 204, value);
    assert.equal((await node.call("GET", `/any/i${at}`)).text, value);
  }
  const listed = (await node.call("GET", "/any")).json();
  assert.equal(Object.keys(listed).length, values.length);
  const long = JSON.stringify({ text: "x".repeat(32_000), "": "é" });
  assert.equal((await node.call("PUT", "/any/long", long)).status, 204);
  assert.deepEqual((await node.call("GET", "/any")).json().long, JSON.parse(long));
});

test("paths of one or two names are pages, and nothing else is", async () => {
  assert.equal((await node.call("PUT", "/_deltas/x", ENTRY)).status, 204);
  assert.equal((await node.call("GET", "/_deltas/x")).status, 200);
  assert.equal((await node.call("PUT", "/a%20b/%C3%A9", ENTRY)).status, 204);
  assert.deepEqual(Object.keys((await node.call("GET", "/a%20b")).json()), ["é"]);
  for (const path of ["/", "/a/", "/a/b/", "/a/b/c", "//", "/a//b", "/a%2Fb/c", "/a%2F", "/%zz", "/%ff/x"])
    assert.equal((await node.call("PUT", path, ENTRY)).status, 404, path);
  assert.deepEqual((await node.call("GET", "/nobody")).json(), {});
  assert.equal((await node.call("GET", "/nobody?pretty")).text, "{}");
  assert.equal((await node.call("GET", "/nobody/x")).status, 404);
  assert.equal((await node.call("DELETE", "/nobody/x")).status, 404);
  assert.equal((await node.call("PATCH", "/a/b", ENTRY)).status, 405);
  assert.equal((await node.call("PUT", "/a", ENTRY)).status, 405);
  const options = await node.call("OPTIONS", "/a/b");
  assert.deepEqual([options.status, options.headers.allow], [200, "PUT, POST, GET, DELETE, HEAD, OPTIONS"]);
});

test("what is no entry is refused with a sentence, and costs nothing", async () => {
  const deep = `${"[".repeat(30)}${"]".repeat(30)}`;
  const wrong: readonly [string | Buffer, number][] = [
    ["", 400],
    ["{", 400],
    ["NaN", 400],
    ["{'a':1}", 400],
    [Buffer.from([0x22, 0xff, 0x22]), 400],
    ['"\\ud800"', 400],
    [deep, 400],
    [JSON.stringify("x".repeat(33_000)), 413],
    [JSON.stringify("x".repeat(66_000)), 413],
    [`[${"1,".repeat(12_000)}1]`, 413],
  ];
  for (const [body, status] of wrong) {
    const answer = await node.call("PUT", "/bad/x", body);
    assert.equal(answer.status, status, `${String(body).slice(0, 50)}: ${answer.text}`);
    assert.match(answer.text, /^[^\n]+\n$/);
  }
  for (const path of [`/${"s".repeat(256)}/x`, `/s/${"x".repeat(513)}`, "/%00/x", "/s/%20x", "/s/%0a"])
    assert.equal((await node.call("PUT", path, ENTRY)).status, 400, path);
  assert.equal((await node.call("GET", "/bad?%zz")).status, 400);
  assert.equal((await node.call("GET", "/_deltas?n1=x")).status, 400);
  assert.deepEqual((await node.call("GET", "/bad")).json(), {});
  const half = await rawRequest(
    node.rollcall.port("hera"),
    "PUT /bad/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    {
      end: true,
    },
  );
  assert.doesNotMatch(half.text, / 204 /);
});

test("an entry is an instance to all others, and theirs are entries here", async () => {
  await node.call("PUT", "/web/h1", '{"host": "10.0.0.7", "port": "8080", "x": 1}');
  const seen = (await native("/services/web/instances/h1")).json();
  assert.deepEqual([seen.address, seen.port, seen.via, seen.ttlMs], ["10.0.0.7", 8080, "hera", 300_000]);
  const before = Date.now();
  const made = await native("/services/web/instances/n1", "PUT", { address: "10.0.0.8", port: 81, ttl: "30s" });
  assert.equal(made.status, 201, made.text);
  await native("/services/web/instances/bare", "PUT", { address: "10.0.0.9" });
  const listed = (await node.call("GET", "/web")).json();
  assert.deepEqual(Object.keys(listed).sort(), ["bare", "h1", "n1"]);
  const { updated_at: at, ...rest } = listed.n1;
  assert.deepEqual(rest, { host: "10.0.0.8", port: 81 });
  assert.ok(Date.parse(at) >= before - 1000 && Date.parse(at) <= Date.now() + 1000, at);
  assert.equal(listed.bare.port, null);
  // A heartbeat elsewhere is a time here.
  await until(async () => {
    await native("/leases/web%2Fn1/renew", "POST");
    return Date.parse((await node.call("GET", "/web/n1")).json().updated_at) > Date.parse(at);
  });
  await native("/services/web/instances/n1/override", "PUT", { status: "critical" });
  assert.deepEqual(Object.keys((await node.call("GET", "/web")).json()).sort(), ["bare", "h1"]);
  assert.equal((await node.call("GET", "/web/n1")).status, 200);
  assert.equal((await node.call("DELETE", "/web/n1")).status, 204);
  assert.equal((await native("/services/web/instances/n1")).status, 404);
  // Registered anew through another dialect it is no entry of a client's any more.
  await native("/services/web/instances/h1", "PUT", { address: "10.0.0.10", port: 82 });
  assert.equal((await node.call("GET", "/web/h1")).json().host, "10.0.0.10");
});

test("a heartbeat writes nothing, shows its time, and keeps the entry alive", async (t) => {
  const short = await startNode(t, "short", undefined, { hera: { liveness: 1 } });
  const put = (at: number, more = "") => short.call("PUT", "/beat/x", `{"host":"h","updated_at":${at}${more}}`);
  await put(0);
  await short.call("PUT", "/beat/silent", "1");
  const revision = await short.revision();
  let at = 0;
  await until(async () => {
    await put(++at);
    assert.equal((await short.call("GET", "/beat/x")).json().updated_at, at);
    return (await short.call("GET", "/beat/silent")).status === 404;
  });
  // The end of the other one is all that was written.
  assert.equal(await short.revision(), revision + 1);
  await put(++at, ',"load":1');
  assert.equal(await short.revision(), revision + 2);
  assert.deepEqual((await short.call("GET", "/beat")).json(), { x: { host: "h", updated_at: at, load: 1 } });
  await until(async () => (await short.call("GET", "/beat/x")).status === 404);
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("with accounts a token says whose entries they are, and nodes hear of one account alone", async (t) => {
  const accounts = Object.fromEntries(
    ["acme", "other"].map((name) => [
      name,
      { tokens: ["reader", "writer"].map((role) => ({ name: role, role, sha256: sha256(`${name}-${role}`) })) },
    ]),
  );
  const guarded = await startNode(t, "g", undefined, { accounts, hera: { account: "acme" } });
  const ask = (token: string | undefined, method = "GET", path = "/s", body?: string) =>
    guarded.call(method, path, body, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  for (const token of [undefined, "unknown"]) {
    assert.equal((await ask(token)).status, 401);
    assert.equal((await ask(token, "PUT", "/s/x", "1")).status, 401);
    assert.equal((await ask(token, "GET", "/_deltas?g=0")).status, 401);
  }
  assert.equal((await ask("acme-reader", "PUT", "/s/x", "1")).status, 403);
  assert.equal((await ask("acme-writer", "PUT", "/s/x", "1")).status, 204);
  assert.equal((await ask("acme-reader")).text, '{"x": 1}');
  assert.equal((await ask("other-writer")).text, "{}");
  assert.equal((await ask("acme-reader", "GET", "/_deltas?g=0")).json().g.length, 1);
  assert.equal((await ask("other-reader", "GET", "/_deltas?g=0")).status, 403);
  assert.equal((await ask("acme-reader", "DELETE", "/s/x")).status, 403);
});

test("settings that mean nothing are refused at the start", async () => {
  const cluster = { n1: { host: "h", port: 1 } };
  const wrong: readonly [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ lifeness: 3 }, /hera knows no setting lifeness/],
    [{ liveness: 0.5 }, /hera\.liveness must be a number of seconds from 1/],
    [{ "gossip-interval": "3" }, /hera\.gossip-interval must be/],
    [{ account: "a b" }, /hera\.account must be/],
    [{ token: "a b" }, /hera\.token must be/],
    [{ tls: 1 }, /hera\.tls must be/],
    [{ cluster: [] }, /hera\.cluster must be a map/],
    [
      { cluster: { other: { host: "h", port: 1 } } },
      /hera\.cluster has no node n1, which is this node's name; it has other/,
    ],
    [{ cluster: { ...cluster, other: { host: "h" } } }, /hera\.cluster\.other must have a host and a port/],
    [{ cluster: { ...cluster, other: { host: "h", port: 1, x: 1 } } }, /hera\.cluster\.other knows no x/],
    [{ cluster: { ...cluster, _x: { host: "h", port: 1 } } }, /is no name of a node/],
  ];
  for (const [hera, reason] of wrong) {
    const settings: RegistrySettings = { name: "n1", dialects: ["http", "hera"], dialectSettings: { hera } };
    await assert.rejects(startRegistry(settings), reason);
  }
});
