/** Keys over Consul's API: what single requests do, transactions, and that other protocols see the same keys. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { rawRequest, request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { indexOf, startConsul } from "./rig.ts";

const consul = await startConsul({ after });

interface Step {
  readonly ask: readonly [method: string, path: string, body?: unknown];
  readonly status?: number;
  /** The whole body, or what it holds. */
  readonly says?: string | RegExp;
}

async function play(steps: readonly Step[]): Promise<void> {
  for (const { ask, status = 200, says } of steps) {
    const answer = await consul.call(...ask);
    const note = `${ask.join(" ").slice(0, 200)}: ${answer.status} ${answer.text.slice(0, 300)}`;
    assert.equal(answer.status, status, note);
    if (typeof says === "string") assert.equal(answer.text, says, note);
    else if (says !== undefined) assert.match(answer.text, says, note);
  }
}

test("what the original was seen to answer is answered", async () => {
  const file = join(ROOT, "packages/registry/src/dialects/consul/vectors/seen.json");
  const { exchanges } = JSON.parse(readFileSync(file, "utf8")) as { exchanges: Exchange[] };
  assert.ok(exchanges.length > 20);
  for (const { request: line, body, status, answer } of exchanges) {
    const [method = "", path = ""] = line.split(" ");
    await play([{ ask: body === undefined ? [method, path] : [method, path, body], status, says: answer }]);
  }
});

interface Exchange {
  readonly request: string;
  readonly body?: unknown;
  readonly status: number;
  readonly answer: string;
}

test("a key is put, read in all forms, and deleted", async () => {
  await play([
    { ask: ["GET", "/kv/one/a"], status: 404, says: "" },
    { ask: ["PUT", "/kv/one/a?flags=18446744073709551615", "hello"], says: "true" },
    {
      ask: ["GET", "/kv/one/a"],
      says: /^\[\{"LockIndex":0,"Key":"one\/a","Flags":18446744073709551615,"Value":"aGVsbG8=","CreateIndex":\d+,"ModifyIndex":\d+\}\]$/,
    },
    { ask: ["GET", "/kv/one/a?raw"], says: "hello" },
    { ask: ["GET", "/kv/one%2Fa?raw"], says: "hello" },
    { ask: ["PUT", "/kv/one/b%20c/d", ""], says: "true" },
    { ask: ["GET", "/kv/one/b%20c/d"], says: /"Key":"one\/b c\/d","Flags":0,"Value":null,/ },
    { ask: ["GET", "/kv/one?recurse"], says: /^\[\{[^}]*"one\/a"[^}]*\},\{[^}]*"one\/b c\/d"[^}]*\}\]$/ },
    { ask: ["GET", "/kv/one/?keys"], says: '["one/a","one/b c/d"]' },
    { ask: ["GET", "/kv/one/?keys&separator=/"], says: '["one/a","one/b c/"]' },
    { ask: ["GET", "/kv/?keys&seperator=/"], says: /"one\/"/ },
    { ask: ["GET", "/kv/none?keys"], status: 404, says: "" },
    { ask: ["GET", "/kv/none?recurse"], status: 404, says: "" },
    { ask: ["GET", "/kv/one/a?pretty"], says: /^\[\n {4}\{\n {8}"LockIndex": 0,/ },
    { ask: ["DELETE", "/kv/one/a"], says: "true" },
    { ask: ["DELETE", "/kv/one/a"], says: "true" },
    { ask: ["DELETE", "/kv/one/?recurse"], says: "true" },
    { ask: ["GET", "/kv/one?recurse"], status: 404 },
  ]);
  const raw = await consul.get("/kv/one/a");
  assert.equal(raw.headers["x-consul-knownleader"], "true");
  assert.equal(raw.headers["x-consul-lastcontact"], "0");
  indexOf(raw);
});

test("a note of Consul's goes with the key, whoever deletes it", async () => {
  const native = (method: string, body?: string) =>
    request(`${consul.rollcall.url}/v2/default/config/shared/k`, { method, ...(body === undefined ? {} : { body }) });
  await play([{ ask: ["PUT", "/kv/shared/k?flags=42", "from consul"], says: "true" }]);
  assert.equal((await native("GET")).json().value, "from consul");
  assert.equal((await native("PUT", "from native")).status, 200);
  await play([{ ask: ["GET", "/kv/shared/k"], says: /"Flags":42,"Value":"ZnJvbSBuYXRpdmU="/ }]);
  assert.ok((await native("DELETE")).status < 300);
  await play([{ ask: ["GET", "/kv/shared/k"], status: 404 }]);
  assert.equal((await native("PUT", "anew")).status, 201);
  await play([{ ask: ["GET", "/kv/shared/k"], says: /"Flags":0,/ }]);
});

test("compare-and-set goes by ModifyIndex, and the same again changes nothing", async () => {
  await play([
    { ask: ["PUT", "/kv/cas/a?cas=7", "x"], says: "false" },
    { ask: ["PUT", "/kv/cas/a?cas=0", "x"], says: "true" },
    { ask: ["PUT", "/kv/cas/a?cas=0", "y"], says: "false" },
    { ask: ["DELETE", "/kv/cas/a?cas=0"], says: "false" },
    { ask: ["DELETE", "/kv/cas/none?cas=5"], says: "true" },
  ]);
  const index = indexOf(await consul.get("/kv/cas/a"));
  assert.equal(index, (await consul.get("/kv/cas/a")).json()[0].ModifyIndex);
  await play([{ ask: ["PUT", "/kv/cas/a", "x"], says: "true" }]);
  assert.equal(indexOf(await consul.get("/kv/cas/a")), index);
  await play([
    { ask: ["PUT", `/kv/cas/a?cas=${index}&flags=3`, "x"], says: "true" },
    { ask: ["PUT", `/kv/cas/a?cas=${index}`, "z"], says: "false" },
  ]);
  const last = indexOf(await consul.get("/kv/cas/a"));
  assert.ok(last > index);
  await play([{ ask: ["DELETE", `/kv/cas/a?cas=${last}`], says: "true" }]);
});

test("what cannot be is refused", async () => {
  const big = Buffer.alloc(512 * 1024 + 1);
  await play([
    { ask: ["PUT", "/kv/a?cas=1&acquire=s", "x"], status: 400, says: /^Conflicting flags: / },
    { ask: ["DELETE", "/kv/a?recurse&cas=1"], status: 400, says: /^Conflicting flags: / },
    { ask: ["PUT", "/kv/a?cas=-1", "x"], status: 400 },
    { ask: ["PUT", "/kv/a?flags=18446744073709551616", "x"], status: 400 },
    { ask: ["PUT", "/kv/%00consul/kv/a", "x"], status: 400, says: "Invalid key name" },
    { ask: ["GET", "/kv/%00?recurse"], status: 400 },
    { ask: ["DELETE", "/kv/%00?recurse"], status: 400 },
    { ask: ["GET", "/kv/%ff"], status: 400, says: /invalid UTF-8/ },
    {
      ask: ["PUT", "/kv/big", big],
      status: 413,
      says: /^Request body\(524289 bytes\) too large, max size: 524288 bytes/,
    },
    { ask: ["PUT", "/kv/big", big.subarray(1)], says: "true" },
    { ask: ["GET", "/kv/a?ns=team"], status: 400, says: /Enterprise/ },
    { ask: ["GET", "/none"], status: 404 },
    { ask: ["OPTIONS", "/kv/a"] },
  ]);
  for (const [path, location] of [
    ["/v1/kv//a//b/", "/v1/kv/a/b/"],
    ["/v1/kv/%2Fa%20b?raw", "/v1/kv/a%20b?raw"],
    ["/v1/kv/a/../b", "/v1/kv/b"],
    ["/v1/kv", "/v1/kv/"],
    ["/ui", "/ui/"],
  ]) {
    const { text } = await rawRequest(consul.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(text, /^HTTP\/1.1 301 /, path);
    assert.ok(text.includes(`\r\nLocation: ${location}\r\n`), `${path}: ${text}`);
  }
});

test("a transaction does all of it, or tells all that failed", async () => {
  const kv = (Verb: string, Key: string, more: object = {}) => ({ KV: { Verb, Key, ...more } });
  const done = await consul.put("/txn", [
    kv("check-not-exists", "txn/a"),
    kv("set", "txn/a", { Value: "eA==", flags: 7 }),
    kv("get", "txn/a"),
    kv("get-or-empty", "txn/none"),
    kv("set", "txn/b", { Value: null }),
    kv("get-tree", "txn/"),
    kv("delete", "txn/b"),
  ]);
  assert.equal(done.status, 200, done.text);
  const { Results, Errors } = done.json();
  assert.equal(Errors, null);
  const shown = Results.map(({ KV }: { KV: { Key: string; Value: string | null; Flags: number } }) => [
    KV.Key,
    KV.Value,
    KV.Flags,
  ]);
  assert.deepEqual(shown, [
    ["txn/a", null, 7],
    ["txn/a", "eA==", 7],
    ["txn/none", null, 0],
    ["txn/b", null, 0],
    ["txn/a", "eA==", 7],
    ["txn/b", null, 0],
  ]);
  const index = indexOf(await consul.get("/kv/txn/a"));
  assert.equal(Results[0].KV.ModifyIndex, index);
  const failed = await consul.put("/txn", [
    kv("set", "txn/c", { Value: "eA==" }),
    kv("cas", "txn/a", { Index: 1 }),
    kv("get", "txn/none"),
    kv("check-index", "txn/a", { Index: index }),
    kv("lock", "txn/a", { Session: "nobody" }),
  ]);
  assert.equal(failed.status, 409);
  assert.deepEqual(failed.json(), {
    Results: null,
    Errors: [
      { OpIndex: 1, What: 'failed to set key "txn/a", index is stale' },
      { OpIndex: 2, What: 'key "txn/none" doesn\'t exist' },
      { OpIndex: 4, What: 'invalid session "nobody"' },
    ],
  });
  assert.equal((await consul.get("/kv/txn/c")).status, 404);
  const read = await consul.put("/txn", [kv("get", "txn/a"), kv("check-index", "txn/a", { index })]);
  assert.equal(read.json().KnownLeader, true);
  indexOf(read);
  await play([
    { ask: ["PUT", "/txn", Array(129).fill(kv("get", "a"))], status: 413, says: /too many operations \(129 > 128\)/ },
    { ask: ["PUT", "/txn", { KV: {} }], status: 400 },
    { ask: ["PUT", "/txn", [kv("fly", "a")]], status: 409, says: /unknown KV verb \\"fly\\"/ },
    { ask: ["PUT", "/txn", [kv("set", "")]], status: 409, says: /Must provide key/ },
    { ask: ["PUT", "/txn", [kv("set", "a", { Value: "no base64" })]], status: 400, says: /failed to decode value/ },
    { ask: ["PUT", "/txn", "["], status: 400, says: /^Failed to parse body/ },
    { ask: ["PUT", "/txn", []], says: /^\{"Results":\[\],"Errors":null/ },
  ]);
});

test("numbers of 64 bits stay exact in transactions", async () => {
  const body = '[{"KV":{"Verb":"set","Key":"flags/long","Flags":3304740253564472344,"Value":"eA=="}}]';
  assert.match((await consul.put("/txn", body)).text, /"Flags":3304740253564472344,/);
  assert.match((await consul.get("/kv/flags/long")).text, /"Flags":3304740253564472344,/);
});

test("browsers that look for the pages of Consul are sent to the registry", async () => {
  for (const path of ["/", "/ui/", "/ui/dc1/services"]) {
    const { status, headers } = await request(`http://127.0.0.1:${consul.port}${path}`, {});
    assert.deepEqual([status, headers.location], [307, `${consul.rollcall.url}/`]);
  }
});
