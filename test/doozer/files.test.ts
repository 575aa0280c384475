/** Keys of the registry as Doozer's files: written, read, listed, read at older and coming revs, and refused. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { Client, STEP, startDoozer, type Told } from "./rig.ts";

const rollcall = await startDoozer({ after });
const client = await Client.open({ after }, rollcall.port("doozer"));
const rev = async (): Promise<number> => (await client.ask("REV")).rev as number;
const config = `${rollcall.url}/v2/default/config/`;
const put = (key: string, body: string) => request(`${config}${encodeURIComponent(key)}`, { method: "PUT", body });

test("a file is a key, and a key a file", async () => {
  const made = await client.set("/app/db/host", "10.0.0.5", 0);
  assert.equal(made, await rev());
  assert.equal(made % STEP, 0);
  assert.deepEqual(await client.ask("GET", { path: "/app/db/host" }), { rev: made, value: "10.0.0.5" });
  const key = (await request(`${config}%2Fapp%2Fdb%2Fhost`)).text;
  assert.match(key, /10\.0\.0\.5/);
  assert.ok((await put("/app/db/port", "5432")).status < 300);
  const told = await client.ask("GET", { path: "/app/db/port" });
  assert.equal(told.value, "5432");
});

test("every answer of every verb", async () => {
  await client.set("/t/file", "abc");
  const file = await client.set("/t/dir/one", "1");
  const table: [Parameters<Client["ask"]>, Told][] = [
    [["GET", { path: "/t/none" }], { rev: 0, value: "" }],
    [["GET", { path: "/t/dir" }], { error: "ISDIR" }],
    [["GET", { path: "/" }], { error: "ISDIR" }],
    [["GET", {}], { error: "MISSING_ARG" }],
    [["STAT", { path: "/t/dir" }], { rev: -2, len: 1 }],
    [["STAT", { path: "/t/dir/one" }], { rev: file, len: 1 }],
    [["STAT", { path: "/t/none" }], { rev: 0, len: 0 }],
    [["STAT", { path: "no path" }], { rev: 0, len: 0 }],
    [["STAT", {}], { rev: 0, len: 0 }],
    [["SET", { path: "/t/dir/one", value: "2", rev: file - 1 * STEP }], { error: "REV_MISMATCH" }],
    [["SET", { path: "/t/dir/one", value: "2", rev: 0 }], { error: "REV_MISMATCH" }],
    [["SET", { path: "/t/new", value: "2", rev: -7 }], { error: "REV_MISMATCH" }],
    [["SET", { path: "/t/dir", value: "2", rev: -1 }], { error: "ISDIR" }],
    [["SET", { path: "/", value: "2", rev: -1 }], { error: "ISDIR" }],
    [["SET", { path: "/t/file/below", value: "2", rev: -1 }], { error: "NOTDIR" }],
    [["SET", { path: "/t/a_b", value: "2", rev: -1 }], { error: "BAD_PATH" }],
    [["SET", { path: "", value: "2", rev: -1 }], { error: "BAD_PATH" }],
    [["SET", { path: "/t//x", value: "2", rev: -1 }], { error: "BAD_PATH" }],
    [["SET", { path: `/${"x".repeat(5000)}`, value: "2", rev: -1 }], { error: "BAD_PATH" }],
    [["SET", { path: "/t/x", value: "2" }], { error: "MISSING_ARG" }],
    [["SET", { value: "2", rev: -1 }], { error: "MISSING_ARG" }],
    [["DEL", { path: "/t/none", rev: -1 }], {}],
    [["DEL", { path: "/t/dir/one", rev: 0 }], { error: "REV_MISMATCH" }],
    [["DEL", { path: "/t/dir", rev: -1 }], { error: "ISDIR" }],
    [["DEL", { path: "/t/x" }], { error: "MISSING_ARG" }],
    [["GETDIR", { path: "/t/none", offset: 0 }], { error: "NOENT" }],
    [["GETDIR", { path: "/t/file", offset: 0 }], { error: "NOTDIR" }],
    [["GETDIR", { path: "/t/dir", offset: 0 }], { path: "one" }],
    [["GETDIR", { path: "/t/dir", offset: 1 }], { error: "RANGE" }],
    [["GETDIR", { path: "/t/dir", offset: -1 }], { error: "RANGE" }],
    [["GETDIR", { path: "/t/dir" }], { error: "MISSING_ARG" }],
    [["WALK", { path: "/t/*/one", offset: 0 }], { path: "/t/dir/one", value: "1", rev: file, flags: 4 }],
    [["WALK", { path: "/t/*/one", offset: 1 }], { error: "RANGE" }],
    [["WALK", { path: "/t/*/one", offset: -1 }], { error: "RANGE" }],
    [["WALK", { path: "/t/*" }], { error: "MISSING_ARG" }],
    [["WALK", { path: "a", offset: 0 }], { error: "OTHER", detail: "invalid glob pattern: a" }],
    [["WAIT", { path: "/a/", rev: 1 }], { error: "OTHER", detail: "invalid glob pattern: /a/" }],
    [["WAIT", { path: "/a" }], { error: "MISSING_ARG" }],
    [["SELF"], { value: "n1" }],
    [["ACCESS", { value: "" }], {}],
    [["ACCESS", { value: "guess" }], { error: "OTHER", detail: "permission denied" }],
    [[0], { error: "UNKNOWN_VERB" }],
    [[8], { error: "UNKNOWN_VERB" }],
  ];
  for (const [asked, told] of table) assert.deepEqual(await client.ask(...asked), told, JSON.stringify(asked));
  assert.deepEqual(await client.ask("SET", { path: "/t/dir/one", value: "2", rev: file }), { rev: await rev() });
  const before = await rev();
  assert.deepEqual(await client.ask("NOP"), {});
  assert.equal(await rev(), before + STEP, "a NOP takes a revision");
  assert.deepEqual(await client.ask("WAIT", { path: "/**", rev: before + 1 }), {
    path: "/",
    value: "",
    rev: before + STEP,
    flags: 0,
  });
  assert.deepEqual(await client.ask("DEL", { path: "/t/dir/one", rev: -1 }), {});
  assert.deepEqual(await client.ask("STAT", { path: "/t/dir" }), { rev: 0, len: 0 }, "an empty directory is gone");
});

test("lists, in the tree's order, and by globs", async () => {
  for (const path of ["/w/a/x", "/w/a-b", "/w/a.b", "/w/b/c/d", "/w/b/e", "/w/z"]) await client.set(path, path);
  assert.ok((await put("/w/member_1", "foreign")).status < 300);
  const names = async (path: string) => (await client.all("GETDIR", path)).map((told) => told.path);
  const files = async (glob: string) => (await client.all("WALK", glob)).map(({ path }) => path);
  assert.deepEqual(await names("/w"), ["a", "a-b", "a.b", "b", "member_1", "z"]);
  assert.deepEqual(await files("/w/**"), ["/w/a/x", "/w/a-b", "/w/a.b", "/w/b/c/d", "/w/b/e", "/w/member_1", "/w/z"]);
  assert.deepEqual(await files("/w/*"), ["/w/a-b", "/w/a.b", "/w/member_1", "/w/z"]);
  assert.deepEqual(await files("/w/?"), ["/w/z"]);
  assert.deepEqual(await files("/w/**/e"), ["/w/b/e"]);
  assert.deepEqual(await files("/w/*/*"), ["/w/a/x", "/w/b/e"]);
  assert.deepEqual(await files("/w/b**"), ["/w/b/c/d", "/w/b/e"]);
  assert.deepEqual(await files("/w"), []);
  // A key of others may have some below, and is then a directory.
  assert.ok((await put("/w/z/deep", "under a file")).status < 300);
  assert.deepEqual(await client.ask("GET", { path: "/w/z" }), { error: "ISDIR" });
  assert.deepEqual(await files("/w/z**"), ["/w/z/deep"]);
});

test("what was, and what is yet to come", async () => {
  const first = await client.set("/past/a", "1");
  const second = await client.set("/past/b", "2");
  await client.set("/past/a", "3");
  await client.ask("DEL", { path: "/past/b", rev: -1 });
  assert.deepEqual(await client.ask("GET", { path: "/past/a", rev: second }), { rev: first, value: "1" });
  assert.deepEqual(await client.ask("GET", { path: "/past", rev: second }), { error: "ISDIR" });
  assert.deepEqual(await client.ask("GET", { path: "/past/b", rev: first }), { rev: 0, value: "" });
  assert.deepEqual(await client.ask("STAT", { path: "/past", rev: second }), { rev: -2, len: 2 });
  assert.deepEqual(
    (await client.all("WALK", "/past/*", second)).map(({ path, value }) => [path, value]),
    [
      ["/past/a", "1"],
      ["/past/b", "2"],
    ],
  );
  assert.deepEqual(
    (await client.all("GETDIR", "/past", second)).map(({ path }) => path),
    ["a", "b"],
  );
  const now = await rev();
  const coming = client.ask("GET", { path: "/past/c", rev: now + STEP });
  const still = client.ask("GET", { path: "/past/a", rev: now });
  assert.equal((await still).value, "3", "the one that waits holds up nobody");
  const made = await client.set("/past/c", "4");
  assert.deepEqual(await coming, { rev: made, value: "4" });
});

test("answers go by their tags, in the order in which they are there", async () => {
  const start = client.order.length;
  const now = await rev();
  const wait = client.ask("WAIT", { tag: -5, path: "/tags/x", rev: now + 1 });
  const reads = [7, 2_000_000_000, 0].map((tag) => client.ask("GET", { tag, path: "/none" }));
  await Promise.all(reads);
  const made = await client.set("/tags/x", "v");
  assert.deepEqual(await wait, { path: "/tags/x", value: "v", rev: made, flags: 4 });
  assert.deepEqual([...client.order.slice(start + 1, start + 4)].sort(), [0, 2_000_000_000, 7]);
  assert.ok(client.order.slice(start + 4).includes(-5));
  // Without a tag the answer has none.
  client.socket.write(Buffer.from([0, 0, 0, 2, 0x10, 5]));
  await client.ask("REV");
  assert.deepEqual(Object.keys(client.strays.at(-1) as Told), ["rev"]);
});

test("what the cluster says of itself", async () => {
  const at = `127.0.0.1:${rollcall.port("doozer")}`;
  assert.equal((await client.ask("GET", { path: "/ctl/name" })).value, "local");
  assert.equal((await client.ask("GET", { path: "/ctl/ns/local/n1" })).value, at);
  assert.equal((await client.ask("GET", { path: "/ctl/node/n1/addr" })).value, at);
  const now = await rev();
  assert.deepEqual(
    (await client.all("GETDIR", "/ctl/ns/local", now)).map(({ path }) => path),
    ["n1"],
  );
  assert.ok((await client.all("GETDIR", "/")).some(({ path }) => path === "ctl"));
  assert.deepEqual(await client.ask("SET", { path: "/ctl/name", value: "x", rev: -1 }), { error: "READONLY" });
  // Other clusters find each other here, too.
  await client.set("/ctl/ns/other/abc", "10.0.0.9:8046", 0);
  assert.deepEqual(
    (await client.all("GETDIR", "/ctl/ns")).map(({ path }) => path),
    ["local", "other"],
  );
});
