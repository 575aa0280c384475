/** Answers from a fat history, in 512 MB: each ends at some MB with the position it reached, and the store starts again. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { type Scope, until } from "../harness/scope.ts";
import { ask, memoryOf, neverRead, notHeldUp, putKeys, registerFat, startBystander, startSmall } from "./rig.ts";

const COMMITS = 40;

test("polls and events of a fat history end early and lead on", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  await putKeys(url, COMMITS, 1_000_000, 10);
  const bystander = await startBystander(t, registry);
  const revisions: number[] = [];
  for (let after = 0; revisions.length < COMMITS; ) {
    const { bytes, status, json } = await ask(`${url}/v2/default/watch?after=${after}&wait=1s`);
    assert.equal(status, 200);
    assert.ok(bytes.length < 8_000_000, `${bytes.length} bytes`);
    const { revision, commits } = json();
    for (const commit of commits) revisions.push(commit.revision);
    assert.ok(revision > after, "the position moves on");
    after = revision;
  }
  assert.deepEqual(
    revisions,
    [...revisions].sort((a, b) => a - b),
  );
  const ids = new Set<string>();
  for (let cursor = "0"; ids.size < COMMITS; ) {
    const { bytes, json } = await ask(`${url}/v2/default/events?after=${cursor}&limit=1000&type=key.put`);
    assert.ok(bytes.length < 8_000_000, `${bytes.length} bytes`);
    const page = json();
    for (const event of page.events) ids.add(event.id);
    assert.notEqual(page.cursor, cursor, "the position moves on");
    cursor = page.cursor;
  }
  const latest = (await ask(`${url}/v2/default/events?limit=1000&type=key.put`)).json();
  assert.equal(latest.events.at(-1).revision, revisions.at(-1));
  assert.ok(latest.events.length < 10);
  for (const path of ["watch?after=0&wait=1s", "events?after=0&limit=1000"]) {
    const open = await neverRead(t, registry.port(), 40, `GET /v2/default/${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.ok((await memoryOf(url)).unreadMb <= 70);
    for (const socket of open) socket.destroy();
    assert.equal((await ask(`${url}/v2/default/${path}`)).status, 200);
  }
  await notHeldUp(bystander);
  await registry.restart();
  assert.equal((await ask(`${url}/v2/default/config/fat/1?raw`)).bytes.length, 1_000_000);
  const eureka = `http://127.0.0.1:${registry.port("eureka")}/eureka/apps/delta`;
  assert.equal((await ask(eureka)).status, 200);
});

test("one commit that is long is sent as a whole", { timeout: 600_000 }, async (t) => {
  const { url } = await startSmall(t);
  await ask(`${url}/v2/default/leases`, "POST", { lease: "l", ttl: "1h" });
  const value = Buffer.alloc(1_000_000, "v");
  for (let nth = 0; nth < 8; nth++) await ask(`${url}/v2/default/config/fat/${nth}?lease=l`, "PUT", value);
  const { revision } = (await ask(`${url}/v2/default/leases/l`, "DELETE")).json();
  const { commits } = (await ask(`${url}/v2/default/watch?after=${revision - 1}&wait=1s`)).json();
  assert.equal(commits.length, 1);
  const keys = commits[0].changes.filter((change: { kind: string }) => change.kind === "key");
  assert.equal(keys.length, 8);
  assert.equal(keys[7].before.value.length, 1_000_000);
});

test("polls for a long commit that nobody reads are bounded by what they hold", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  await ask(`${url}/v2/default/leases`, "POST", { lease: "l", ttl: "1h" });
  const value = Buffer.alloc(1_000_000, "v");
  for (let nth = 0; nth < 16; nth++) await ask(`${url}/v2/default/config/long/${nth}?lease=l`, "PUT", value);
  const { revision } = (await ask(`${url}/v2/default/leases/l`, "DELETE")).json();
  // Memory no longer holds the commit: each reads it from the store.
  await putKeys(url, 20, 1_000_000, 2);
  const path = `/v2/default/watch?after=${revision - 1}&wait=1s`;
  const open = await neverRead(t, registry.port(), 40, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await until(async () => (await memoryOf(url)).unreadMb > 40, { what: "polls to be held" });
  await until(async () => (await ask(`${url}${path}`)).status === 200);
  assert.ok((await memoryOf(url)).unreadMb <= 64);
  for (const socket of open) socket.destroy();
});

test("a commit that is long goes to all who follow, also from one address", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  await ask(`${url}/v2/default/leases`, "POST", { lease: "l", ttl: "1h" });
  const more = (): object => ({ lease: "l", ttl: undefined });
  assert.equal(await registerFat(url, "x", 400, { more }), 400);
  const { revision } = (await ask(`${url}/v2/default/services/x`)).json();
  const followers = await Promise.all(
    Array.from({ length: 6 }, () => follow(t, `${url}/v2/default/watch?after=${revision}`)),
  );
  const bystander = await startBystander(t, registry);
  await ask(`${url}/v2/default/leases/l`, "DELETE");
  const last = (await ask(`${url}/v2/default/config/k`, "PUT", Buffer.from("v"))).json();
  const isThere = (chunks: readonly Buffer[]): boolean =>
    chunks.at(-1)?.includes(`"revision":${last.revision}`) === true;
  await until(() => followers.every(isThere), { what: "all to have it" });
  for (const chunks of followers) {
    const text = Buffer.concat(chunks).toString();
    const [ended, put] = Array.from(text.matchAll(/^event: change\ndata: (.*)$/gm), ([, data]) =>
      JSON.parse(data ?? ""),
    );
    assert.equal(ended.changes.filter(({ kind }: { kind: string }) => kind === "instance").length, 400);
    assert.equal(put.revision, last.revision);
  }
  assert.equal((await memoryOf(url)).cuts, 0);
  await notHeldUp(bystander);
});

test("streams of a long commit that nobody reads are bounded by what they hold", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  await ask(`${url}/v2/default/leases`, "POST", { lease: "l", ttl: "1h" });
  const value = Buffer.alloc(1_000_000, "v");
  for (let nth = 0; nth < 16; nth++) await ask(`${url}/v2/default/config/long/${nth}?lease=l`, "PUT", value);
  const { revision } = (await ask(`${url}/v2/default/leases/l`, "DELETE")).json();
  const before = await memoryOf(url);
  // Each wants something else, too: none shares its event with another.
  const path = `/v2/default/watch?after=${revision - 1}&prefix=long/&key=`;
  const opened = Array.from({ length: 24 }, (_, nth) =>
    neverRead(t, registry.port(), 1, `GET ${path}${nth} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n`),
  );
  await Promise.all(opened);
  await until(async () => (await memoryOf(url)).unreadMb > 40, { what: "streams to be held" });
  // Where there is no room it is cut, and comes again as clients do: those that stand still give way.
  const isRead = async (): Promise<boolean> => {
    const chunks = await follow(t, `${url}${path}24`, { Accept: "text/event-stream" });
    const isThere = (): boolean => Buffer.concat(chunks).includes("\n\n", 16_000_000);
    await until(() => isThere() || chunks.at(-1)?.length === 0);
    return isThere();
  };
  await until(isRead, { what: "a reader to have it all" });
  const { unreadMb } = await memoryOf(url);
  assert.ok(unreadMb <= 64, `${unreadMb} MB wait`);
  // Garbage of the reader's tries may still be there.
  await until(async () => (await memoryOf(url)).rssMb - before.rssMb < 250, { what: "memory to be given back" });
});

/** What comes in of a stream, as it comes. */
async function follow(scope: Scope, url: string, headers = {}): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  const request = get(url, { agent: false, headers });
  scope.after(() => void request.destroy());
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
  response.on("close", () => chunks.push(Buffer.alloc(0)));
  return chunks;
}
