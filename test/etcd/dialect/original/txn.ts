/** Transactions: what is compared, what is done, and what is refused as a whole. */
import type { Plain } from "./proto.ts";
import { ask, put, range, type Talk, txn } from "./talk.ts";

const EQUAL = 0;
const GREATER = 1;
const LESS = 2;
const NOT_EQUAL = 3;
const RESULTS = [EQUAL, GREATER, LESS, NOT_EQUAL];

const VERSION = 0;
const CREATE = 1;
const MOD = 2;
const VALUE = 3;
const LEASE = 4;

const yes = (key: string): Plain => ({ request_put: { key, value: "yes" } });
const get = (key: string, more: Plain = {}): Plain => ({ request_range: { key, ...more } });
const set = (key: string, value: string, more: Plain = {}): Plain => ({ request_put: { key, value, ...more } });
const drop = (key: string, more: Plain = {}): Plain => ({ request_delete_range: { key, ...more } });
const sub = (compare: readonly Plain[], success: readonly Plain[], failure: readonly Plain[] = []): Plain => ({
  request_txn: { compare, success, failure },
});

/** Of two keys and of one that there is not, by each target, to something below, the same, and above. */
function comparisons(): Talk["steps"] {
  const unions: readonly (readonly [target: number, union: Plain])[] = [
    [VERSION, {}],
    [VERSION, { version: 0 }],
    [VERSION, { version: 2 }],
    [VERSION, { version: 3 }],
    [CREATE, { create_revision: 0 }],
    [CREATE, { create_revision: "@one" }],
    [MOD, { mod_revision: "@two" }],
    [MOD, { mod_revision: "@one" }],
    [VALUE, {}],
    [VALUE, { value: "b" }],
    [VALUE, { value: "c" }],
    [LEASE, { lease: 0 }],
    [LEASE, { lease: 4101 }],
    // The target says what is looked at, whatever is given.
    [VERSION, { value: "b" }],
  ];
  return unions.flatMap(([target, union]) =>
    RESULTS.flatMap((result) =>
      // Many in one would tell only whether all held.
      ["x/a", "x/none"].map((key) => txn([{ key, target, result, ...union }], [])),
    ),
  );
}

const COMPARES: Talk = {
  name: "compares",
  steps: [
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4101 }),
    put("x/a", "a", {}, { as: "one" }),
    put("x/a", "b", {}, { as: "two" }),
    put("x/b", "b", { lease: 4101 }),
    ...comparisons(),
    ...RESULTS.flatMap((result) => [
      txn([{ key: "x/", range_end: "x0", target: VALUE, result, value: "b" }], []),
      txn([{ key: "x/", range_end: "x0", target: VERSION, result, version: 1 }], []),
      txn([{ key: "y/", range_end: "y0", target: VERSION, result, version: 0 }], []),
      txn([{ key: "y/", range_end: "y0", target: VALUE, result, value: "" }], []),
      txn([{ key: "x/b", target: LEASE, result, lease: 4101 }], []),
    ]),
    txn([{ key: "x/b", range_end: "\0", target: VERSION, result: GREATER, version: 0 }], []),
    txn([{ key: "", target: VERSION, result: EQUAL, version: 0 }], []),
    txn(
      [
        { key: "x/a", target: VALUE, result: EQUAL, value: "b" },
        { key: "x/b", target: VALUE, result: EQUAL, value: "c" },
      ],
      [get("x/a")],
      [get("x/b")],
    ),
    ask("Lease/LeaseRevoke", { ID: 4101 }),
    range("x/b"),
  ],
};

const holds = { key: "t/a", target: VERSION, result: GREATER, version: 0 };
const fails = { key: "t/a", target: VERSION, result: EQUAL, version: 0 };

const TRANSACTIONS: Talk = {
  name: "transactions",
  steps: [
    txn([], []),
    txn([], [set("t/a", "1")]),
    txn([], [set("t/a", "2", { prev_kv: true }), get("t/a")]),
    txn([], [get("t/a"), set("t/b", "1"), get("t/", { range_end: "t0" }), drop("t/a", { prev_kv: true }), get("t/a")]),
    txn([], [set("t/a", "3")]),
    txn([holds], [get("t/a")], [get("t/b")]),
    txn([fails], [get("t/a")], [get("t/b")]),
    txn([fails], [set("t/c", "never")]),
    txn([holds, fails], [set("t/c", "never")], [set("t/d", "else")]),
    txn([], [get("t/", { range_end: "t0", count_only: true }), get("t/none")]),
    txn([], [drop("t/none"), drop("t/none", { prev_kv: true })]),
    txn([], [drop("t/none"), get("t/a")]),
    // Nested.
    txn([holds], [sub([fails], [set("t/n", "then")], [set("t/n", "else"), get("t/n")]), get("t/n")]),
    txn([], [sub([holds], [sub([holds], [set("t/deep", "1")])]), get("t/deep")]),
    txn(
      [],
      [
        set("t/o", "1"),
        sub([{ key: "t/o", target: VERSION, result: GREATER, version: 0 }], [get("t/o")], [yes("t/else")]),
      ],
    ),
    txn([], [sub([], [])]),
    // Refused.
    txn([], [set("t/a", "1"), set("t/a", "2")]),
    txn([], [set("t/a", "1"), drop("t/a")]),
    txn([], [drop("t/a"), set("t/a", "1")]),
    txn([], [drop("t/", { range_end: "t0" }), set("t/a", "1")]),
    txn([], [drop("t/", { range_end: "t0" }), set("u/a", "1"), drop("t/a")]),
    txn([], [set("t/a", "1")], [set("t/a", "2")]),
    txn([], [set("t/x", "1"), sub([], [set("t/x", "2")])]),
    txn([], [sub([], [set("t/x", "1")], [set("t/x", "2")])]),
    txn([], [sub([], [set("t/x", "1")]), sub([], [set("t/x", "2")])]),
    txn([], [drop("t/", { range_end: "t0" }), sub([], [set("t/x", "2")])]),
    txn([], [sub([], [drop("t/", { range_end: "t0" })]), set("t/x", "1")]),
    txn([], [sub([], [], [drop("t/", { range_end: "t0" })]), set("t/x", "1")]),
    txn([], [set("", "1")]),
    txn([], [get("")]),
    txn([], [drop("")]),
    txn([], [], [set("", "1")]),
    txn([], [{}]),
    txn([], [set("t/a", "1", { lease: 99_999 })]),
    txn([], [set("t/r", "1"), set("t/q", "1", { lease: 99_999 })]),
    range("t/r"),
    txn([], [set("t/none", "", { ignore_value: true })]),
    txn([], [set("t/b", "x", { ignore_value: true })]),
    txn([], [set("t/b", "", { ignore_value: true, prev_kv: true })]),
    txn([], [set("t/fresh", "1"), sub([], [set("t/fresher", "", { ignore_value: true })])]),
    txn([fails], [set("t/none", "", { ignore_value: true })], []),
    txn([], [get("t/a", { sort_order: 2, sort_target: 1, limit: 1 })]),
    ...[
      [129, 0, 0],
      [0, 129, 0],
      [0, 0, 129],
      [128, 128, 128],
    ].map(([compares = 0, then = 0, otherwise = 0]) =>
      txn(
        Array.from({ length: compares }, (_, nth) => ({ key: `m/${nth}`, target: VERSION, result: EQUAL, version: 0 })),
        Array.from({ length: then }, (_, nth) => set(`m/${nth}`, "1")),
        Array.from({ length: otherwise }, (_, nth) => set(`m/${nth}`, "2")),
      ),
    ),
    range("m/", { range_end: "m0", count_only: true }),
    txn(
      [],
      [
        sub(
          [],
          Array.from({ length: 129 }, (_, nth) => set(`m/${nth}`, "1")),
        ),
      ],
    ),
    range("t/", { range_end: "t0" }),
  ],
};

/** etcd's own recipes as clients have them. */
const RECIPES: Talk = {
  name: "recipes",
  steps: [
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4201 }),
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4202 }),
    ...[4201, 4202].map((lease) => {
      const key = `lock/${lease.toString(16)}`;
      const first = get("lock/", { range_end: "lock0", sort_order: 1, sort_target: 2, limit: 1 });
      return txn(
        [{ key, target: CREATE, result: EQUAL, create_revision: 0 }],
        [set(key, "", { lease }), first],
        [get(key), first],
        { as: `l${lease}` },
      );
    }),
    range("lock/", { range_end: "lock0", sort_order: 2, sort_target: 2, limit: 1, max_create_revision: "@l4202-1" }),
    ask("Lease/LeaseRevoke", { ID: 4201 }),
    range("lock/", { range_end: "lock0", sort_order: 1, sort_target: 2, limit: 1 }),
    ask("Lease/LeaseRevoke", { ID: 4202 }),
    txn(
      [],
      Array.from({ length: 20 }, (_, nth) => get(`conf/${nth}`, { sort_order: 2 })),
    ),
    txn([], [set("opt/a", "1")], [], { as: "opt" }),
    txn([{ key: "opt/a", target: MOD, result: EQUAL, mod_revision: "@opt" }], [set("opt/a", "2")], [get("opt/a")]),
    txn([{ key: "opt/a", target: MOD, result: EQUAL, mod_revision: "@opt" }], [set("opt/a", "3")], [get("opt/a")]),
  ],
};

export const TRANSACTED: readonly Talk[] = [COMPARES, TRANSACTIONS, RECIPES];
