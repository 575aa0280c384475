/** Whatever is done to either face, both say the same, and the same lease keeps both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { instanceOf, LIMITS_OF_TESTS } from "../../../../../test/harness/registry.ts";
import { createDubbo } from "../../layouts/dubbo.ts";
import { createServerset } from "../../layouts/serverset.ts";
import { Catalog } from "../catalog/state.ts";
import {
  apply,
  type Command,
  type CommandOf,
  type Layout,
  type LeaseId,
  mainPort,
  type Rules,
  statusOf,
} from "../index.ts";
import { decide } from "./command.ts";

const LAYOUTS: readonly Layout[] = [createServerset("/s/"), createServerset("/z/"), createDubbo("/d/")];
const rules: Rules = { limits: () => LIMITS_OF_TESTS, layouts: () => LAYOUTS };

const service = fc.constantFrom("web", "api");
const id = fc.constantFrom("a", "b", "member_0000000000", "member_0000000001");
const lease = fc.option(fc.constantFrom<LeaseId>("l1", "l2"));
const port = fc.nat({ max: 2 });
const key = fc
  .tuple(fc.constantFrom("/s/", "/z/", "/o/"), service, fc.constantFrom("member_0000000000", "member_0000000001", "x"))
  .map(([prefix, name, member]) => `${prefix}${name}/${member}`);
/** What is said stands in the name of the key. */
const named = fc
  .tuple(service, fc.nat({ max: 2 }), fc.constantFrom("", "&version=1"))
  .map(([name, at, more]) => `/d/${name}/providers/${encodeURIComponent(`dubbo://10.0.0.1:${at}/${name}?a=b${more}`)}`);
const anyKey = fc.oneof({ weight: 3, arbitrary: key }, { weight: 1, arbitrary: named });
const value = fc.oneof(
  fc.constantFrom("", "{}", "[1]", '{"serviceEndpoint":1}'),
  fc
    .tuple(port, fc.constantFrom("ALIVE", "DEAD", "STOPPED", "ODD"))
    .map(([at, status]) => JSON.stringify({ serviceEndpoint: { host: "10.0.0.1", port: at }, status })),
);
const instance = fc
  .tuple(service, id, port)
  .map(([name, one, at]) => instanceOf(name, one, { ports: { default: at } }));
const life = fc.oneof(
  fc.constant("permanent" as const),
  fc.constant("keep" as const),
  fc.constant({ ttlMs: 5000 }),
  lease.filter((one) => one !== null).map((one) => ({ lease: one as LeaseId })),
);

const words = fc.constantFrom<Partial<CommandOf<"put">>>(
  { atEnd: "detach" },
  { keepValue: true },
  { keepLease: true },
  { keepValue: true, keepLease: true },
  { ifAbsent: true },
  { numbered: { digits: 1 } },
  { numbered: { counter: "n", digits: 10 } },
);

const single: fc.Arbitrary<Command> = fc.oneof(
  fc.tuple(anyKey, value, lease).map(([at, bytes, by]): Command => ({ kind: "put", key: at, value: bytes, lease: by })),
  fc
    .tuple(anyKey, value, lease, words)
    .map(([at, bytes, by, more]): Command => ({ kind: "put", key: at, value: bytes, lease: by, ...more })),
  fc.tuple(instance, life).map(([one, by]): Command => ({ kind: "register", instance: one, life: by })),
  fc.tuple(service, id).map(([name, one]): Command => ({ kind: "deregister", instance: { service: name, id: one } })),
  fc.tuple(instance, life, service, id).map(
    ([one, by, name, was]): Command => ({
      kind: "register",
      instance: one,
      life: by,
      replaces: { service: name, id: was },
    }),
  ),
  fc
    .tuple(service, id, fc.constantFrom("critical" as const, null))
    .map(([name, one, status]): Command => ({ kind: "override", instance: { service: name, id: one }, status })),
  anyKey.map((from): Command => ({ kind: "delete", from })),
  fc.constantFrom<Command>({ kind: "delete", from: "/s/", to: "/s0" }, { kind: "delete", from: "/", to: "" }),
  fc.constantFrom("l1", "l2").map((one): Command => ({ kind: "end", lease: one, cause: "expired" })),
  fc.constantFrom("l1", "l2").map((one): Command => ({ kind: "grant", lease: one, ttlMs: 9000, via: "test" })),
);
const commands = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: single },
    {
      weight: 1,
      arbitrary: fc
        .array(single, { maxLength: 4 })
        .map((then): Command => ({ kind: "when", guards: [], then, otherwise: [] })),
    },
  ),
  { maxLength: 30 },
);

test("both faces say the same after any commands", () => {
  fc.assert(
    fc.property(commands, (all) => {
      const catalog = new Catalog();
      for (const command of all) {
        const stamp = { revision: catalog.revision + 1, atMs: 0, origin: "n1" };
        const decided = decide(catalog, "default", command, stamp, rules);
        if (!decided.ok || decided.value.changes.length === 0) continue;
        const { revision } = stamp;
        apply(catalog, { revision, account: "default", atMs: 0, orderMs: 0, nth: 0, changes: decided.value.changes });
        agree(catalog);
      }
    }),
    { numRuns: 500 },
  );
});

/** Each instance that an entry can say has one in each layout, unless its name is taken, and each entry is of one. */
function agree(catalog: Catalog): void {
  const entries = [...catalog.entries("default", "", "")];
  const links = new Map(entries.map((entry) => [entry.key, entry]));
  const faces = new Map<string, string[]>();
  for (const layout of LAYOUTS)
    for (const entry of entries.filter((one) => one.key.startsWith(layout.prefix))) {
      const said = layout.toInstance(entry.key, entry.value, null);
      if (said === null || mainPort(said.ports) === undefined) continue;
      const back = links.get(`\0layout/entry/${entry.key}`)?.value ?? `${said.service}/${said.id}`;
      const [name, one] = back.split("/") as [string, string];
      const record = catalog.instance("default", name, one);
      assert.ok(record, `${entry.key} is of ${back}`);
      assert.equal(record.lease, entry.lease, back);
      assert.equal(said.address, record.address);
      assert.equal(mainPort(said.ports), mainPort(record.ports));
      // What is written over an operator's word stays as it was written.
      if (record.override === null && layout.kind === "serverset") assert.equal(said.status, statusOf(record));
      faces.set(back, [...(faces.get(back) ?? []), layout.prefix]);
    }
  const account = catalog.account("default");
  for (const { service: name, id: one, ports, lease: keeps } of account?.instances() ?? []) {
    const found = faces.get(`${name}/${one}`) ?? [];
    const taken = LAYOUTS.filter(({ prefix }) => links.has(`${prefix}${name}/${one}`) && !found.includes(prefix));
    if (mainPort(ports) !== undefined) assert.equal(found.length + taken.length, LAYOUTS.length, `${name}/${one}`);
    assert.ok(keeps === null || catalog.lease("default", keeps), `${name}/${one} is kept by ${keeps}`);
  }
  for (const one of account?.leases() ?? [])
    if (one.own) {
      // A key that was an entry may stay with it.
      const { instances, keys } = catalog.members("default", one.id);
      assert.ok(instances.length + keys.length > 0, `${one.id} keeps nothing`);
    }
}
