/** Keys by gRPC, asked of the started program. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { until } from "../../harness/scope.ts";
import { bytes, Client, type Fields, KV, pairs, text } from "./client.ts";
import { startEtcd } from "./rig.ts";
import { ASKED, play } from "./vectors.ts";

const PUT = (key: string, value: string, more: Fields = {}) => ({
  request: { case: "requestPut", value: { key: bytes(key), value: bytes(value), ...more } },
});
const RANGE = (key: string, end = "", more: Fields = {}) => ({
  request: { case: "requestRange", value: { key: bytes(key), rangeEnd: bytes(end), ...more } },
});
const DELETE = (key: string, end = "", more: Fields = {}) => ({
  request: { case: "requestDeleteRange", value: { key: bytes(key), rangeEnd: bytes(end), ...more } },
});
const TXN = (value: Fields) => ({ request: { case: "requestTxn", value } });
const WHEN = (key: string, result: number, target: number, union: string, value: unknown, end = "") => ({
  key: bytes(key),
  rangeEnd: bytes(end),
  result,
  target,
  targetUnion: { case: union, value },
});

const program = await startEtcd({ after });
const client = Client.dial({ after }, program.port("etcd"));
const ask = (path: string, fields: Fields) => client.ask(path, fields);

test("a put moves the revision on by one, and a key knows its revisions", async () => {
  const first = await client.put("kv/a", "1");
  assert.ok(first.header.clusterId > 0n && first.header.memberId > 0n && first.header.raftTerm === 2n);
  const second = await client.put("kv/a", "2", { prevKv: true });
  assert.equal(second.header.revision, first.header.revision + 1n);
  assert.equal(text(second.prevKv.value), "1");
  const { kvs, count, more, header } = await client.range("kv/a");
  const [kv] = kvs;
  assert.deepEqual(
    [kv.createRevision, kv.modRevision, kv.version, kv.lease, text(kv.value)],
    [first.header.revision, second.header.revision, 2n, 0n, "2"],
  );
  assert.deepEqual([count, more, header.revision], [1n, false, second.header.revision]);
});

test("ranges of every form", async () => {
  for (const [key, value] of [
    ["r/a", "3"],
    ["r/b", "1"],
    ["r/c", "2"],
    ["r/\xff\xfe", "0"],
  ] as const)
    await client.put(key, value);
  await client.put("r/b", "1");
  const cases: readonly [key: string, end: string, more: Fields, shown: string, count: bigint, isMore: boolean][] = [
    ["r/b", "", {}, "r/b=1", 1n, false],
    ["r/x", "", {}, "", 0n, false],
    ["r/", "r0", {}, "r/a=3 r/b=1 r/c=2 r/\xff\xfe=0", 4n, false],
    ["r/b", "\0", {}, "r/b=1 r/c=2 r/\xff\xfe=0", 3n, false],
    ["r/c", "r/a", {}, "", 0n, false],
    ["r/", "r0", { limit: 2n }, "r/a=3 r/b=1", 4n, true],
    ["r/", "r0", { limit: 4n }, "r/a=3 r/b=1 r/c=2 r/\xff\xfe=0", 4n, false],
    ["r/", "r0", { limit: -1n, keysOnly: true }, "r/a= r/b= r/c= r/\xff\xfe=", 4n, false],
    ["r/", "r0", { countOnly: true }, "", 4n, false],
    ["r/", "r0", { sortOrder: 2, limit: 1n }, "r/\xff\xfe=0", 4n, true],
    ["r/", "r0", { sortTarget: 4 }, "r/\xff\xfe=0 r/b=1 r/c=2 r/a=3", 4n, false],
    ["r/", "r0", { sortTarget: 4, sortOrder: 2, limit: 2n }, "r/a=3 r/c=2", 4n, true],
    ["r/", "r0", { sortTarget: 3, sortOrder: 2, limit: 1n }, "r/b=1", 4n, true],
    ["r/", "r0", { sortTarget: 1, sortOrder: 1, limit: 3n }, "r/a=3 r/c=2 r/\xff\xfe=0", 4n, true],
    ["r/", "r0", { sortOrder: 7 }, "r/a=3 r/b=1 r/c=2 r/\xff\xfe=0", 4n, false],
  ];
  for (const [key, end, more, shown, count, isMore] of cases) {
    const told = await client.range(key, end, more);
    const what = JSON.stringify([key, end, more], (_, v) => (typeof v === "bigint" ? Number(v) : v));
    assert.deepEqual([pairs(told.kvs), told.count, told.more], [shown, count, isMore], what);
  }
  const { kvs } = await client.range("r/a");
  const created = kvs[0].createRevision;
  const bounds = { minCreateRevision: created + 1n, maxModRevision: created + 3n, maxCreateRevision: created + 3n };
  assert.equal(pairs((await client.range("r/", "r0", bounds)).kvs), "r/c=2 r/\xff\xfe=0");
  assert.equal(pairs((await client.range("r/", "r0", { minModRevision: created + 4n, limit: 1n })).kvs), "r/b=1");
  const all = await client.range("\0", "\0", { keysOnly: true });
  assert.ok(all.count >= 5n && all.kvs.every(({ key }: { key: Uint8Array }) => key[0] !== 0));
  assert.equal(Number((await client.range("\0", "\0", { limit: 1n })).count), all.kvs.length);
});

test("the past is read at any revision of the history, until it is compacted", async () => {
  const before = (await client.put("p/a", "old")).header.revision;
  await client.put("p/b", "old");
  await client.put("p/a", "new");
  const now = (await ask(KV.delete, { key: bytes("p/b") })).header.revision;
  const at = async (revision: bigint, more: Fields = {}) => {
    const told = await client.range("p/", "p0", { revision, ...more });
    assert.equal(told.header.revision, now);
    return `${pairs(told.kvs)} of ${told.count}`;
  };
  assert.equal(await at(before - 1n), " of 0");
  assert.equal(await at(before), "p/a=old of 1");
  assert.equal(await at(before + 1n), "p/a=old p/b=old of 2");
  assert.equal(await at(before + 1n, { limit: 1n }), "p/a=old of 2");
  assert.equal(await at(before + 1n, { sortOrder: 2, limit: 1n }), "p/b=old of 2");
  assert.equal(await at(now), "p/a=new of 1");
  const pinned = await ask(KV.txn, { success: [RANGE("p/", "p0", { revision: before + 1n })] });
  assert.equal(pairs(pinned.responses[0].response.value.kvs), "p/a=old p/b=old");
  assert.equal(
    await client.refusal(KV.range, { key: bytes("p/a"), revision: now + 1n }),
    "11 etcdserver: mvcc: required revision is a future revision",
  );
  await ask(KV.compact, { revision: before + 1n });
  const compacted = "11 etcdserver: mvcc: required revision has been compacted";
  assert.equal(await client.refusal(KV.range, { key: bytes("p/a"), revision: before }), compacted);
  assert.equal(await client.refusal(KV.txn, { success: [RANGE("p/a", "", { revision: before })] }), compacted);
  assert.equal(pairs((await client.range("p/", "p0", { revision: before + 1n })).kvs), "p/a=old p/b=old");
  assert.equal(await client.refusal(KV.compact, { revision: before + 1n }), compacted);
  assert.equal(
    await client.refusal(KV.compact, { revision: now + 100n }),
    "11 etcdserver: mvcc: required revision is a future revision",
  );
});

test("the past of more than the registry reads at once", async () => {
  const value = Buffer.alloc(900_000, "x");
  const before = (await client.put("q/", "")).header.revision;
  for (let nth = 0; nth < 6; nth++) await ask(KV.put, { key: bytes(`q/${nth}`), value });
  const { header } = await client.range("x");
  await ask(KV.delete, { key: bytes("q/"), rangeEnd: bytes("q0") });
  const at = async (more: Fields) => {
    const told = await client.range("q/", "q0", { revision: header.revision, ...more });
    return [told.kvs.map(({ key }: { key: Uint8Array }) => text(key).slice(2)).join(), told.count, told.more];
  };
  assert.deepEqual(await at({}), [",0,1,2,3,4,5", 7n, false]);
  assert.deepEqual(await at({ limit: 6n }), [",0,1,2,3,4", 7n, true]);
  assert.deepEqual(await at({ sortOrder: 2, limit: 2n }), ["5,4", 7n, true]);
  assert.deepEqual(await at({ countOnly: true }), ["", 7n, false]);
  assert.equal(pairs((await client.range("q/", "q0", { revision: before })).kvs), "q/=");
});

test("puts may keep value or lease, and deletes tell what went", async () => {
  await client.put("d/a", "1");
  await ask(KV.put, { key: bytes("d/a"), ignoreValue: true });
  assert.equal(pairs((await client.range("d/a")).kvs), "d/a=1");
  await ask(KV.put, { key: bytes("d/a"), value: bytes("2"), ignoreLease: true });
  await client.put("d/b", "3");
  const gone = await ask(KV.delete, { key: bytes("d/"), rangeEnd: bytes("d0"), prevKv: true });
  assert.deepEqual([gone.deleted, pairs(gone.prevKvs)], [2n, "d/a=2 d/b=3"]);
  const again = await ask(KV.delete, { key: bytes("d/"), rangeEnd: bytes("d0") });
  assert.deepEqual([again.deleted, again.header.revision], [0n, gone.header.revision]);
  const back = await client.put("d/a", "4");
  const [kv] = (await client.range("d/a")).kvs;
  assert.deepEqual([kv.version, kv.createRevision], [1n, back.header.revision]);
});

test("transactions: one revision, and each step sees those before it", async () => {
  const { header } = await client.put("t/a", "1");
  const told = await ask(KV.txn, {
    compare: [
      WHEN("t/a", 0, 3, "value", bytes("1")),
      WHEN("t/a", 0, 2, "modRevision", header.revision),
      WHEN("t/x", 0, 1, "createRevision", 0n),
      WHEN("t/", 1, 0, "version", 0n, "t0"),
      WHEN("t/a", 0, 4, "lease", 0n),
    ],
    success: [
      RANGE("t/", "t0"),
      PUT("t/b", "2", { prevKv: true }),
      RANGE("t/", "t0", { sortOrder: 2 }),
      DELETE("t/a", "", { prevKv: true }),
      TXN({ compare: [WHEN("t/b", 0, 3, "value", bytes("9"))], failure: [PUT("t/c", "3"), RANGE("t/", "t0")] }),
    ],
    failure: [PUT("t/no", "")],
  });
  assert.deepEqual([told.succeeded, told.header.revision], [true, header.revision + 1n]);
  const answers = told.responses.map(({ response }: { response: { value: object } }) => response.value);
  assert.equal(pairs(answers[0].kvs), "t/a=1");
  assert.equal(answers[0].header.revision, header.revision);
  assert.equal(answers[1].header.revision, header.revision + 1n);
  assert.equal(pairs(answers[2].kvs), "t/b=2 t/a=1");
  assert.deepEqual([answers[3].deleted, pairs(answers[3].prevKvs)], [1n, "t/a=1"]);
  assert.equal(answers[4].succeeded, false);
  assert.equal(pairs(answers[4].responses[1].response.value.kvs), "t/b=2 t/c=3");
  // Which way is gone is settled before anything is done, within a transaction as well.
  const inner = TXN({ compare: [WHEN("t/o", 1, 0, "version", 0n)], success: [PUT("t/no", "")], failure: [] });
  const settled = await ask(KV.txn, { success: [PUT("t/o", ""), inner] });
  assert.equal(settled.responses[1].response.value.succeeded, false);
  await ask(KV.delete, { key: bytes("t/o") });
  const failed = await ask(KV.txn, { compare: [WHEN("t/x", 0, 3, "value", bytes(""))], success: [PUT("t/x", "")] });
  assert.deepEqual([failed.succeeded, failed.responses.length], [false, 0]);
  assert.equal(failed.header.revision, settled.header.revision + 1n);
});

test("refusals are in etcd's words and order", async () => {
  const key = bytes("e/a");
  const many = (count: number) => Array.from({ length: count }, (_, nth) => PUT(`e/${nth}`, ""));
  const cases: readonly [path: string, fields: Fields, refusal: string][] = [
    [KV.range, {}, "3 etcdserver: key is not provided"],
    [KV.range, { key, sortTarget: 9 }, "3 etcdserver: invalid sort option"],
    [KV.put, { ignoreValue: true, value: key }, "3 etcdserver: key is not provided"],
    [KV.put, { key, ignoreValue: true, value: key }, "3 etcdserver: value is provided"],
    [KV.put, { key, ignoreLease: true, lease: 7n }, "3 etcdserver: lease is provided"],
    [KV.put, { key, ignoreValue: true }, "3 etcdserver: key not found"],
    [KV.put, { key, lease: 7n }, "5 etcdserver: requested lease not found"],
    [KV.put, { key: bytes("\0x") }, "7 etcdserver: permission denied"],
    [KV.put, { key, value: Buffer.alloc(1_650_000) }, "3 etcdserver: request is too large"],
    [KV.delete, { rangeEnd: key }, "3 etcdserver: key is not provided"],
    [KV.txn, { compare: [{}] }, "3 etcdserver: key is not provided"],
    [KV.txn, { success: [{}] }, "3 etcdserver: key not found"],
    [KV.txn, { success: many(129) }, "3 etcdserver: too many operations in txn request"],
    [KV.txn, { success: [TXN({ failure: many(128) })] }, "3 etcdserver: too many operations in txn request"],
    [KV.txn, { success: [PUT("a", ""), PUT("a", "")] }, "3 etcdserver: duplicate key given in txn request"],
    [KV.txn, { failure: [PUT("b", ""), DELETE("a", "c")] }, "3 etcdserver: duplicate key given in txn request"],
    [
      KV.txn,
      { success: [TXN({ success: [PUT("a", "")] }), PUT("a", "")] },
      "3 etcdserver: duplicate key given in txn request",
    ],
    [KV.txn, { success: [PUT("e/l", "", { lease: 7n })] }, "5 etcdserver: requested lease not found"],
    [KV.txn, { success: [PUT("e/l", "", { ignoreLease: true })] }, "3 etcdserver: key not found"],
    [
      KV.txn,
      { success: [RANGE("a", "", { revision: 1n << 50n })] },
      "11 etcdserver: mvcc: required revision is a future revision",
    ],
  ];
  for (const [path, fields, refusal] of cases) assert.equal(await client.refusal(path, fields), refusal);
  const both = { success: [TXN({ success: [PUT("e/b", "")], failure: [PUT("e/b", "")] }), DELETE("e/", "e0")] };
  assert.match(await client.refusal(KV.txn, both), /duplicate key/);
  const fine = { success: [TXN({ success: [PUT("e/b", "")], failure: [PUT("e/b", "")] }), DELETE("f"), DELETE("f")] };
  assert.equal(await client.refusal(KV.txn, fine), "0");
});

test("they are the keys of the native API", async () => {
  await client.put("n/a", "from etcd");
  const url = `${program.url}/v2/default/config/n%2Fa`;
  assert.equal((await (await fetch(url)).json()).value, "from etcd");
  await fetch(url, { method: "PUT", body: "from http" });
  assert.equal(pairs((await client.range("n/a")).kvs), "n/a=from http");
});

test("what a server of 3.4.23 answered is answered here, field for field", async () => {
  const vectors = new URL("../../../packages/registry/src/dialects/etcd/vectors/kv-3.4.23.json", import.meta.url);
  const recorded = JSON.parse(readFileSync(vectors, "utf8"));
  for (const [nth, told] of (await play(client, ASKED)).entries()) assert.deepEqual(told, recorded[nth]);
  assert.equal(recorded.length, ASKED.length);
});

let root = "";

/** Of the native API, by its words for a token. */
async function askTokens(method: string, path: string, by: string, spec?: object) {
  const headers = { "Content-Type": "application/json", ...(by !== "" && { Authorization: `Bearer ${by}` }) };
  const body = spec === undefined ? {} : { body: JSON.stringify(spec) };
  const answer = await fetch(`${program.url}/v2/_/tokens${path}`, { method, headers, ...body });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? {} : answer.json();
}

async function make(spec: object, by = ""): Promise<string> {
  return (await askTokens("POST", "", by, spec)).token;
}

test("a token leads into its account, as far as its role goes", async () => {
  assert.equal(await client.with({ token: "nonsense" }).refusal(KV.range, { key: bytes("a") }), "0");
  root = await make({ account: null, role: "admin", name: "root" });
  const reader = client.with({ token: await make({ account: "other", role: "reader", name: "reads" }, root) });
  assert.deepEqual((await reader.range("\0", "\0")).kvs, []);
  const request = { key: bytes("a"), value: bytes("b") };
  assert.equal(await reader.refusal(KV.put, request), "7 etcdserver: permission denied");
  assert.equal(await reader.refusal(KV.txn, { success: [RANGE("a")] }), "0");
  assert.equal(await reader.refusal(KV.txn, { failure: [DELETE("a")] }), "7 etcdserver: permission denied");
  assert.equal(await client.refusal(KV.put, request), "3 etcdserver: user name is empty");
  assert.equal(await client.with({ token: "x" }).refusal(KV.put, request), "16 etcdserver: invalid auth token");
});

test("what a token was given for ends with it: the tokens made of it, and all that stays open", async () => {
  const password = await make({ account: "other", role: "writer", name: "leaves" }, root);
  const staying = client.with({ token: await make({ account: "other", role: "writer", name: "stays" }, root) });
  const { token } = await client.ask("/etcdserverpb.Auth/Authenticate", { name: "other", password });
  assert.notEqual(token, password);
  const leaving = client.with({ token });
  const { ID: lease } = await leaving.ask("/etcdserverpb.Lease/LeaseGrant", { TTL: 100n });
  const watch = { requestUnion: { case: "createRequest", value: { key: bytes("r") } } };
  const streams = [
    leaving.open("/etcdserverpb.Watch/Watch").send(watch),
    client.with({ token: password }).open("/etcdserverpb.Watch/Watch").send(watch),
    leaving.open("/etcdserverpb.Lease/LeaseKeepAlive").send({ ID: lease }),
  ];
  for (const stream of streams) await stream.next();
  const stays = staying.open("/etcdserverpb.Watch/Watch").send(watch);
  await stays.next();
  const chief = { name: bytes("revoked"), lease, value: bytes("chief") };
  await leaving.ask("/v3electionpb.Election/Campaign", chief);
  const observed = leaving.open("/v3electionpb.Election/Observe").send({ name: bytes("revoked") });
  await observed.next();
  const { key } = await staying.ask("/v3lockpb.Lock/Lock", { name: bytes("revoked-lock"), lease: 0n });
  const locking = leaving.open("/v3lockpb.Lock/Lock").send({ name: bytes("revoked-lock"), lease });
  locking.stream.end();
  const line = () => staying.range("revoked-lock/", "revoked-lock0");
  await until(async () => (await line()).count === 2n, { what: "it to wait in line" });
  const port = program.port("etcd");
  const create = JSON.stringify({ create_request: { key: Buffer.from("r").toString("base64") } });
  const open = (path: string, body?: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { Authorization: token },
      ...(body !== undefined && { method: "POST", body }),
    });
  const gateway = await open("/v3/watch", create);
  const polling = await open("/v2/keys/r?wait=true&stream=true");
  const { tokens } = await askTokens("GET", "", root);
  const { id } = tokens.find((one: { name: string }) => one.name === "leaves");
  await askTokens("DELETE", `/${id}`, root);
  for (const stream of [...streams, observed, locking]) {
    const { code, message } = await stream.ended;
    assert.deepEqual([code, message], [16, "etcdserver: invalid auth token"]);
  }
  assert.match((await gateway.text()).trim().split("\n").at(-1) ?? "", /"grpc_code":16.*invalid auth token/);
  await polling.text();
  for (const one of [token, password])
    assert.equal(
      await client.with({ token: one }).refusal(KV.range, { key: bytes("r") }),
      "16 etcdserver: invalid auth token",
    );
  assert.equal((await line()).count, 1n);
  await staying.ask("/v3lockpb.Lock/Unlock", { key });
  await staying.put("r", "heard");
  assert.equal((await stays.next()).events.length, 1);
  stays.stream.close();
});
