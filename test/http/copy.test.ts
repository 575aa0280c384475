/** What agents are sent and send: an account as it is stored, its commits, and commands of the core. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { openStream, revisionIn } from "../harness/requests.ts";
import { openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const open = openApi(rollcall.url);
const RESERVED = "\0test/own";
await open.ok("POST", "/v2/acme/commands", { command: { kind: "put", key: RESERVED, value: "secret" } });
await open.ok("PUT", "/v2/acme/config/k", "v");
const check = { id: "c", kind: "http", target: "http://127.0.0.1:1/", interval: "1h", headers: { Authorization: "x" } };
await open.ok("PUT", "/v2/acme/services/web/instances/w1", { address: "h", ttl: 0, checks: [check] });

const { token: adminToken } = await open.ok("POST", "/v2/_/tokens", { name: "root", role: "admin" });
const bearer = (token: string) => openApi(rollcall.url, { authorization: `Bearer ${token}` });
const admin = bearer(adminToken);
const tokenOf = async (role: string): Promise<string> =>
  (await admin.ok("POST", "/v2/_/tokens", { name: role, role, account: "acme" })).token;
const [readerToken, writerToken] = [await tokenOf("reader"), await tokenOf("writer")];
const [reader, writer] = [bearer(readerToken), bearer(writerToken)];

type Row = readonly [kind: string, record: { readonly key?: string; readonly checks?: readonly { probe?: object }[] }];

test("a copy has everything for those who may do everything, and what may be seen for others", async () => {
  for (const [api, isWhole] of [
    [admin, true],
    [writer, false],
    [reader, false],
  ] as const) {
    const copy = await api.ok("GET", "/v2/acme/copy");
    assert.equal(copy.isWhole, isWhole);
    const rows = copy.rows as Row[];
    const keys = rows.flatMap(([kind, { key }]) => (kind === "key" ? key : []));
    assert.deepEqual(keys, isWhole ? [RESERVED, "k"] : ["k"]);
    const instance = rows.find(([kind]) => kind === "instance")?.[1];
    const isShown = instance?.checks?.some(({ probe }) => probe !== undefined && "headers" in probe);
    assert.equal(isShown, isWhole, "what checks send is shown to nobody else");
    const head = await api.ok("GET", "/v2/acme/copy?head");
    assert.ok(head.accountRevision <= head.revision && head.revision >= copy.revision);
  }
  const none = await admin.ok("GET", "/v2/nobody/copy");
  assert.deepEqual([none.account.revision, none.rows], [0, []]);
});

test("every commit of the account comes, one without changes where nothing of it may be seen", async (t) => {
  const { position } = await reader.ok("GET", "/v2/acme/copy");
  const url = `${rollcall.url}/v2/acme/copy?after=${encodeURIComponent(position)}`;
  const stream = await openStream(t, url, { headers: { authorization: `Bearer ${readerToken}` } });
  await stream.find(({ event }) => event === "ready");
  await admin.ok("PUT", "/v2/other/config/k", "not of this account");
  const hidden = await admin.ok("POST", "/v2/acme/commands", { command: { kind: "put", key: RESERVED, value: "2" } });
  const seen = await admin.ok("PUT", "/v2/acme/config/k", "2");
  await stream.find(({ event, id }) => event === "commit" && revisionIn(id) === seen.revision);
  const commits = stream.events
    .filter(({ event }) => event === "commit")
    .map(({ data }) => JSON.parse(data))
    // The check of the instance may have its first result meanwhile.
    .filter(({ changes }) => changes.every(({ kind }: { kind: string }) => kind === "key"));
  assert.deepEqual(
    commits.map(({ revision, changes }) => [revision, changes.length]),
    [
      [hidden.revision, 0],
      [seen.revision, 1],
    ],
  );
});

test("a position of another order is told to read again", async (t) => {
  const headers = { authorization: `Bearer ${readerToken}` };
  const stream = await openStream(t, `${rollcall.url}/v2/acme/copy?after=1~other`, { headers });
  await stream.find(({ event }) => event === "resync");
});

test("a writer sends what writes what may be seen, and nothing else", async () => {
  const put = { kind: "put", key: "sent", value: "v", lease: null };
  const done = await writer.ok("POST", "/v2/acme/commands", { command: put });
  assert.equal(done.commit.revision, done.revision);
  assert.equal((await reader.ok("GET", "/v2/acme/config/sent")).value, "v");
  const again = { ...put, ifAbsent: true };
  await writer.refused(412, "exists", "POST", "/v2/acme/commands", { command: again });
  const infinite = { kind: "grant", lease: "for-ever", ttlMs: { "~": "number", v: "Infinity" }, via: "test" };
  await writer.ok("POST", "/v2/acme/commands", { command: infinite });
  for (const command of [
    { kind: "plan", name: "http/patch", input: {} },
    { ...put, key: RESERVED },
    { ...put, value: 1 },
  ])
    await writer.refused(403, "forbidden", "POST", "/v2/acme/commands", { command });
  await reader.refused(403, "forbidden", "POST", "/v2/acme/commands", { command: put });
  await writer.refused(400, "invalid", "POST", "/v2/acme/commands", {});
  await admin.refused(501, "unsupported", "POST", "/v2/acme/commands", { command: { kind: "plan", name: "no/plan" } });
});
