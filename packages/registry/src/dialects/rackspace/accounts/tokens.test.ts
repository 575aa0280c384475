/** Chains of heartbeat tokens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock, LeaseRecord, Registry } from "../../../core/index.ts";
import { parseUuid } from "../wire/uuid.ts";
import { Tokens } from "./tokens.ts";

const lease: LeaseRecord = {
  id: "svc/id-1",
  ttlMs: 30_000,
  via: "rackspace",
  own: true,
  meta: {},
  held: null,
  createRevision: 7,
  modRevision: 7,
  grantedAtMs: 0,
  origin: "node",
};
const bearer = { kind: "service", account: "acme", id: "id-1" } as const;

const NOTHING = {} as Registry;

function stoppedClock(ms = 1_700_000_000_000): Clock & { ms: number } {
  const clock = { ms, now: () => clock.ms, monotonic: () => clock.ms };
  return clock;
}

test("tokens increase even when the clock stands still or steps back", () => {
  const clock = stoppedClock();
  const tokens = new Tokens(NOTHING, clock, Buffer.alloc(32, 1));
  let token = tokens.begin(bearer, lease);
  for (let i = 0; i < 100; i++) {
    if (i === 50) clock.ms -= 3_600_000;
    const next = tokens.use(bearer, lease, token);
    const [before, after] = [parseUuid(token), parseUuid(next ?? "")];
    assert.ok(before.ok && after.ok && after.value > before.value);
    token = next ?? "";
  }
});

test("what another secret, account, id, kind or incarnation made is no token here", () => {
  const clock = stoppedClock();
  const token = new Tokens(NOTHING, clock, Buffer.alloc(32, 1)).begin(bearer, lease);
  const fresh = (byte = 1) => new Tokens(NOTHING, clock, Buffer.alloc(32, byte));
  assert.ok(fresh().use(bearer, lease, token));
  assert.equal(fresh(2).use(bearer, lease, token), null);
  assert.equal(fresh().use({ ...bearer, account: "other" }, lease, token), null);
  assert.equal(fresh().use({ ...bearer, id: "id-2" }, lease, token), null);
  assert.equal(fresh().use({ ...bearer, kind: "session" }, lease, token), null);
  assert.equal(fresh().use(bearer, { ...lease, createRevision: 8 }, token), null);
});
