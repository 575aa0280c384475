import assert from "node:assert/strict";
import { test } from "node:test";
import { type InstanceRecord, type KeyRecord, UNSAID } from "../../core/index.ts";
import { findReplaced, judge, laidOver } from "./hold.ts";
import type { Rows } from "./state.ts";

const TIMES = { createRevision: 7, modRevision: 8, createdAtMs: 1, stampMs: 1, origin: "n" };

function instance(id: string, service = "api", port = Number(id)): InstanceRecord {
  const said = { ...UNSAID, service, id, address: "10.0.0.1", ports: { default: port }, weight: 100, via: "http" };
  return { ...said, ...TIMES, lease: `${service}/${id}`, override: null, held: null };
}

function key(name: string, lease: string | null = null): KeyRecord {
  return { key: name, value: "v", lease, atEnd: "delete", detachedAtMs: 0, version: 1, ...TIMES };
}

const some = (count: number, service?: string): InstanceRecord[] =>
  Array.from({ length: count }, (_, nth) => instance(String(nth + 1), service));
const rows = (instances: readonly InstanceRecord[], keys: readonly KeyRecord[] = []): Rows => ({
  leases: [],
  instances,
  keys,
});
const idsOf = (records: readonly InstanceRecord[]): string[] => records.map(({ id }) => id);

test("a few that are gone are gone; most of many are kept", () => {
  const found = rows(some(1));
  assert.deepEqual(judge({ known: rows(some(10)), found, forgot: false }).instances, []);
  assert.equal(judge({ known: rows(some(11)), found, forgot: false }).instances.length, 10);
  const half = judge({ known: rows(some(24)), found: rows(some(12)), forgot: false });
  assert.deepEqual(half.instances, []);
});

test("each service is judged by itself", () => {
  const known = rows([...some(12, "gone"), ...some(12, "stays")]);
  const kept = judge({ known, found: rows(some(12, "stays")), forgot: false });
  assert.deepEqual([...new Set(kept.instances.map(({ service }) => service))], ["gone"]);
});

test("an answer that is empty, and a registry that forgot, take nothing", () => {
  const known = rows(some(2), [key("a")]);
  for (const forgot of [false, true]) {
    const kept = judge({ known, found: rows([]), forgot });
    assert.deepEqual(idsOf(kept.instances), ["1", "2"]);
    assert.equal(kept.keys.length, 1);
  }
  const kept = judge({ known, found: rows([instance("2")], [key("b")]), forgot: true });
  assert.deepEqual(idsOf(kept.instances), ["1"]);
  assert.deepEqual(
    kept.keys.map((one) => one.key),
    ["a"],
  );
});

test("what was replaced, what a lease keeps, and what is reserved is not kept", () => {
  const known = rows([instance("1"), instance("2")], [key("lock", "l"), key("\0dialect")]);
  const found = rows([instance("other", "api", 1)]);
  const kept = judge({ known, found, forgot: true });
  assert.deepEqual(idsOf(kept.instances), ["2"]);
  assert.deepEqual(kept.keys, []);
});

test("what is kept is marked, has no lease, and has changed with the state", () => {
  const kept = { instances: [instance("1")], keys: [key("a")] };
  const held = { sinceMs: 5, reason: "why" };
  const all = laidOver(rows([instance("2")]), kept, 3, held);
  assert.deepEqual(idsOf(all.instances), ["2", "1"]);
  const [, one] = all.instances;
  assert.deepEqual([one?.held, one?.lease, one?.createRevision, one?.modRevision], [held, null, 3, 3]);
  assert.equal(all.keys[0]?.modRevision, 3);
  assert.deepEqual(idsOf(findReplaced(all.instances, [instance("new", "api", 1)])), ["1"]);
});
