/** Chains of heartbeat tokens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock, LeaseRecord, Registry } from "../../../core/index.ts";
import { parseUuid, toTicks } from "../wire/uuid.ts";
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
  const tokens = new Tokens(NOTHING, clock, () => Buffer.alloc(32, 1));
  let token = tokens.begin(bearer, lease);
  for (let i = 0; i < 100; i++) {
    if (i === 50) clock.ms -= 3_600_000;
    const next = tokens.use(bearer, lease, token);
    const [before, after] = [parseUuid(token), parseUuid(next ?? "")];
    assert.ok(before.ok && after.ok && after.value > before.value);
    token = next ?? "";
  }
});

/** Two nodes of one registry, whose clocks differ by so much. */
function twoNodes(aheadMs: number) {
  const clock = stoppedClock();
  const clockOf = (ms: number): Clock => ({ now: () => clock.ms + ms, monotonic: () => clock.ms });
  const nodeAt = (ms: number) => new Tokens(NOTHING, clockOf(ms), () => Buffer.alloc(32, 1));
  return { clock, nodes: [nodeAt(0), nodeAt(aheadMs)] as const };
}

test("a chain goes on at whichever node it is used, and what was used before is no token there", () => {
  for (const aheadMs of [0, 3_600_000, -3_600_000]) {
    const { clock, nodes } = twoNodes(aheadMs);
    const [a, b] = nodes;
    const used = [a.begin(bearer, lease)];
    for (const node of [a, a, b, a, b, b, a, b, a, a]) {
      clock.ms += 10_000;
      const next = node.use(bearer, lease, used.at(-1) ?? "");
      assert.ok(next !== null, `${aheadMs}: after ${used.length}`);
      // An answer that was lost: either node is asked again, and either answer is gone on from.
      assert.ok(a.use(bearer, lease, used.at(-1) ?? "") !== null);
      used.push(next);
    }
    const last = used.at(-1) ?? "";
    assert.ok(a.use(bearer, lease, last) && b.use(bearer, lease, last));
    for (const stale of used.slice(0, -2))
      for (const node of nodes) assert.equal(node.use(bearer, lease, stale), null, `${aheadMs}`);
  }
});

test("a lower timeout is known at the node that the chain comes to, and its tokens are good at all", () => {
  const { clock, nodes } = twoNodes(0);
  const [a, b] = nodes;
  const long = { ...lease, ttlMs: 86_400_000 };
  let token = a.begin(bearer, long);
  for (const node of [b, a]) token = node.use(bearer, long, token) ?? "";
  for (const node of [a, b, b, a, b, a]) {
    clock.ms += 1000;
    const next = node.use(bearer, lease, token);
    assert.ok(next !== null);
    token = next;
  }
  const time = parseUuid(token);
  assert.ok(time.ok && time.value <= toTicks(clock.ms + lease.ttlMs) + 10n);
});

test("what another secret, account, id, kind or incarnation made is no token here", () => {
  const clock = stoppedClock();
  const token = new Tokens(NOTHING, clock, () => Buffer.alloc(32, 1)).begin(bearer, lease);
  const fresh = (byte = 1) => new Tokens(NOTHING, clock, () => Buffer.alloc(32, byte));
  assert.ok(fresh().use(bearer, lease, token));
  assert.equal(fresh(2).use(bearer, lease, token), null);
  assert.equal(fresh().use({ ...bearer, account: "other" }, lease, token), null);
  assert.equal(fresh().use({ ...bearer, id: "id-2" }, lease, token), null);
  assert.equal(fresh().use({ ...bearer, kind: "session" }, lease, token), null);
  assert.equal(fresh().use(bearer, { ...lease, createRevision: 8 }, token), null);
});
