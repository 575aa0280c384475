/** The bytes that the catalog and a draft over it hold are the sum over all records, after any commands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { instanceOf, LIMITS_OF_TESTS } from "../../../../../test/harness/registry.ts";
import { decide } from "../decide/command.ts";
import { Draft } from "../decide/draft.ts";
import { apply, type Command, statusOf } from "../index.ts";
import { restore } from "./apply.ts";
import { directoriesOf } from "./directories.ts";
import { ACCOUNT_BYTES, directoryBytes, heldBytes, serviceBytes } from "./size.ts";
import { Catalog } from "./state.ts";

function countAccount(catalog: Catalog, name: string): number {
  const account = catalog.account(name);
  if (account === undefined) return 0;
  const names = new Set([...account.directories.empty()].map(({ name }) => name));
  for (const { key } of account.entries("", "")) for (const name of directoriesOf(key)) names.add(name);
  names.delete("");
  let bytes = 0;
  for (const name of names) bytes += directoryBytes(name);
  for (const service of account.serviceStates.keys()) bytes += serviceBytes(service);
  for (const records of [account.instances(), account.leases(), account.entries("", "")])
    for (const record of records) bytes += heldBytes(record);
  return bytes;
}

function countAll(catalog: Catalog): number {
  let bytes = 0;
  for (const { name } of catalog.accounts()) bytes += ACCOUNT_BYTES + countAccount(catalog, name);
  return bytes;
}

/** Services with instances are listed in order, from any name on, and all statuses are counted. */
function checkServices(catalog: Catalog, name: string): void {
  const account = catalog.account(name);
  if (account === undefined) return;
  const names = [...account.serviceStates.values()]
    .filter(({ instances }) => instances.size > 0)
    .map((one) => one.name);
  for (const from of ["", "b", "c"])
    assert.deepEqual(
      [...account.services(from)].map((one) => one.name),
      names.filter((one) => one >= from).sort(),
    );
  const statuses = Object.fromEntries(Object.keys(account.statuses).map((status) => [status, 0]));
  for (const record of account.instances()) {
    const shown = record.held === null ? statusOf(record) : "held";
    statuses[shown] = (statuses[shown] ?? 0) + 1;
  }
  assert.deepEqual(account.statuses, statuses);
}

/** The same catalog, read from rows. */
function readAgain(catalog: Catalog): Catalog {
  const states = [...catalog.accountStates.values()];
  const rows = <R>(read: (state: (typeof states)[number]) => Iterable<R>) =>
    states.flatMap((state) => [...read(state)].map((row) => [state.name, row] as const));
  const again = new Catalog();
  restore(again, {
    ...{ revision: catalog.revision, orderMs: 0, nth: 0, floor: 0, recent: [] },
    accounts: states.map((state) => ({
      ...{ name: state.name, createdAtMs: 0, revision: 0, catalogRevision: 0, keysRevision: 0 },
      services: [...state.serviceStates.values()],
      forgottenDirectories: state.directories.forgotten,
      directoriesSince: 0,
      directories: [...state.directories.empty()],
    })),
    leases: rows((state) => state.leases()),
    instances: rows((state) => state.instances()),
    keys: rows((state) => state.entries("", "")),
  });
  return again;
}

const name = fc.constantFrom("a", "b", "a longer name than most, and ever so slightly longer");
const key = fc.constantFrom("a", "b", "a/b", "a/c/d", "a/c/e", "c/");
const meta = fc.dictionary(fc.constantFrom("k", "l"), fc.string({ maxLength: 80, unit: "grapheme" }));

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("register" as const),
    instance: fc
      .record({ service: name, id: name, meta })
      .map(({ service, id, ...rest }) => instanceOf(service, id, rest)),
    life: fc.constantFrom("permanent" as const, "keep" as const, { ttlMs: 5000 }, { lease: "a" }),
    replaces: fc.record({ service: name, id: name }),
  }),
  fc.record({ kind: fc.constant("deregister" as const), instance: fc.record({ service: name, id: name }) }),
  fc.record({
    kind: fc.constant("grant" as const),
    lease: name,
    ttlMs: fc.constantFrom(1000, 2000),
    via: fc.constant("t"),
    meta,
  }),
  fc.record({ kind: fc.constant("end" as const), lease: name, cause: fc.constant("closed" as const) }),
  fc.record({ kind: fc.constant("hold" as const), leases: fc.array(name), reason: fc.string() }),
  fc.record({
    kind: fc.constant("put" as const),
    key,
    value: fc.string({ unit: "binary-ascii" }),
    lease: fc.constantFrom(null, "a"),
  }),
  fc.record({ kind: fc.constant("delete" as const), from: key, to: fc.constantFrom("", "b") }),
);

const rules = { limits: () => LIMITS_OF_TESTS, bytesMax: () => Number.POSITIVE_INFINITY };

test("bytes are counted through every change, in drafts and from rows", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("x", "y"), command), { maxLength: 40 }), (steps) => {
      const catalog = new Catalog();
      for (const [account, one] of steps) {
        const revision = catalog.revision + 1;
        const decided = decide(catalog, account, one, { revision, atMs: 0, origin: "t" }, rules);
        if (!decided.ok) continue;
        const { changes } = decided.value;
        const draft = new Draft(catalog);
        draft.fold(account, changes, revision);
        const drafted = { bytes: draft.bytes, own: draft.count(account, "bytes") };
        // A draft does not know of new accounts, services and directories: they count once they are there.
        const known = new Set(catalog.account(account)?.serviceStates.keys());
        const directoriesBefore = catalog.account(account)?.directories.bytes ?? 0;
        const isNew = !catalog.accountStates.has(account);
        apply(catalog, { revision, account, atMs: 0, orderMs: 0, nth: 0, changes });
        let fresh = (catalog.account(account)?.directories.bytes ?? 0) - directoriesBefore;
        for (const service of catalog.account(account)?.serviceStates.keys() ?? [])
          if (!known.has(service)) fresh += serviceBytes(service);
        assert.equal(drafted.own + fresh, catalog.count(account, "bytes"));
        assert.equal(drafted.bytes + fresh + (isNew ? ACCOUNT_BYTES : 0), catalog.bytes);
        assert.equal(catalog.count(account, "bytes"), countAccount(catalog, account));
        assert.equal(catalog.bytes, countAll(catalog));
        checkServices(catalog, account);
      }
      assert.equal(readAgain(catalog).bytes, catalog.bytes);
    }),
  );
});
