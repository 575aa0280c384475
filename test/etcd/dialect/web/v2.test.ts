/** `/v2/keys` beside what the original answered, and what only ours has. test/interop/etcd-v2.test.ts asks a real one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { request } from "../../../harness/requests.ts";
import { ROOT } from "../../../harness/root.ts";
import { until } from "../../../harness/scope.ts";
import { startEtcd } from "../rig.ts";
import { beginWatch, type Conversation, meaningsOf, say } from "./vectors.ts";

const FILE = join(ROOT, "packages/registry/src/dialects/etcd/vectors/v2-3.4.23.json");
const conversations = JSON.parse(readFileSync(FILE, "utf8")) as readonly Conversation[];

const layouts = [
  { prefix: "/services", kind: "go-kit" },
  { prefix: "/skydns/local/skydns", kind: "skydns" },
];
const rollcall = await startEtcd({ after }, { dialects: "http,etcd,zookeeper", config: { layouts } });
const server = `http://127.0.0.1:${rollcall.port("etcd")}`;
const base = `${server}/v2/keys`;

assert.ok(conversations.length > 0);

for (const recorded of conversations)
  test(`the original's answers are ours: ${recorded.name}`, async () => {
    assert.deepEqual(meaningsOf(await say(base, recorded.name)), meaningsOf(recorded));
  });

async function ask(method: string, path: string, form?: string) {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const answer = await request(base + path, form === undefined ? { method } : { method, headers, body: form });
  return { ...answer, index: Number(answer.headers["x-etcd-index"]) };
}

async function events(path: string, after: number, count: number): Promise<readonly string[]> {
  const told: string[] = [];
  for (let next = after; told.length < count; ) {
    const { action, node } = (await ask("GET", `${path}?wait=true&recursive=true&waitIndex=${next}`)).json();
    told.push(`${action} ${node.key}`);
    next = node.modifiedIndex + 1;
  }
  return told;
}

test("a refresh makes no event, and keeps value and index; nodes go when their time is over", async () => {
  const { index, ...made } = await ask("PUT", "/brief/a", "value=1&ttl=1");
  assert.deepEqual([made.status, made.json().node.ttl], [201, 1]);
  await ask("PUT", "/brief/d?dir=true&ttl=1");
  await ask("PUT", "/brief/d/x/y", "value=1");
  await ask("PUT", "/brief/d/own", "value=1&ttl=100");
  const again = (await ask("PUT", "/brief/a", "ttl=100&refresh=true&prevExist=true")).json();
  assert.deepEqual([again.action, again.node.value, again.node.ttl], ["update", "1", 100]);
  assert.equal(again.node.modifiedIndex, made.json().node.modifiedIndex);
  assert.equal(again.prevNode.ttl, 1);
  assert.equal((await ask("GET", "/brief/a")).json().node.ttl, 100);
  // A lease of that name is kept alive by heartbeats that are no commits.
  const before = (await ask("GET", "/brief/a")).index;
  await ask("PUT", "/brief/a", "ttl=100&refresh=true&prevValue=1");
  assert.ok((await ask("GET", "/brief/d")).index >= before);
  assert.deepEqual(await events("/brief", index, 5), [
    "set /brief/a",
    "set /brief/d",
    "set /brief/d/x/y",
    "set /brief/d/own",
    "expire /brief/d",
  ]);
  assert.equal((await ask("GET", "/brief/d/x")).status, 404);
  await ask("PUT", "/brief/b", "value=1&ttl=1");
  await until(async () => (await ask("GET", "/brief/b")).status === 404);
  const event = (await ask("GET", `/brief/b?wait=true&waitIndex=${before + 1}&recursive=true`)).json();
  assert.equal(event.action, "set");
  const gone = (await ask("GET", `/brief/b?wait=true&waitIndex=${event.node.modifiedIndex + 1}`)).json();
  assert.deepEqual([gone.action, gone.prevNode.value, typeof gone.prevNode.expiration], ["expire", "1", "string"]);
});

test("a stream gives each event, and the history that is gone is told as such", async () => {
  const { index } = await ask("PUT", "/stream/a", "value=1");
  const path = `${base}/stream?wait=true&stream=true&recursive=true&waitIndex=${index}`;
  const watched = await beginWatch(path);
  await ask("PUT", "/stream/b", "value=2");
  await until(() => watched.text.split("\n").length === 3);
  const lines = watched.text.trim().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).node.key),
    ["/stream/a", "/stream/b"],
  );
  watched.head.destroy();
  await watched.body;
});

test("keys of other protocols are nodes, and nodes are keys", async () => {
  await ask("PUT", "/shared/dir/file", "value=v2");
  const put = async (key: string, value: string): Promise<void> => {
    const body = { key: Buffer.from(key).toString("base64"), value: Buffer.from(value).toString("base64") };
    assert.equal((await request(`${server}/v3/kv/put`, { body })).status, 200);
  };
  await put("/shared/dir/other", "v3");
  for (const odd of ["shared/none", "/shared//x", "/shared/", "/shared/./y", "/shared/\xff"]) await put(odd, "x");
  const listed = (await ask("GET", "/shared?recursive=true&sorted=true")).json();
  const [directory] = listed.node.nodes;
  assert.deepEqual(
    listed.node.nodes.map(({ key }: { key: string }) => key),
    ["/shared/dir", "/shared/ÿ"],
  );
  assert.deepEqual(
    directory.nodes.map(({ key, value }: { key: string; value: string }) => [key, value]),
    [
      ["/shared/dir/file", "v2"],
      ["/shared/dir/other", "v3"],
    ],
  );
  const range = {
    key: Buffer.from("/shared/dir/").toString("base64"),
    range_end: Buffer.from("/shared/dir0").toString("base64"),
  };
  const found = (await request(`${server}/v3/kv/range`, { body: range })).json();
  assert.equal(found.count, "2", "directories are no keys");
  // A key with others below it is a directory.
  await put("/shared/dir/other/below", "v3");
  assert.equal((await ask("GET", "/shared/dir/other")).json().node.dir, true);
  assert.equal((await ask("DELETE", "/shared?recursive=true")).json().action, "delete");
  const left = (await request(`${server}/v3/kv/range`, { body: range })).json();
  assert.equal(left.count, undefined);
});

test("bad requests are refused, and cost nothing", async () => {
  const large = await ask("PUT", "/bad", `value=${"x".repeat(1_600_000)}`);
  assert.deepEqual([large.status, large.json().errorCode], [400, 210]);
  assert.equal((await ask("PUT", "/bad", "x".repeat(5_000_000))).status, 400);
  for (const path of ["/%zz", "/%ff", `/${"x".repeat(5000)}`, `/${"a/".repeat(3000)}`, "/a?value=%zz"]) {
    const answer = await ask("PUT", path, "value=1");
    assert.ok(answer.status >= 400 && answer.status < 500, `${path.slice(0, 20)}: ${answer.status} ${answer.text}`);
    assert.ok(answer.json().errorCode > 0, answer.text);
  }
  assert.equal((await ask("PATCH", "/bad")).status, 405);
  assert.equal((await ask("PUT", "/bad", `${"a=1&".repeat(2000)}`)).json().errorCode, 210);
  const future = await beginWatch(`${base}/bad?wait=true&waitIndex=18446744073709551615`);
  assert.equal(future.head.statusCode, 200);
  future.head.destroy();
  await future.body;
});

test("stats, version, health and metrics", async () => {
  const get = (path: string) => request(server + path);
  assert.equal(
    (await request(`${server}/v2/members`, { method: "POST", body: { peerURLs: ["http://x:1"] } })).status,
    403,
  );
  assert.deepEqual(Object.keys((await get("/version")).json()), ["etcdserver", "etcdcluster"]);
  for (const path of ["/health", "/health?serializable=true", "/health?exclude=NOSPACE"])
    assert.equal((await get(path)).json().health, "true");
  assert.equal((await get("/readyz")).text, "ok\n");
  const self = (await get("/v2/stats/self")).json();
  assert.match(self.id, /^[0-9a-f]{1,16}$/);
  assert.equal(self.state, "StateLeader");
  assert.equal((await get("/v2/stats/leader")).json().leader, self.id);
  const store = (await get("/v2/stats/store")).json();
  assert.ok(store.setsSuccess > 0 && store.getsFail > 0 && store.compareAndSwapFail > 0, JSON.stringify(store));
  assert.match((await get("/metrics")).text, /^etcd_server_has_leader 1$/m);
  assert.equal((await get("/v2/nothing")).text, "404 page not found\n");
  assert.equal((await request(`${server}/version`, { method: "PUT" })).status, 405);
});

test("what etcd's users register is an instance, and an instance is what they read", async () => {
  const native = `${rollcall.url}/v2/default/services`;
  await ask("PUT", "/services/web/a", "value=http://10.0.0.1:8080&ttl=100");
  const record = JSON.stringify({ host: "10.0.0.2", port: 53 });
  await ask("PUT", "/skydns/local/skydns/prod/names/b", `value=${encodeURIComponent(record)}`);
  const found = async (path: string) => (await request(`${native}/${path}`)).json();
  const web = await found("web/instances/a");
  assert.deepEqual([web.address, web.ports.default], ["10.0.0.1", 8080]);
  assert.equal((await found("names.prod/instances/b")).address, "10.0.0.2");
  const body = { address: "10.0.0.9", port: 80, ttl: "100s" };
  assert.equal((await request(`${native}/shop/instances/s1`, { method: "PUT", body })).status, 201);
  assert.match((await ask("GET", "/services/shop/s1")).json().node.value, /^(?:\w+:\/\/)?10\.0\.0\.9:80$/);
  const { node } = (await ask("GET", "/skydns/local/skydns/shop?recursive=true")).json();
  assert.equal(JSON.parse(node.nodes[0].value).host, "10.0.0.9");
  assert.ok(node.nodes[0].ttl > 90, "it lives as long as its instance");
  await ask("DELETE", "/services/web?recursive=true");
  assert.equal((await request(`${native}/web/instances/a`)).status, 404);
});

test("an index whose history is gone is refused", async () => {
  const { index } = await ask("PUT", "/gone", "value=1");
  const compacted = await request(`${server}/v3/kv/compaction`, { body: { revision: index } });
  assert.equal(compacted.status, 200, compacted.text);
  const answer = await ask("GET", "/gone?wait=true&waitIndex=1");
  assert.equal(answer.status, 400);
  const { errorCode, cause } = answer.json();
  assert.deepEqual([errorCode, cause], [401, `the requested history has been cleared [${index + 1}/1]`]);
});
