/** The methods of gRPC as JSON over HTTP/1.1. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEtcd } from "../../etcd-dialect/rig.ts";
import { request } from "../../harness/requests.ts";

const rollcall = await startEtcd({ after });
const server = `http://127.0.0.1:${rollcall.port("etcd")}`;

const base64 = (text: string): string => Buffer.from(text).toString("base64");

async function ask(path: string, body: unknown = "", method = "POST") {
  return request(server + path, { method, body });
}

test("keys by all prefixes, in etcd's encoding", async () => {
  const put = await ask("/v3/kv/put", { key: base64("a"), value: base64("1") });
  const { header } = put.json();
  assert.equal(put.status, 200, put.text);
  assert.equal(put.headers["content-type"], "application/json");
  for (const name of ["cluster_id", "member_id", "revision", "raft_term"]) assert.match(header[name], /^\d+$/, name);
  for (const prefix of ["/v3", "/v3beta", "/v3alpha"]) {
    const { kvs, count, more } = (await ask(`${prefix}/kv/range`, { key: base64("a") })).json();
    assert.deepEqual([kvs.length, count, more], [1, "1", undefined]);
    const { key, value, version, create_revision, mod_revision, lease } = kvs[0];
    assert.deepEqual([key, value, version, lease], [base64("a"), base64("1"), "1", undefined]);
    assert.deepEqual([create_revision, mod_revision], [header.revision, header.revision]);
  }
});

test("names in either spelling, numbers as text or as numbers, words as words or as numbers", async () => {
  const compare = [
    { key: base64("t"), target: "CREATE", result: 0, createRevision: 0 },
    { key: base64("t"), target: 0, result: "EQUAL", version: "0" },
  ];
  const txn = { compare, success: [{ requestPut: { key: base64("t"), value: base64("x") } }] };
  const first = (await ask("/v3/kv/txn", txn)).json();
  assert.equal(first.succeeded, true);
  assert.deepEqual(Object.keys(first.responses[0]), ["response_put"]);
  const second = (await ask("/v3/kv/txn", { ...txn, failure: [{ request_range: { key: base64("t") } }] })).json();
  assert.equal(second.succeeded, undefined);
  assert.equal(second.responses[0].response_range.kvs[0].value, base64("x"));
  const limited = { key: base64("a"), range_end: base64("z"), limit: 1, sortOrder: "DESCEND", unknown: [{}] };
  assert.deepEqual((await ask("/v3/kv/range", limited)).json().more, true);
});

test("errors have the shapes and statuses of all versions", async () => {
  const cases: readonly (readonly [path: string, body: unknown, status: number, code: number, message: RegExp])[] = [
    ["/v3/kv/put", {}, 400, 3, /^etcdserver: key is not provided$/],
    ["/v3/kv/put", "", 400, 3, /^etcdserver: key is not provided$/],
    ["/v3/kv/range", { key: base64("a"), revision: "99999999" }, 400, 11, /future revision$/],
    ["/v3/kv/put", { key: base64("a"), lease: "7587862094604343301" }, 404, 5, /requested lease not found$/],
    ["/v3/kv/put", Buffer.from('{"key":"YQ==","lease":7587862094604343301}'), 404, 5, /requested lease not found$/],
    ["/v3/kv/put", "{", 400, 3, /JSON/],
    ["/v3/kv/put", "[]", 400, 3, /./],
    ["/v3/kv/put", "null", 400, 3, /./],
    ["/v3/kv/put", { key: 5 }, 400, 3, /./],
    ["/v3/kv/put", { key: "%%%" }, 400, 3, /./],
    ["/v3/kv/range", { key: base64("a"), limit: "many" }, 400, 3, /./],
    ["/v3/kv/put", "[".repeat(100_000), 400, 3, /nested/],
    [
      "/v3/kv/txn",
      { compare: Array.from({ length: 129 }, () => ({ key: base64("a") })) },
      400,
      3,
      /too many operations/,
    ],
    ["/v3/kv/put", "x".repeat(5_000_000), 400, 3, /request is too large$/],
    ["/v3/kv/put", { key: base64("a"), value: base64("x".repeat(2_000_000)) }, 400, 3, /request is too large$/],
  ];
  for (const [path, body, status, code, message] of cases) {
    const answer = await ask(path, body);
    const what = `${path} ${JSON.stringify(body).slice(0, 80)}: ${answer.text.slice(0, 200)}`;
    assert.equal(answer.status, status, what);
    const told = answer.json();
    assert.equal(told.code, code, what);
    assert.match(told.message, message, what);
    assert.equal(told.error, told.message, what);
  }
});

test("other methods and paths are told apart as Go's router does", async () => {
  const get = await ask("/v3/kv/range", undefined, "GET");
  assert.deepEqual([get.status, get.text], [405, "Method Not Allowed\n"]);
  const none = await ask("/v3/kv/nothing", {});
  assert.deepEqual([none.status, none.text], [404, "Not Found\n"]);
  assert.equal((await ask("/v3/kv/range", undefined, "OPTIONS")).status, 200);
  assert.equal((await ask("/v4/kv/range", {})).text, "404 page not found\n");
});
