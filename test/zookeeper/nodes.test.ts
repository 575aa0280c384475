/** Nodes: made, read, changed and removed, in every mix, and what is told of them. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { Cut, FLAGS, list, multiOf, OPEN, OPS, pack, readStat } from "./codec.ts";
import { aclOf, Client, createBody, startZookeeper, word } from "./rig.ts";

const rollcall = await startZookeeper({ after }, { settings: { admin: true, sweepMs: 200 } });
const port = rollcall.port("zookeeper");
const adminPort = rollcall.endpoints.find(({ dialect, scheme }) => dialect === "zookeeper" && scheme === "http")?.port;
const config = (path: string) => `${rollcall.url}/v2/default/config/${encodeURIComponent(path)}`;

test("a node and its Stat through its life", async () => {
  const client = await Client.open({ after }, port);
  const made = await client.must("create2", createBody("/life", "one", FLAGS.persistent));
  assert.equal(made.body.text(), "/life");
  const first = readStat(made.body);
  assert.ok(made.body.isAtEnd);
  assert.deepEqual(
    { ...first, ctime: 0n, mtime: 0n },
    {
      czxid: made.zxid,
      mzxid: made.zxid,
      ctime: 0n,
      mtime: 0n,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 3,
      numChildren: 0,
      pzxid: made.zxid,
    },
  );
  assert.deepEqual(await client.get("/life"), { data: "one", stat: first });
  const second = await client.set("/life", "three", 0);
  assert.deepEqual([second.version, second.dataLength, second.czxid], [1, 5, first.czxid]);
  assert.ok(second.mzxid > first.mzxid);
  assert.equal(await client.code("setData", pack("ssi", "/life", "x", 0)), -103);
  await client.create("/life/a");
  await client.create("/life/b");
  assert.equal(await client.remove("/life/a"), 0);
  const parent = (await client.get("/life")).stat;
  assert.deepEqual([parent.cversion, parent.numChildren, parent.version], [3, 1, 1]);
  assert.ok(parent.pzxid > second.mzxid);
  assert.equal(await client.remove("/life"), -111);
  assert.equal(await client.remove("/life/b", 7), -103);
  assert.equal(await client.remove("/life/b", 0), 0);
  assert.equal(await client.remove("/life"), 0);
  assert.equal(await client.stat("/life"), undefined);
  assert.equal(await client.remove("/life"), -101);
});

test("numbers in names count every create, and begin anew with their parent", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/seq");
  assert.equal(await client.create("/seq/n-", "", FLAGS.sequential), "/seq/n-0000000000");
  await client.create("/seq/plain");
  assert.equal(await client.remove("/seq/plain"), 0);
  assert.equal(await client.create("/seq/", "", FLAGS.ephemeralSequential), "/seq/0000000002");
  assert.deepEqual(await client.children("/seq"), ["0000000002", "n-0000000000"]);
  for (const name of await client.children("/seq")) await client.remove(`/seq/${name}`);
  await client.remove("/seq");
  await client.create("/seq");
  assert.equal(await client.create("/seq/n-", "", FLAGS.sequential), "/seq/n-0000000000");
});

test("requests are refused as the original refuses them", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/eph", "", FLAGS.ephemeral);
  const create = (path: string | null, flags = 0, acl = OPEN) =>
    client.code("create", createBody(path, "", flags, acl));
  const table: [string, Promise<number>, number][] = [
    ["child of an ephemeral node", create("/eph/child"), -108],
    ["there already", create("/eph"), -110],
    ["the root", create("/"), -110],
    ["no parent", create("/none/a"), -101],
    ["no name between slashes", create("/a//x"), -101],
    ["a dot", create("/a/./x"), -101],
    ["a slash at the end", create("/x/"), -101],
    ["no slash", create("x"), -8],
    ["empty", create(""), -8],
    ["none", create(null), -5],
    ["a null character", create("/nu\0ll"), -8],
    ["a control character", create("/a\u0001"), -8],
    ["beyond the first plane", create("/\u{1f600}"), -8],
    ["private use", create("/\ue000"), -8],
    ["dots", create("/.."), -8],
    ["an unknown flag", create("/f", 9), -8],
    ["time without a time", create("/f", FLAGS.ttl), -8],
    ["a time of 0", client.code("createTTL", Buffer.concat([createBody("/f", "", FLAGS.ttl), pack("l", 0)])), -8],
    ["no list", client.code("create", Buffer.concat([pack("ss", "/f", ""), pack("i", -1), pack("i", 0)])), -114],
    ["an empty list", create("/f", 0, list([])), -114],
    ["an unknown scheme", create("/f", 0, aclOf([31, "magic", "x"])), -114],
    ["a digest without a colon", create("/f", 0, aclOf([31, "digest", "x"])), -114],
    ["a bad address", create("/f", 0, aclOf([31, "ip", "1.2.3"])), -114],
    ["auth of nobody", create("/f", 0, aclOf([31, "auth", ""])), -114],
    ["deleting the root", client.remove("/"), -8],
    ["deleting what is always there", client.remove("/zookeeper/quota"), -8],
    ["reading an odd path", client.code("getData", pack("sb", "odd//path", false)), -101],
    ["reading nothing", client.code("getData", pack("sb", null, false)), -5],
    ["setting what is not there", client.code("setData", pack("ssi", "/none", "", -1)), -101],
    ["setting an odd path", client.code("setData", pack("ssi", "none", "", -1)), -8],
    ["half a body", client.code("getData", pack("s", "/")), -5],
    ["half a create", client.code("create", pack("ss", "/f", "")), -5],
    ["nodes are not to be chosen", client.code("reconfig", pack("sssl", "", "", "", 0)), -123],
    ["check alone", client.code("check", pack("si", "/eph", 0)), -6],
    ["no watch to take back", client.code("removeWatches", pack("si", "/eph", 1)), -121],
    ["an unknown kind of watch", client.code("removeWatches", pack("si", "/eph", 9)), -5],
    ["an unknown mode", client.code("addWatch", pack("si", "/eph", 9)), -5],
  ];
  for (const [what, code, expected] of table) assert.equal(await code, expected, what);
  assert.equal((await client.get("")).stat.czxid, 0n, "an empty path is the root in reads");
  const unknown = await client.ask(77);
  assert.deepEqual([unknown.error, unknown.zxid], [-6, -1n]);
  await client.closed();
});

test("no data are not empty data", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/null", null);
  assert.equal((await client.get("/null")).data, null);
  await client.set("/null", "");
  assert.equal((await client.get("/null")).data, "");
  await client.set("/null", null);
  assert.equal((await client.get("/null")).data, null);
  await client.set("/null", "x");
  assert.equal((await client.get("/null")).data, "x");
});

test("a multi is all or nothing, and says what failed", async () => {
  const client = await Client.open({ after }, port);
  const done = await client.must(
    "multi",
    multiOf([
      [OPS.create, createBody("/m", "1", 0)],
      [OPS.create2, createBody("/m/a", "", 0)],
      [OPS.createContainer, createBody("/m/c", "", FLAGS.container)],
      [OPS.create, createBody("/m/s-", "", FLAGS.sequential)],
      [OPS.setData, pack("ssi", "/m", "22", 0)],
      [OPS.check, pack("si", "/m", 1)],
      [OPS.delete, pack("si", "/m/a", 0)],
    ]),
  );
  const { body } = done;
  const header = (): number => {
    const [type, isEnd, error] = [body.int(), body.bool(), body.int()];
    assert.deepEqual([isEnd, error], [type === -1, type === -1 ? -1 : 0]);
    return type;
  };
  assert.deepEqual([header(), body.text()], [1, "/m"]);
  assert.deepEqual([header(), body.text(), readStat(body).czxid], [15, "/m/a", done.zxid]);
  assert.deepEqual([header(), body.text(), readStat(body).version], [15, "/m/c", 0]);
  assert.deepEqual([header(), body.text()], [1, "/m/s-0000000002"]);
  header();
  const stat = readStat(body);
  assert.deepEqual([stat.version, stat.dataLength, stat.mzxid], [1, 2, done.zxid]);
  assert.deepEqual([header(), header(), header(), body.isAtEnd], [13, 2, -1, true]);
  assert.deepEqual(await client.children("/m"), ["c", "s-0000000002"]);

  const failed = await client.must(
    "multi",
    multiOf([
      [OPS.create, createBody("/m/x", "", 0)],
      [OPS.check, pack("si", "/m", 5)],
      [OPS.delete, pack("si", "/m", -1)],
    ]),
  );
  const bytes = failed.body.bytes.subarray(16).toString("hex");
  assert.equal(
    bytes,
    "ffffffff000000000000000000ffffffff00ffffff99ffffff99ffffffff00fffffffefffffffeffffffff01ffffffff",
  );
  assert.equal(await client.stat("/m/x"), undefined);
  assert.equal(await client.code("multi", multiOf([[OPS.getData, pack("sb", "/m", false)]])), -5);
  assert.equal((await client.must("multi", multiOf([]))).body.bytes.subarray(16).toString("hex"), "ffffffff01ffffffff");

  const many = Array.from({ length: 1500 }, (_, nth) => `/m/many-${nth}`);
  await client.must("multi", multiOf(many.map((path) => [OPS.create, createBody(path, null, 0)])));
  assert.equal((await client.get("/m")).stat.numChildren, 1502);
  await client.must("multi", multiOf(many.map((path) => [OPS.delete, pack("si", path, -1)])));
  assert.equal((await client.get("/m")).stat.numChildren, 2);
  const read = await client.must(
    "multiRead",
    multiOf([
      [OPS.getData, pack("sb", "/m", false)],
      [OPS.getChildren, pack("sb", "/no", false)],
    ]),
  );
  assert.equal(read.body.int(), 4);
});

test("lists of rights", async () => {
  const [owner, other] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  await owner.must("auth", pack("iss", 0, "digest", "ann:secret"));
  await owner.create("/own", "mine", 0, aclOf([31, "auth", ""], [1, "ip", "10.0.0.0/8"]));
  assert.equal((await owner.get("/own")).data, "mine");
  for (const [op, body] of [
    ["getData", pack("sb", "/own", false)],
    ["exists", pack("sb", "/own", false)],
    ["getChildren", pack("sb", "/own", false)],
    ["setData", pack("ssi", "/own", "", -1)],
    ["create", createBody("/own/a", "", 0)],
    ["getACL", pack("s", "/own")],
    ["setACL", Buffer.concat([pack("s", "/own"), OPEN, pack("i", -1)])],
  ] as const)
    assert.equal(await other.code(op, body), -102, op);
  const { body } = await owner.must("getACL", pack("s", "/own"));
  const entries = body.list(() => [body.int(), body.text(), body.text()]);
  assert.deepEqual(entries, [
    [31, "digest", "ann:BxYZ9vsDPHP2Hbh9dNxO+BIvFHM="].map((one, nth) => (nth === 2 ? entries[0]?.[2] : one)),
    [1, "ip", "10.0.0.0/8"],
  ]);
  assert.equal(await owner.code("setACL", Buffer.concat([pack("s", "/own"), OPEN, pack("i", 4)])), -103);
  const set = readStat((await owner.must("setACL", Buffer.concat([pack("s", "/own"), OPEN, pack("i", 0)]))).body);
  assert.deepEqual([set.aversion, set.version], [1, 0]);
  assert.equal((await other.get("/own")).data, "mine");
  const who = (await owner.must("whoAmI")).body;
  assert.deepEqual(
    who.list(() => `${who.text()}/${who.text()}`),
    ["digest/ann", "ip/127.0.0.1"],
  );
  assert.equal(await other.code("auth", pack("iss", 0, "kerberos", "x")), -115);
  await other.closed();
});

test("containers that are empty again go, and nodes whose time is over", async () => {
  const client = await Client.open({ after }, port);
  await client.must("createContainer", createBody("/box", "", FLAGS.container));
  await client.must("createTTL", Buffer.concat([createBody("/brief", "", FLAGS.ttl), pack("l", 100)]));
  assert.equal((await client.stat("/box", true))?.ephemeralOwner, 0n);
  assert.equal((await client.stat("/brief", true))?.ephemeralOwner, 0n);
  await client.create("/box/a");
  assert.equal(await client.code("deleteContainer", Buffer.from("/box")), -111);
  await client.heard(1);
  assert.deepEqual(await client.heard(1), ["2 /brief"]);
  await client.remove("/box/a");
  assert.deepEqual(await client.heard(2), ["2 /brief", "2 /box"]);
});

test("keys of other protocols are nodes, and nodes are keys", async () => {
  const client = await Client.open({ after }, port);
  const put = (path: string, value: string) => request(config(path), { method: "PUT", body: value });
  await put("/shared/deep/key", "hello");
  assert.deepEqual(await client.get("/shared/deep/key").then(({ data, stat }) => [data, stat.version]), ["hello", 0]);
  const parent = (await client.get("/shared")).stat;
  assert.deepEqual([parent.numChildren, parent.czxid, parent.version], [1, 0n, 0]);
  assert.deepEqual((await client.get("/shared")).stat, parent);
  await put("no-path", "hidden");
  await put("/shared//odd", "hidden");
  assert.deepEqual(await client.children("/shared"), ["deep"]);
  assert.ok(!(await client.children("/")).includes("no-path"));
  // Who is told that it is there relies on it.
  assert.equal(await client.code("create", createBody("/shared", "", 0)), -110);
  await client.create("/shared/mine", "ours");
  assert.equal((await request(config("/shared/mine"))).json().value, "ours");
  await request(config("/shared/deep/key"), { method: "DELETE" });
  assert.deepEqual(await client.children("/shared"), ["mine"]);
  await client.set("/shared/mine", "theirs");
  assert.equal((await request(config("/shared/mine"))).json().value, "theirs");
});

test("words of four letters, and the admin server's commands", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/worded", "", FLAGS.ephemeral);
  await client.stat("/worded", true);
  const session = `0x${client.greeting?.session.toString(16)}`;
  const table: [string, RegExp][] = [
    ["ruok", /^imok$/],
    ["isro", /^rw$/],
    [
      "srvr",
      /^Zookeeper version: 3\.9.*\nLatency min\/avg\/max: [\d./]+\nReceived: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\nZxid: 0x[0-9a-f]+\nMode: standalone\nNode count: \d+\n$/,
    ],
    ["stat", /^Zookeeper version: .*\nClients:\n \/127\.0\.0\.1:\d+\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)\n/],
    ["mntr", /^zk_version\t3\.9.*\nzk_server_state\tstandalone\n/],
    ["envi", /^Environment:\nzookeeper\.version=3\.9/],
    [
      "conf",
      new RegExp(`^clientPort=${port}\n[^]*tickTime=2000\n[^]*minSessionTimeout=4000\nmaxSessionTimeout=40000\n`),
    ],
    ["cons", new RegExp(`recved=\\d+,sent=\\d+,sid=${session},.*to=10000,`)],
    ["dump", new RegExp(`${session}:\n\t/worded\n`)],
    ["wchs", /^\d+ connections watching \d+ paths\nTotal watches:\d+\n$/],
    ["wchc", new RegExp(`${session}\n\t/worded\n`)],
    ["wchp", new RegExp(`/worded\n\t${session}\n`)],
    ["dirs", /^datadir_size: \d+\nlogdir_size: \d+\n$/],
    ["gtmk", /^306$/],
    ["hash", /^$/],
    ["crst", /^Connection stats reset\.\n$/],
    ["srst", /^Server stats reset\.\n$/],
  ];
  for (const [letters, expected] of table) assert.match(await word({ after }, port, letters), expected, letters);
  const admin = (path: string) => request(`http://127.0.0.1:${adminPort}/commands${path}`);
  assert.ok((await admin("")).json().includes("ruok"));
  for (const name of (await admin("")).json()) {
    const told = await admin(`/${name}`);
    assert.deepEqual([told.status, told.json().command, told.json().error], [200, name, null], name);
  }
  assert.deepEqual((await admin("/dump")).json().session_id_to_ephemeral_paths[session], ["/worded"]);
  assert.equal((await admin("/srvr")).json().command, "server_stats");
  assert.match((await admin("/icfg")).json().initial_configuration, /^tickTime=2000$/m);
  assert.equal((await admin("/nothing")).status, 404);
});

test("what is below a node, and what is a session's own", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/tree");
  await client.create("/tree/a");
  await client.create("/tree/a/b", "", FLAGS.ephemeral);
  const count = async (path: string) => (await client.must("getAllChildrenNumber", pack("s", path))).body.int();
  assert.deepEqual([await count("/tree"), await count("/tree/a"), await count("/tree/a/b")], [2, 1, 0]);
  const { body } = await client.must("getEphemerals", pack("s", "/tree"));
  assert.deepEqual(
    body.list(() => body.text()),
    ["/tree/a/b"],
  );
  assert.equal((await client.must("sync", pack("s", "/tree"))).body.text(), "/tree");
  assert.deepEqual((await client.must("sasl", pack("s", ""))).body.raw(), null);
  const children = (await client.must("getChildren2", pack("sb", "/tree", false))).body;
  assert.deepEqual(
    children.list(() => children.text()),
    ["a"],
  );
  assert.equal(readStat(children).numChildren, 1);
  assert.ok(new Cut(children.bytes).int() > 0);
});
