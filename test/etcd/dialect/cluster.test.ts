/** Members, maintenance, users and roles by gRPC, asked of the started program. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { Client, type Fields, frameOf, text } from "./client.ts";
import { startEtcd } from "./rig.ts";

const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");
const cluster = (name: string): string => `/etcdserverpb.Cluster/${name}`;
const maintenance = (name: string): string => `/etcdserverpb.Maintenance/${name}`;
const auth = (name: string): string => `/etcdserverpb.Auth/${name}`;
const WATCH = "/etcdserverpb.Watch/Watch";

const program = await startEtcd({ after }, { settings: { advertise: ["http://etcd.example:2379"] } });
const client = Client.dial({ after }, program.port("etcd"));

test("one member leads, and says where clients reach it", async () => {
  const { members, header } = await client.ask(cluster("MemberList"));
  assert.equal(header.revision, 0n);
  assert.equal(members.length, 1);
  const [{ ID, name, clientURLs, isLearner }] = members;
  assert.equal(ID, header.memberId);
  assert.deepEqual([clientURLs, isLearner], [["http://etcd.example:2379"], false]);
  assert.ok(name.length > 0);
  const status = await client.ask(maintenance("Status"));
  assert.match(status.version, /^3\.\d+\.\d+$/);
  assert.deepEqual([status.leader, status.errors, status.raftTerm], [ID, [], 2n]);
  assert.ok(status.dbSize > 0n && status.raftIndex === status.header.revision);
  assert.deepEqual((await client.ask(maintenance("Alarm"))).alarms, []);
  await client.ask(maintenance("Defragment"));
});

test("reflection names all services", async () => {
  const asked = client.session.request({
    ":method": "POST",
    ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "content-type": "application/grpc",
    te: "trailers",
  });
  asked.end(frameOf(Buffer.from([0x3a, 0])));
  let told = "";
  for await (const piece of asked) told += (piece as Buffer).toString("latin1");
  const services = ["KV", "Watch", "Lease", "Cluster", "Maintenance", "Auth"].map((name) => `etcdserverpb.${name}`);
  for (const name of [...services, "v3lockpb.Lock", "v3electionpb.Election"]) assert.ok(told.includes(name), name);
});

test("the hash of keys is of their revision alone", async () => {
  const { revision } = (await client.put("h/a", "1")).header;
  await client.put("h/b", Buffer.alloc(900_000, "b").toString());
  const now = await client.ask(maintenance("HashKV"));
  const then = await client.ask(maintenance("HashKV"), { revision });
  assert.equal(then.hashRevision, revision);
  assert.equal(now.hashRevision, now.header.revision);
  assert.notEqual(now.hash, then.hash);
  await client.put("h/c", "1");
  assert.equal((await client.ask(maintenance("HashKV"), { revision })).hash, then.hash);
  assert.notEqual((await client.ask(maintenance("Hash"))).hash, now.hash);
  assert.equal(
    await client.refusal(maintenance("HashKV"), { revision: 1_000_000n }),
    "11 etcdserver: mvcc: required revision is a future revision",
  );
});

test("what is not a client's to change is refused by a sentence", async () => {
  const refusals: readonly [string, Fields, RegExp][] = [
    [cluster("MemberAdd"), { peerURLs: ["http://x:1"] }, /^9 etcdserver: not capable: nodes of Rollcall/],
    [cluster("MemberRemove"), { ID: 5n }, /^5 etcdserver: member not found$/],
    [maintenance("Snapshot"), {}, /^12 .*`rollcall backup`/],
    [maintenance("MoveLeader"), {}, /^9 etcdserver: not capable/],
    [maintenance("Alarm"), { action: 1, alarm: 1 }, /^9 etcdserver: not capable/],
    [
      maintenance("Downgrade"),
      { action: 0, version: "nonsense" },
      /^3 etcdserver: wrong downgrade target version format$/,
    ],
    [maintenance("Downgrade"), { action: 1, version: "3.4.0" }, /^3 etcdserver: invalid downgrade target version$/],
    [maintenance("Downgrade"), { action: 2 }, /^9 etcdserver: no inflight downgrade job$/],
    [auth("UserAdd"), { name: "u", password: "p" }, /^9 etcdserver: not capable: users are accounts.*`rollcall token`/],
    [auth("AuthEnable"), {}, /^9 etcdserver: root user does not exist$/],
    [auth("Authenticate"), { name: "u", password: "p" }, /^9 etcdserver: authentication is not enabled$/],
  ];
  for (const [path, fields, told] of refusals) assert.match(await client.refusal(path, fields), told);
  assert.equal((await client.ask(auth("AuthStatus"))).enabled, false);
  // While anybody may do anything a token means nothing.
  await client.with({ token: "nonsense" }).put("a", "1");
});

test("users are accounts, passwords their tokens, and roles what these allow", async () => {
  const tokens = { admin: "adm-0123456789abcdef", writer: "wri-0123456789abcdef", reader: "rea-0123456789abcdef" };
  const closed = await startEtcd(
    { after },
    {
      config: {
        tokens: [{ name: "root", role: "admin", sha256: sha256(tokens.admin) }],
        accounts: {
          team: {
            tokens: [
              { name: "w", role: "writer", sha256: sha256(tokens.writer) },
              { name: "r", role: "reader", sha256: sha256(tokens.reader) },
            ],
          },
        },
      },
    },
  );
  const anonymous = Client.dial({ after }, closed.port("etcd"));
  assert.match(await anonymous.refusal("/etcdserverpb.KV/Range", { key: Buffer.from("a") }), /user name is empty/);
  const failed = "3 etcdserver: authentication failed, invalid user ID or password";
  for (const [name, password] of [
    ["team", "wrong"],
    ["default", tokens.writer],
    ["team", tokens.admin],
  ])
    assert.equal(await anonymous.refusal(auth("Authenticate"), { name, password }), failed);
  const login = async (name: string, password: string): Promise<Client> =>
    anonymous.with({ token: (await anonymous.ask(auth("Authenticate"), { name, password })).token });
  const [root, writer, reader] = [
    await login("root", tokens.admin),
    await login("team", tokens.writer),
    await login("team", tokens.reader),
  ];
  await writer.put("a", "1");
  assert.equal((await reader.range("a")).count, 1n);
  assert.equal((await root.range("a")).count, 0n);
  assert.match(
    await reader.refusal("/etcdserverpb.KV/Put", { key: Buffer.from("a") }),
    /^7 etcdserver: permission denied$/,
  );
  assert.match(await writer.refusal(auth("UserList")), /^7 /);
  assert.equal((await root.ask(auth("AuthStatus"))).enabled, true);
  assert.deepEqual((await root.ask(auth("UserList"))).users, ["root", "team"]);
  assert.deepEqual((await root.ask(auth("UserGet"), { name: "team" })).roles, ["reader", "writer"]);
  assert.equal(await root.refusal(auth("UserGet"), { name: "nobody" }), "9 etcdserver: user name not found");
  assert.deepEqual((await root.ask(auth("RoleList"))).roles, ["reader", "writer", "admin"]);
  const [perm] = (await root.ask(auth("RoleGet"), { role: "writer" })).perm;
  assert.deepEqual([perm.permType, text(perm.key), text(perm.rangeEnd)], [2, "\0", "\0"]);
  const talk = anonymous.with({ token: "nonsense" }).open(WATCH);
  talk.send({ requestUnion: { case: "createRequest", value: { key: Buffer.from("a") } } });
  const { created, canceled, watchId, cancelReason } = await talk.next();
  assert.deepEqual(
    [created, canceled, watchId, cancelReason],
    [true, true, -1n, "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token"],
  );
  talk.stream.close();
});
