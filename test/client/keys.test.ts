/** Configuration that follows, locks and elections, against a running registry that comes and goes. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Client, createClient, type LiveValue, RollcallError, type Turn } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const data = temporaryDirectory({ after });
const registry = await startRollcall({ after }, { flags: ["--data", data] });
const rollcall = createClient({ url: registry.url });
const other = createClient({ url: registry.url });

function closing<T extends { close(): void }>(closable: T): T {
  after(() => closable.close());
  return closable;
}

test("a value follows its key, by the kind of its default; what is none leaves the one before", async () => {
  const told: unknown[] = [];
  const bad: string[] = [];
  const options = {
    onChange: (value: unknown) => void told.push(value),
    onInvalid: (_: unknown, t: string) => void bad.push(t),
  };
  const limit = closing(rollcall.config.follow("app/limit", 10, options));
  const mode = closing(rollcall.config.follow("app/mode", "light"));
  const on = closing(rollcall.config.follow("app/on", false));
  const list = closing(rollcall.config.follow("app/list", ["a"]));
  const own = closing(rollcall.config.follow("app/own", 0, { parse: (text) => text.length }));
  const all: readonly LiveValue<unknown>[] = [limit, mode, on, list, own];
  await Promise.all(all.map(({ ready }) => ready));
  assert.deepEqual(
    all.map(({ value, stale, revision }) => [value, stale, revision]),
    [
      [10, false, 0],
      ["light", false, 0],
      [false, false, 0],
      [["a"], false, 0],
      [0, false, 0],
    ],
  );
  const { revision } = await rollcall.config.put("app/limit", "25");
  await rollcall.config.put("app/mode", "dark");
  await rollcall.config.put("app/on", "true");
  await rollcall.config.put("app/list", '["b","c"]');
  await rollcall.config.put("app/own", "four");
  await until(() => own.value === 4);
  await until(() => JSON.stringify(all.map(({ value }) => value)) === '[25,"dark",true,["b","c"],4]');
  assert.equal(limit.revision, revision);
  for (const text of ["", "many", "NaN"]) await rollcall.config.put("app/limit", text);
  await rollcall.config.put("app/limit", Buffer.from([0xff, 0xfe]));
  await until(() => bad.length === 4);
  assert.equal(limit.value, 25);
  await rollcall.config.delete("app/limit");
  await until(() => limit.value === 10);
  assert.equal(limit.revision, 0);
  assert.deepEqual(told, [25, 10]);
});

test("a value is there before the registry, stays while that is away, and is right when it is back", async () => {
  await rollcall.config.put("away/key", "1");
  const value = closing(rollcall.config.follow("away/key", 0));
  assert.deepEqual([value.value, value.stale], [0, true]);
  await value.ready;
  assert.equal(value.value, 1);
  await registry.kill("SIGKILL");
  await until(() => value.stale);
  assert.equal(value.value, 1);
  await registry.restart();
  await rollcall.config.put("away/key", "2");
  await until(() => value.value === 2 && !value.stale);
  const refused = closing(createClient({ url: registry.url, account: "no such" }).config.follow("k", "x"));
  await assert.rejects(refused.ready, RollcallError);
  assert.equal(refused.value, "x");
});

test("a lock is had by one at a time, in the order in which they came, and fences grow", async () => {
  const order: number[] = [];
  let inside = 0;
  const first = await rollcall.locks.acquire("jobs", { value: "first" });
  const waiting: Promise<void>[] = [];
  for (const [nth, client] of [rollcall, other, rollcall, other].entries()) {
    waiting.push(
      client.locks.with("jobs", async ({ fence }) => {
        assert.equal(++inside, 1);
        order.push(nth);
        assert.ok(fence > first.fence);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside--;
      }),
    );
    await until(async () => (await rollcall.config.list({ prefix: "jobs/" })).keys.length === nth + 2);
  }
  assert.equal(
    (await rollcall.config.list({ prefix: "jobs/" })).keys.find(({ key }) => key === first.key)?.value,
    "first",
  );
  assert.deepEqual(order, []);
  await first.release();
  await Promise.all(waiting);
  assert.deepEqual(order, [0, 1, 2, 3]);
  assert.deepEqual((await rollcall.config.list({ prefix: "jobs/" })).keys, []);
  // A name that another one begins with is not the same.
  const near = await rollcall.locks.acquire("job", { waitMs: 5000 });
  await near.release();
  for (const name of ["", "jobs/"]) await assert.rejects(rollcall.locks.acquire(name), { code: "invalid" });
});

test("who gives up waiting leaves nothing behind", async () => {
  const holder = await rollcall.locks.acquire("busy");
  await assert.rejects(other.locks.acquire("busy", { waitMs: 200 }), { code: "timeout" });
  const stop = new AbortController();
  const waiting = other.locks.acquire("busy", { signal: stop.signal });
  await until(async () => (await rollcall.config.list({ prefix: "busy/" })).keys.length === 2);
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  assert.equal((await rollcall.config.list({ prefix: "busy/" })).keys.length, 1);
  await assert.rejects(other.locks.acquire("busy", { signal: AbortSignal.abort(new Error("never")) }), {
    message: "never",
  });
  await holder.release();
  await holder.release();
});

test("work that fails releases its lock", async () => {
  await assert.rejects(
    rollcall.locks.with("failing", async () => Promise.reject(new Error("boom"))),
    { message: "boom" },
  );
  await (await other.locks.acquire("failing", { waitMs: 5000 })).release();
});

/** What the signal was aborted with. */
async function lossOf({ signal }: Turn): Promise<RollcallError> {
  await until(() => signal.aborted, { what: "the loss" });
  return signal.reason as RollcallError;
}

test("a turn is lost when its lease ends, and when the registry is away for longer than it", async () => {
  const turn = await rollcall.locks.acquire("short", { ttl: "2s" });
  await rollcall.leases.end(turn.key.slice("short/".length));
  assert.equal((await lossOf(turn)).code, "lost");
  await assert.rejects(turn.say("x"), { code: "lost" });

  const apart = await rollcall.locks.acquire("short", { ttl: "2s" });
  const kept = await rollcall.locks.acquire("long", { ttl: "60s" });
  await registry.kill("SIGKILL");
  assert.match((await lossOf(apart)).message, /out of reach for the time to live/);
  assert.equal(kept.signal.aborted, false);
  await registry.restart();
  await kept.release();
  const next = await other.locks.acquire("short", { ttl: "2s" });
  assert.ok(next.fence > apart.fence);
  await next.release();
});

test("an election: one leads, others see who, and the lead passes on", async () => {
  const seen: (string | null)[] = [];
  const stop = new AbortController();
  const observed = (async () => {
    for await (const leader of other.elections.observe("boss", { signal: stop.signal }))
      seen.push(leader?.value ?? null);
  })();
  await until(() => seen.length === 1);
  const campaign = (client: Client, value: string) => client.elections.campaign("boss", value);
  const a = await campaign(rollcall, "a");
  const b = campaign(other, "b");
  await until(async () => (await rollcall.config.list({ prefix: "boss/" })).keys.length === 2);
  assert.equal((await other.elections.leader("boss"))?.value, "a");
  await a.say("a2");
  await until(() => seen.includes("a2"));
  await a.release();
  assert.ok((await b).fence > a.fence);
  await until(() => seen.at(-1) === "b");
  await (await b).release();
  await until(() => seen.at(-1) === null);
  stop.abort();
  await observed;
  assert.deepEqual(seen, [null, "a", "a2", "b", null]);
  assert.equal(await other.elections.leader("boss"), null);
});
