/** Names of rows, and which rows a change makes different. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change, InstanceRecord, LeaseRecord } from "../../core/index.ts";
import { bytes } from "../arbitrary-rig.ts";
import {
  addOlderRows,
  addRows,
  type DirtyRows,
  instanceRow,
  keyRow,
  leaseRow,
  parseRow,
  toStoreKey,
} from "./row-name.ts";

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
  const rows: DirtyRows = new Map();
  addRows(rows, "a", [{ kind: "instance", cause: "registered", before: at("old"), after: at("new") }]);
  assert.deepEqual([...rows.keys()], [instanceRow("a", "old", "i"), instanceRow("a", "new", "i")]);
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
    const rows: DirtyRows = new Map();
    addRows(rows, "a", changes);
    return [...rows.keys()].sort();
  };
  const [own, shared, other] = [instanceRow("a", "s", "i"), "l\0a\0s/i", instanceRow("a", "t", "j")];
  assert.deepEqual(rowsOf(lease("s/i", true), instance("s/i")), [own]);
  assert.deepEqual(rowsOf(lease("s/i", true)), [own]);
  assert.deepEqual(rowsOf(lease("s/i", false), instance("s/i")), [own, shared]);
  assert.deepEqual(rowsOf(lease("t/j", true), instance("t/j")), [own, other]);
  assert.deepEqual(rowsOf(lease("t/j", true), instance("s/i")), [own, other]);
});

test("a dirty row knows the latest record of each side, also when older rows come back", () => {
  const instance = (weight: number) => ({ service: "s", id: "i", lease: "s/i", weight }) as InstanceRecord;
  const lease = { id: "s/i", own: true } as LeaseRecord;
  const granted: Change = { kind: "lease", cause: "granted", before: null, after: lease, silence: null };
  const became = (before: InstanceRecord | null, after: InstanceRecord | null): Change =>
    ({ kind: "instance", cause: "registered", before, after }) as Change;
  const older: DirtyRows = new Map();
  addRows(older, "a", [granted, became(null, instance(1))]);
  assert.deepEqual(older.get(instanceRow("a", "s", "i")), {
    account: "a",
    instance: instance(1),
    lease,
    entry: undefined,
  });
  const rows: DirtyRows = new Map();
  addRows(rows, "a", [became(instance(1), instance(2))]);
  addRows(rows, "a", [became(instance(2), null)]);
  addOlderRows(rows, older);
  assert.deepEqual([...rows.values()], [{ account: "a", instance: null, lease, entry: undefined }]);
});
