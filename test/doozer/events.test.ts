/** WAIT: from the past or for the future, nothing left out, also of what changes at once; and who may do what. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import type { Rollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { Client, STEP, startDoozer, type Told } from "./rig.ts";

/** All changes from a rev on, each asked for at the rev after the one before: as the original's clients follow. */
async function follow(client: Client, glob: string, from: number, count: number): Promise<readonly Told[]> {
  const events: Told[] = [];
  for (let rev = from; events.length < count; ) {
    const told = await client.ask("WAIT", { path: glob, rev });
    events.push(told);
    rev = (told.rev as number) + 1;
  }
  return events;
}

const brief = (events: readonly Told[]) => events.map(({ path, value, flags }) => `${flags} ${path} ${value}`);

async function endLease(rollcall: Rollcall, keys: readonly string[]): Promise<void> {
  const at = `${rollcall.url}/v2/default`;
  const post = (path: string, method: string, body?: unknown) =>
    request(`${at}/${path}`, { method, ...(body === undefined ? {} : { body }) });
  assert.ok((await post("leases", "POST", { lease: "l1", ttl: "60s" })).status < 300);
  for (const key of keys)
    assert.ok((await post(`config/${encodeURIComponent(key)}?lease=l1`, "PUT", key)).status < 300);
  assert.ok((await post("leases/l1", "DELETE")).status < 300);
}

const rollcall = await startDoozer({ after });
const client = await Client.open({ after }, rollcall.port("doozer"));

test("from the past and the future", async () => {
  const first = await client.set("/e/a", "1");
  await client.set("/other", "x");
  await client.set("/e/b", "2");
  await client.ask("DEL", { path: "/e/a", rev: -1 });
  const events = follow(client, "/e/*", first, 4);
  await client.set("/e/c", "3");
  assert.deepEqual(brief(await events), ["4 /e/a 1", "4 /e/b 2", "8 /e/a ", "4 /e/c 3"]);
  assert.equal((await client.ask("WAIT", { path: "/e/a", rev: first })).rev, first);
  assert.deepEqual(brief([await client.ask("WAIT", { path: "/e/?", rev: -3 })]), ["4 /e/a 1"]);
});

test("nothing of what changes at once is left out", async () => {
  const before = (await client.ask("REV")).rev as number;
  await endLease(rollcall, ["/m/a", "/m/b", "/n/c"]);
  const all = await follow(client, "/**", before + 1, 6);
  assert.deepEqual(
    all.map(({ path, flags }) => `${flags} ${path}`),
    ["4 /m/a", "4 /m/b", "4 /n/c", "8 /m/a", "8 /m/b", "8 /n/c"],
  );
  const revs = all.map(({ rev }) => rev as number);
  assert.deepEqual(
    revs,
    [...revs].sort((a, b) => a - b),
  );
  assert.equal(revs.at(-1), (await client.ask("REV")).rev);
  assert.deepEqual(brief(await follow(client, "/n/*", before + 1, 2)), ["4 /n/c /n/c", "8 /n/c "]);
  assert.deepEqual(brief(await follow(client, "/m/*", (revs[3] as number) + 1, 1)), ["8 /m/b "]);
});

test("what history does not have any more is too late", async () => {
  const kept = await client.set("/l/a", "1");
  const made = await client.set("/l/a", "2");
  const revision = made / STEP;
  const compacted = await request(`${rollcall.url}/v2/_/compact`, { method: "POST", body: { revision } });
  assert.ok(compacted.status < 300, compacted.text);
  assert.deepEqual(await client.ask("WAIT", { path: "/l/*", rev: kept }), { error: "TOO_LATE" });
  assert.deepEqual(await client.ask("GET", { path: "/l/a", rev: kept }), { error: "TOO_LATE" });
  assert.equal((await client.ask("GET", { path: "/l/a", rev: made })).value, "2");
});

test("many wait on one connection, and what is too much is said", async () => {
  const rev = ((await client.ask("REV")).rev as number) + 1;
  const waits = Array.from({ length: 1024 }, (_, n) => client.ask("WAIT", { path: `/many/${n}`, rev }));
  assert.match((await client.ask("WAIT", { path: "/many/x", rev })).detail ?? "", /1024 requests wait/);
  await client.set("/many/1023", "v");
  assert.equal((await waits[1023])?.value, "v");
});
test("secrets are tokens, and say whose files they are", async (t) => {
  const sha = (token: string) => createHash("sha256").update(token).digest("hex");
  const config = {
    accounts: {
      blue: {
        tokens: [
          { name: "w", role: "writer", sha256: sha("write") },
          { name: "r", role: "reader", sha256: sha("read") },
        ],
      },
    },
  };
  const rollcall = await startDoozer(t, { config });
  const client = await Client.open(t, rollcall.port("doozer"));
  const denied = { error: "OTHER", detail: "permission denied" };
  for (const verb of ["GET", "STAT", "WALK", "GETDIR", "WAIT", "SET", "DEL", "NOP"] as const)
    assert.deepEqual(await client.ask(verb, { path: "/a", offset: 0, rev: 0 }), denied, verb);
  assert.equal(typeof (await client.ask("REV")).rev, "number");
  for (const value of ["", "guess"]) assert.deepEqual(await client.ask("ACCESS", { value }), denied);
  assert.deepEqual(await client.ask("ACCESS", { value: "read" }), {});
  assert.deepEqual(await client.ask("GET", { path: "/a" }), { rev: 0, value: "" });
  assert.deepEqual(await client.ask("SET", { path: "/a", value: "", rev: 0 }), denied);
  assert.deepEqual(await client.ask("ACCESS", { value: "guess" }), denied);
  assert.deepEqual(await client.ask("ACCESS", { value: "write" }), {});
  await client.set("/a", "blue's");
  const headers = { authorization: "Bearer read" };
  const { status, text } = await request(`${rollcall.url}/v2/blue/config/%2Fa`, { headers });
  assert.equal(status, 200);
  assert.match(text, /blue's/);
});
