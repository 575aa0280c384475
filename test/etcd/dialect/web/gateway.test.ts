/** The methods of gRPC as JSON over HTTP/1.1. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { requirePackage } from "../../../harness/packages.ts";
import { request } from "../../../harness/requests.ts";
import { temporaryDirectory, until } from "../../../harness/scope.ts";
import { createAuthority } from "../../../net/authority-rig.ts";
import { startEtcd } from "../rig.ts";
import { beginWatch } from "./vectors.ts";

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
    ["/v3/kv/range", { key: base64("a"), sortOrder: "SIDEWAYS" }, 400, 3, /SIDEWAYS/],
    ["/v3/kv/txn", { compare: [{ key: base64("a"), target: "AGE" }] }, 400, 3, /AGE/],
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

test("a watch is lines, of which many may be asked for in one body", async () => {
  const create = (key: string, more = {}) => JSON.stringify({ create_request: { key: base64(key), ...more } });
  const watched = await beginWatch(`${server}/v3/watch`, `${create("w", { prev_kv: true })}\n${create("w2")}`);
  const lines = () => watched.text.split("\n").filter((line) => line !== "");
  await until(() => lines().length === 2);
  const created = lines().map((line) => JSON.parse(line).result);
  assert.deepEqual(
    created.map(({ created, watch_id }) => [created, watch_id]),
    [
      [true, undefined],
      [true, "1"],
    ],
  );
  await ask("/v3/kv/put", { key: base64("w"), value: base64("1") });
  await ask("/v3/kv/deleterange", { key: base64("w") });
  await until(() => lines().length === 4);
  const [put, gone] = lines()
    .slice(2)
    .map((line) => JSON.parse(line).result.events[0]);
  assert.deepEqual([put.type, put.kv.value, put.prev_kv], [undefined, base64("1"), undefined]);
  assert.deepEqual([gone.type, gone.kv.value, gone.prev_kv.value], ["DELETE", undefined, base64("1")]);
  watched.head.destroy();
  await watched.body;
  for (const prefix of ["/v3beta", "/v3alpha"]) {
    const other = await beginWatch(`${server}${prefix}/watch`, create("w", { start_revision: put.kv.mod_revision }));
    await until(() => other.text.split("\n").length > 2, { what: `what was by ${prefix}` });
    const [, past] = other.text.split("\n").map((line) => line && JSON.parse(line).result);
    assert.deepEqual(past.events[0].kv, put.kv);
    other.head.destroy();
    await other.body;
  }
  for (const path of ["/v3/watch", "/v3beta/watch", "/v3alpha/lease/keepalive"]) {
    const long = await ask(path, "x".repeat(5_000_000));
    assert.deepEqual([long.status, long.json().error.message], [400, "etcdserver: request is too large"], path);
  }
});

test("leases, and a keep-alive that ends with its answers", async () => {
  const granted = (await ask("/v3/lease/grant", { TTL: "60", ID: 77 })).json();
  assert.deepEqual([granted.ID, granted.TTL], ["77", "60"]);
  const beats = await ask("/v3/lease/keepalive", '{"ID":"77"}{"ID":78}');
  const told = beats.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).result);
  assert.deepEqual(
    told.map(({ ID, TTL }) => [ID, TTL]),
    [
      ["77", "60"],
      ["78", undefined],
    ],
  );
  assert.equal((await ask("/v3/kv/lease/timetolive", { ID: "77" })).json().grantedTTL, "60");
  assert.equal((await ask("/v3/lease/revoke", { ID: "77" })).status, 200);
  assert.equal((await ask("/v3/lease/revoke", { ID: "77" })).status, 404);
});

test("a stream that is refused at its beginning has a status, and one that breaks a last line", async () => {
  const refused = await ask("/v3/maintenance/snapshot", {});
  assert.ok(refused.status >= 400, refused.text);
  const { error } = refused.json();
  assert.deepEqual([error.http_code, typeof error.grpc_code, error.code], [refused.status, "number", error.grpc_code]);
  const broken = await ask("/v3/lease/keepalive", '{"ID":"1"}{');
  const last = broken.text.trim().split("\n").at(-1) ?? "";
  assert.equal(JSON.parse(last).error.grpc_code, 3);
});

test("members, machines and the leader, in hexadecimal", async () => {
  const get = (path: string) => request(server + path);
  const { members } = (await get("/v2/members")).json();
  const [member] = members;
  assert.equal(members.length, 1);
  assert.match(member.id, /^[0-9a-f]{1,16}$/);
  assert.match(member.clientURLs[0], /^http:\/\//);
  assert.deepEqual((await get("/v2/members/leader")).json(), member);
  assert.equal((await get("/v2/stats/self")).json().id, member.id);
  for (const path of ["/v2/machines", "/v2/leader"]) assert.equal((await get(path)).text, member.clientURLs.join(", "));
  assert.equal((await get("/v2/members/none")).status, 404);
  assert.equal((await ask("/v2/members", { peerURLs: ["http://x:1"] })).status, 403);
  const listed = (await ask("/v3/cluster/member/list", {})).json();
  assert.equal(BigInt(listed.members[0].ID).toString(16), member.id);
});

test("tokens may come in each of the ways that clients have", async () => {
  const [writer, reader] = ["w-token", "r-token"];
  const tokens = [
    { name: "writes", role: "writer", sha256: createHash("sha256").update(writer).digest("hex") },
    { name: "reads", role: "reader", sha256: createHash("sha256").update(reader).digest("hex") },
  ];
  const closed = await startEtcd({ after }, { dialects: "etcd", config: { accounts: { shop: { tokens } } } });
  const at = `http://127.0.0.1:${closed.port("etcd")}`;
  const withToken = (Authorization?: string) => (Authorization === undefined ? {} : { headers: { Authorization } });
  const basic = `Basic ${base64(`shop:${writer}`)}`;
  for (const [told, status] of [
    [undefined, 401],
    ["nonsense", 401],
    [reader, 401],
    [writer, 201],
    [`Bearer ${writer}`, 200],
    [basic, 200],
  ] as const) {
    const put = await request(`${at}/v2/keys/a?value=1`, { method: "PUT", ...withToken(told) });
    assert.equal(put.status, status, `${told}: ${put.text}`);
    if (status === 401) assert.equal(put.json().errorCode, 110);
  }
  assert.equal((await request(`${at}/v2/keys/a`, withToken(reader))).status, 200);
  assert.equal((await request(`${at}/v2/members`)).status, 401);
  assert.equal((await request(`${at}/v2/auth/enable`)).json().enabled, true);
  assert.equal((await request(`${at}/health`)).status, 200);
  const body = { key: base64("/a") };
  const ranged = async (told?: string) => request(`${at}/v3/kv/range`, { body, ...withToken(told) });
  assert.equal((await ranged()).json().message, "etcdserver: user name is empty");
  assert.equal((await ranged("nonsense")).status, 401);
  for (const told of [reader, `Bearer ${reader}`, basic]) assert.equal((await ranged(told)).json().count, "1", told);
  const named = { name: "shop", password: writer };
  const { token } = (await request(`${at}/v3/auth/authenticate`, { body: named })).json();
  assert.equal((await ranged(token)).json().count, "1");
});

const curl = requirePackage("curl", "curl");
const etcdctl = requirePackage("etcd-client", "etcdctl");

test("over TLS curl by HTTP/1.1 and HTTP/2, and etcdctl by gRPC, are served on one port", {
  skip: curl.skip || etcdctl.skip,
}, async () => {
  const folder = temporaryDirectory({ after });
  const authority = createAuthority(folder, "root");
  const { cert, key } = authority.sign("server", "server");
  const secure = await startEtcd({ after }, { dialects: "etcd", flags: ["--tls-cert", cert, "--tls-key", key] });
  const at = `https://127.0.0.1:${secure.port("etcd")}`;
  const run = promisify(execFile);
  const call = async (version: string, path: string, body: object) => {
    const told = ["-sS", `--${version}`, "--cacert", authority.ca, "-w", "\n%{http_version} %{http_code}"];
    const { stdout } = await run(curl.path, [...told, "-d", JSON.stringify(body), at + path], { timeout: 20_000 });
    const [answer = "", end = ""] = stdout.trim().split("\n");
    return { answer: JSON.parse(answer), end };
  };
  assert.equal((await call("http1.1", "/v3/kv/put", { key: base64("tls"), value: base64("one") })).end, "1.1 200");
  const flags = [`--endpoints=${at}`, `--cacert=${authority.ca}`];
  const ctl = (...args: string[]) =>
    run(etcdctl.path, [...flags, ...args], { timeout: 20_000, env: { ...process.env, ETCDCTL_API: "3" } });
  assert.equal((await ctl("get", "tls")).stdout, "tls\none\n");
  await ctl("put", "tls", "two");
  const { answer, end } = await call("http2", "/v3/kv/range", { key: base64("tls") });
  assert.deepEqual([end, answer.kvs[0].value], ["2 200", base64("two")]);
});
