/** Keys: put, read, deleted, each by itself. */
import { ask, endOf, put, range, remove, type Talk } from "./talk.ts";

const ALL = { range_end: "\0" };
const MOD = 3;

/** Of the keys up to the limit alone. */
const CUT_FIRST = { differs: "without an order etcd cuts before it sorts; here what is cut is sorted" };

/** Every order of every target, whole and cut. */
function sorted(prefix: string): Talk["steps"] {
  const steps = [];
  for (const sort_target of [0, 1, 2, 3, 4])
    for (const sort_order of [0, 1, 2])
      for (const limit of [0, 2]) {
        const isCutFirst = sort_target === MOD && sort_order === 0 && limit > 0;
        const asked = { range_end: endOf(prefix), sort_target, sort_order, limit };
        steps.push(range(prefix, asked, isCutFirst ? CUT_FIRST : {}));
      }
  return steps;
}

const PUTS: Talk = {
  name: "puts",
  steps: [
    put("p/a", "1"),
    put("p/a", "2", { prev_kv: true }),
    put("p/a", "2", { prev_kv: true }),
    put("p/b", "", { prev_kv: true }),
    range("p/a"),
    range("p/b"),
    put("", "x"),
    put("p/a", "x", { ignore_value: true }),
    put("p/a", "", { ignore_value: true, prev_kv: true }),
    put("p/none", "", { ignore_value: true }),
    put("p/none", "x", { ignore_lease: true }),
    put("p/a", "3", { ignore_lease: true }),
    put("p/a", "3", { ignore_lease: true, lease: 5 }),
    put("p/a", "", { ignore_lease: true, ignore_value: true }),
    put("p/a", "4", { lease: 99_999 }),
    put("p/a", "4", { lease: -1 }),
    range("p/a"),
    remove("p/a", { prev_kv: true }),
    put("p/a", "5"),
    range("p/a"),
    put("p/\x00\x01", "\xff\xfe\x00"),
    range("p/\x00\x01"),
    put("p/\xc3\xbc", "\xc3\xbc"),
    range("p/", { range_end: "p0", keys_only: true }),
    put("p/long", "v".repeat(100_000)),
    range("p/long", { keys_only: true }),
  ],
};

const RANGES: Talk = {
  name: "ranges",
  steps: [
    ...["r/b", "r/a", "r/d", "r/c"].map((key, nth) => put(key, `v${(nth * 3) % 4}`, {}, { as: `r${nth}` })),
    put("r/a", "v9", {}, { as: "again" }),
    put("r", "above"),
    put("r0", "behind"),
    range("r/a"),
    range("r/none"),
    range(""),
    range("", ALL),
    range("r/b", { range_end: "r/d" }),
    range("r/b", { range_end: "r/b\0" }),
    range("r/d", { range_end: "r/b" }),
    range("r/b", { range_end: "r/b" }),
    range("r/", { range_end: "r0", count_only: true }),
    range("r/", { range_end: "r0", keys_only: true }),
    range("r/", { range_end: "r0", count_only: true, limit: 1 }),
    range("r/", { range_end: "r0", limit: 1 }),
    range("r/", { range_end: "r0", limit: 4 }),
    range("r/", { range_end: "r0", limit: 5 }),
    range("r/", { range_end: "r0", limit: -1 }),
    range("r/", { range_end: "r0", limit: 2, serializable: true }),
    range("r/b", { limit: 1, serializable: true, keys_only: true }),
    ...sorted("r/"),
    range("r/", { range_end: "r0", sort_order: 9 }),
    ...["min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"].flatMap((bound) =>
      ["@r1", "@again", "@r3"].flatMap((revision) => [
        range("r/", { range_end: "r0", [bound]: revision }),
        range("r/", { range_end: "r0", [bound]: revision, limit: 1 }),
        range("r/", { range_end: "r0", [bound]: revision, count_only: true }),
      ]),
    ),
    range("r/", { range_end: "r0", min_mod_revision: "@r1", max_create_revision: "@r2" }),
    range("r/", { range_end: "r0", min_mod_revision: "@r3", max_mod_revision: "@r1" }),
    range("r/", { range_end: "r0", revision: "@r1" }),
    range("r/", { range_end: "r0", revision: "@r2", limit: 2, sort_order: 2, sort_target: 3 }),
    range("r/", { range_end: "r0", revision: "@again", count_only: true }),
    range("r/a", { revision: "@r0" }),
    range("r/a", { revision: "@r1" }),
    range("r/a", { revision: "@again" }),
    range("r/a", { revision: "@again+100000" }),
    range("r/a", { revision: -1 }),
    range("s", ALL),
    range("r0", ALL),
    range("\0", { range_end: "\0", limit: 1, keys_only: true, count_only: true, revision: "@r0" }, { isShape: true }),
  ],
};

const REMOVES: Talk = {
  name: "removes",
  steps: [
    ...["d/a", "d/b", "d/c", "d/d", "d/e"].map((key) => put(key, key)),
    remove("d/none"),
    remove("d/none", { prev_kv: true }),
    remove(""),
    remove("d/a"),
    remove("d/a"),
    remove("d/b", { prev_kv: true }),
    remove("d/c", { range_end: "d/e", prev_kv: true }, { as: "range" }),
    range("d/", { range_end: "d0" }),
    range("d/", { range_end: "d0", revision: "@range-1" }),
    range("d/c", { revision: "@range" }),
    remove("d/z", { range_end: "d/a" }),
    put("d/c", "again"),
    remove("d/", { range_end: "d0" }),
    range("d/", { range_end: "d0" }),
    remove("d/", { range_end: "d0", prev_kv: true }),
  ],
};

/** What is thrown away of the past is gone for all, so it comes last. */
export const COMPACTION: Talk = {
  name: "compaction",
  steps: [
    put("c/a", "1", {}, { as: "one" }),
    put("c/a", "2", {}, { as: "two" }),
    put("c/b", "1", {}, { as: "b" }),
    remove("c/b", {}, { as: "gone" }),
    put("c/a", "3", {}, { as: "three" }),
    ask("KV/Compact", { revision: "@three+100000" }),
    ask("KV/Compact", { revision: "@two" }),
    ask("KV/Compact", { revision: "@two" }),
    ask("KV/Compact", { revision: "@one" }),
    range("c/a", { revision: "@one" }),
    range("c/a", { revision: "@two" }),
    range("c/b", { revision: "@b" }),
    range("c/a", { revision: "@three" }),
    range("c/a"),
    ask("KV/Compact", { revision: "@three", physical: true }),
    range("c/b", { revision: "@b" }),
    range("c/", { range_end: "c0" }),
    range("c/a", { revision: 1 }),
    ask("KV/Compact", { revision: 0 }),
    ask("KV/Compact", { revision: -1 }),
    ask("KV/Txn", { success: [{ request_range: { key: "c/a", revision: "@one" } }] }),
    ask("KV/Txn", { success: [{ request_range: { key: "c/a", revision: "@three+100000" } }] }),
  ],
};

export const KEYS: readonly Talk[] = [PUTS, RANGES, REMOVES];
