/** Event ids, and changes as watches show them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keyOf } from "../../../../../test/harness/registry.ts";
import type { Change, LeaseRecord } from "../../core/index.ts";
import { decodeEventCursor, toChangeBody, toEventId } from "./commits.ts";

const MARK = "~abc";

test("event ids are cursors", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 999_999 }), (revision, index) =>
      assert.deepEqual(decodeEventCursor(toEventId(revision, index, MARK), MARK), { revision, index }),
    ),
  );
  assert.deepEqual(decodeEventCursor("5-1", MARK), { revision: 5, index: 1 });
  assert.equal(decodeEventCursor("5-1~other", MARK)?.revision, -1);
  for (const bad of ["", "a", "1-", "-1", "1-2-3", "1-x", "99999999999999999"])
    assert.equal(decodeEventCursor(bad, MARK), undefined);
});

test("any text is a cursor or undefined", () => {
  fc.assert(fc.property(fc.string(), (text) => void decodeEventCursor(text, MARK)));
});

test("a key that outlives its lease says so", () => {
  const lease = { id: "s", ttlMs: 5000, via: "test", own: false, meta: {}, held: null } as unknown as LeaseRecord;
  const ended: Change = { kind: "lease", cause: "closed", before: lease, after: null, silence: null };
  const before = keyOf("k", { lease: "s" });
  const stays: Change = { kind: "key", cause: "closed", before, after: keyOf("k", { version: 2 }) };
  const goes: Change = { ...stays, after: null };
  const commit = { revision: 2, account: "a", atMs: 0, orderMs: 0, nth: 0, changes: [ended, stays, goes] };
  const around = { mark: MARK, ttlMs: () => null };
  const body = toChangeBody(commit, stays, around);
  assert.equal(body.reason, "its lease s was ended by request; the key stays");
  assert.equal(body.after?.lease, null);
  assert.equal(toChangeBody(commit, goes, around).reason, "its lease s was ended by request");
});
