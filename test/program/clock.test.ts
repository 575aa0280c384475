/** The whole program while the system's clock is wrong: times, history and holds. The rules of the clock: around/clock.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Client, createClient, type EventsBody } from "@rollcall/client";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";
import { makeWrongClock } from "../harness/wrong-clock.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Wrong {
  readonly rollcall: Rollcall;
  readonly client: Client;
  /** From now on the system's clock is off by so much. */
  set(offMs: number): void;
}

async function start(scope: Scope, offMs: number, flags: readonly string[] = []): Promise<Wrong> {
  const clock = makeWrongClock(scope, offMs);
  const rollcall = await startRollcall(scope, { flags: ["--dialects", "http", ...flags], ...clock.options });
  return { rollcall, client: createClient({ url: rollcall.url }), set: clock.set };
}

async function jumpsOf({ url }: Rollcall): Promise<number> {
  const { text } = await request(`${url}/metrics`);
  return Number(/^rollcall_clock_jumps_total (\d+)$/m.exec(text)?.[1]);
}

async function eventsOf({ url }: Rollcall): Promise<EventsBody["events"]> {
  const { status, text } = await request(`${url}/v2/default/events?after=0&limit=1000`);
  assert.equal(status, 200, text);
  return JSON.parse(text).events;
}

const awayMs = (at: string): number => Math.abs(Date.parse(at) - Date.now());
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function wrongForSeconds(t: Scope): Promise<void> {
  const { rollcall, client, set } = await start(t, 0);
  const { revision } = await client.config.put("k", "before");
  for (const [i, offMs] of [400 * DAY_MS, -400 * DAY_MS].entries()) {
    set(offMs);
    await client.config.put("k", "meanwhile");
    await until(async () => (await jumpsOf(rollcall)) === 2 * i + 1, { what: "the jump to be counted" });
    await client.registerOnce({ service: "api", id: `i${i}`, address: "h", port: 1, ttl: "60s" });
    await pause(1200);
    set(0);
    await until(async () => (await jumpsOf(rollcall)) === 2 * i + 2, { what: "the way back to be counted" });
    await client.config.put("k", "after");
  }
  const lines = rollcall.logs.map(({ msg }) => String(msg)).filter((msg) => msg.includes("clock"));
  assert.deepEqual(
    lines.map((line) => /^the system's clock jumped 400d (ahead|back); leases, holds and history/.exec(line)?.[1]),
    ["ahead", "back", "back", "ahead"],
  );
  await rollcall.restart();
  await client.config.put("k", "after a restart");
  for (const { at } of await eventsOf(rollcall)) assert.ok(awayMs(at) < 60_000, at);
  const one = await client.instance("api", "i0");
  assert.ok(awayMs(one?.createdAt ?? "") < 60_000);
  const followed = await request(`${rollcall.url}/v2/default/watch?after=${revision}&wait=1s`);
  assert.equal(followed.status, 200);
  assert.ok(awayMs(JSON.parse((await request(`${rollcall.url}/v2/_/status`)).text).startedAt) < 60_000);
}

async function wrongAtTheStart(t: Scope, offMs: number): Promise<void> {
  const { rollcall, client, set } = await start(t, offMs);
  await client.config.put("k", "wrong");
  await rollcall.restart();
  await client.registerOnce({ service: "api", id: "i", address: "h", port: 1, ttl: "60s" });
  set(0);
  await until(async () => (await jumpsOf(rollcall)) === 1, { what: "the jump to be counted" });
  // One of the years to come might be right: it is believed for ten seconds.
  await until(() => rollcall.logs.some(({ msg }) => /times shown follow/.test(String(msg))), { timeoutMs: 15_000 });
  await client.config.put("k", "right");
  const uptimeS = /^rollcall_uptime_seconds (\S+)$/m.exec((await request(`${rollcall.url}/metrics`)).text)?.[1];
  assert.ok(Number(uptimeS) < 60, uptimeS);
  await pause(1200);
  for (const round of [1, 2]) {
    const events = await eventsOf(rollcall);
    assert.ok(events.length >= 3 + round, `${events.length} events`);
    assert.ok(awayMs(events.at(-1)?.at ?? "") < 60_000);
    await rollcall.restart();
    await client.config.put("k", `after restart ${round}`);
  }
}

async function wrongForHeldOnes(t: Scope): Promise<void> {
  const { rollcall, client, set } = await start(t, 0);
  const ids = Array.from({ length: 12 }, (_, i) => `i${i}`);
  const register = (id: string) => client.registerOnce({ service: "api", id, address: id, port: 1, ttl: "1s" });
  await Promise.all(ids.map(register));
  set(HOUR_MS);
  await until(async () => (await client.leases.held()).leases.length === 12, { what: "all to be held" });
  for (const offMs of [-HOUR_MS, HOUR_MS, 0]) {
    set(offMs);
    await rollcall.restart();
    set(0);
    const { leases } = await client.leases.held();
    assert.equal(leases.length, 12);
    const { keptAliveBy } = await client.explain("api", "i0");
    const leftMs = Date.parse(keptAliveBy?.expiresAt ?? "") - Date.now() - offMs;
    assert.ok(leftMs > 9 * 60_000 && leftMs < 10 * 60_000 + 1000, `${leftMs}`);
  }
}

describe("the system's clock is wrong", { concurrency: true }, () => {
  test("for seconds: every time shown is right, history stays, followers go on, and it is told", wrongForSeconds);
  test("at a start, in 2002: times are right as soon as it is, and history stays", (t) =>
    wrongAtTheStart(t, Date.UTC(2002, 0, 1) - Date.now()));
  test("at a start, in years to come: the same, ten seconds later", (t) => wrongAtTheStart(t, 400 * DAY_MS));
  test("when they are held, or at a restart: they are held for ten minutes", wrongForHeldOnes);
});
