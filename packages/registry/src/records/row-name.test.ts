/** Names of rows, and which rows a change makes different. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change, InstanceRecord, LeaseRecord } from "../core/index.ts";
import { bytes } from "./arbitrary-rig.ts";
import { addRows, instanceRow, keyRow, leaseRow, parseRow, toStoreKey } from "./row-name.ts";

test("rows are named apart, and long names stay within the store's limit", () => {
  const plain = fc.stringMatching(/^[^\0/]{1,40}$/);
  fc.assert(
    fc.property(plain, plain, bytes, (service, id, key) => {
      assert.deepEqual(parseRow(instanceRow("a", service, id)), { kind: "instance", account: "a", service, id });
      assert.deepEqual(parseRow(keyRow("a", key)), { kind: "key", account: "a", key });
      const own = { id: `${service}/${id}`, own: true } as LeaseRecord;
      assert.equal(leaseRow("a", own), instanceRow("a", service, id));
      assert.notEqual(leaseRow("a", { ...own, own: false }), instanceRow("a", service, id));
    }),
  );
  const longest = "k".repeat(4096);
  const [one, two] = [toStoreKey(keyRow("a", `${longest}1`)), toStoreKey(keyRow("a", `${longest}2`))];
  assert.ok(one.length <= 600);
  assert.notDeepEqual(one, two);
});

test("a move to another service makes both rows dirty", () => {
  const at = (service: string) => ({ service, id: "i" }) as InstanceRecord;
  const rows = new Set<string>();
  addRows(rows, "a", [{ kind: "instance", cause: "registered", before: at("old"), after: at("new") }]);
  assert.deepEqual([...rows], [instanceRow("a", "old", "i"), instanceRow("a", "new", "i")]);
});

test("an instance and its own lease make one row dirty, another's lease a row of its own", () => {
  const lease = (id: string, own: boolean): Change => ({
    kind: "lease",
    cause: "granted",
    before: null,
    after: { id, own } as LeaseRecord,
    silence: null,
  });
  const instance = (held: string): Change => ({
    kind: "instance",
    cause: "registered",
    before: null,
    after: { service: "s", id: "i", lease: held } as InstanceRecord,
  });
  const rowsOf = (...changes: Change[]): string[] => {
    const rows = new Set<string>();
    addRows(rows, "a", changes);
    return [...rows].sort();
  };
  const [own, shared, other] = [instanceRow("a", "s", "i"), "l\0a\0s/i", instanceRow("a", "t", "j")];
  assert.deepEqual(rowsOf(lease("s/i", true), instance("s/i")), [own]);
  assert.deepEqual(rowsOf(lease("s/i", true)), [own]);
  assert.deepEqual(rowsOf(lease("s/i", false), instance("s/i")), [own, shared]);
  assert.deepEqual(rowsOf(lease("t/j", true), instance("t/j")), [own, other]);
  assert.deepEqual(rowsOf(lease("t/j", true), instance("s/i")), [own, other]);
});
