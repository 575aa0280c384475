/** What came and went in a directory is told exactly, and never goes back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KeyRecord } from "../types.ts";
import { DirectoryIndex } from "./directories.ts";
import { AccountState } from "./state.ts";

function recordOf(key: string, createRevision: number, modRevision: number): KeyRecord {
  return { key, value: "", lease: null, version: 1, createRevision, modRevision, stampMs: 0, origin: "n" } as KeyRecord;
}

/** Puts or deletes keys of an account, one a revision. */
function accountOf(): { account: AccountState; put(key: string): number; remove(key: string): number } {
  const account = new AccountState("a", 0);
  let revision = 0;
  return {
    account,
    put(key) {
      revision++;
      account.setKey(key, recordOf(key, account.entry(key)?.createRevision ?? revision, revision), revision);
      return revision;
    },
    remove(key) {
      account.setKey(key, null, ++revision);
      return revision;
    },
  };
}

const NAMES = ["a", "b", "a/", "/a", "a/b", "a/b/c", "a/b/d", "a/c/d", "//", "b/a/b/c"];
const DIRECTORIES = ["", "/", "//", "a/", "a/b/", "a/c/", "b/", "b/a/", "b/a/b/"];

test("each change counts for all directories around the key, what came or went for its own", () => {
  const step = fc.record({ key: fc.constantFrom(...NAMES), put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { account, put, remove } = accountOf();
      const expected = new Map(DIRECTORIES.map((name) => [name, { revision: 0, children: 0 }]));
      for (const { key, put: isPut } of steps) {
        const isThere = account.entry(key) !== undefined;
        if (!isPut && !isThere) continue;
        const revision = isPut ? put(key) : remove(key);
        for (const [name, told] of expected) {
          if (!key.startsWith(name)) continue;
          told.revision = revision;
          if ((!isPut || !isThere) && !key.slice(name.length).includes("/")) told.children = revision;
        }
        for (const [name, told] of expected) assert.deepEqual(account.under(name), told, name);
      }
      // A store gives the keys back, and what it knows of the directories beside them.
      const again = new DirectoryIndex();
      for (const record of account.entries("", "")) again.restoreKey(record);
      again.restore(
        { forgotten: 0, since: 0 },
        [...expected].map(([name, told]) => ({ name, ...told })),
      );
      for (const [name, told] of expected) assert.deepEqual(again.under(name), told, `${name} again`);
    }),
  );
});

test("where an older version kept no account of deletions, no number is smaller than what it may have missed", () => {
  const index = new DirectoryIndex();
  index.restoreKey(recordOf("a/b", 3, 4));
  index.restore({ forgotten: 0, since: 9 }, [{ name: "", revision: 9, children: 0 }]);
  for (const name of ["", "a/", "c/"]) assert.deepEqual(index.under(name), { revision: 9, children: 9 }, name);
  index.note("a/c", 1, 10, 10);
  assert.deepEqual([index.under("a/").revision, index.under("c/").revision], [10, 9]);
});

test("a prefix that ends within a name is answered by the directory that it lies in", () => {
  const { account, put } = accountOf();
  put("a/bc");
  const last = put("a/x");
  assert.equal(account.under("a/b").revision, last);
  assert.equal(account.under("a").revision, last);
});

test("directories without keys are forgotten, the oldest first, and no number goes back", () => {
  const { account, put, remove } = accountOf();
  const [kept] = [put("kept/x")];
  const gone = new Map<string, number>();
  for (let i = 0; i < 25_000; i++) {
    put(`jobs/${i}/x`);
    gone.set(`jobs/${i}/`, remove(`jobs/${i}/x`));
  }
  const { directories } = account;
  assert.ok([...directories.empty()].length <= 10_000);
  assert.deepEqual(account.under("kept/"), { revision: kept, children: kept });
  for (const [name, revision] of gone) {
    const told = account.under(name).revision;
    assert.ok(revision > directories.forgotten ? told === revision : told === directories.forgotten);
  }
  // Nothing happened there that did not happen around it.
  assert.equal(account.under("kept/no/such/").revision, kept);
  const back = put("jobs/0/x");
  assert.deepEqual(account.under("jobs/0/"), { revision: back, children: back });
});

test("long names are forgotten sooner, and directories of many levels are one with what lies around them", () => {
  const { account, put, remove } = accountOf();
  const long = `${"x".repeat(4000)}/`;
  for (let i = 0; i < 1000; i++) {
    put(`${i}${long}k`);
    remove(`${i}${long}k`);
  }
  const bytes = [...account.directories.empty()].reduce((sum, { name }) => sum + name.length, 0);
  assert.ok(bytes > 0 && bytes <= 1024 * 1024);
  const deep = "/".repeat(4096);
  const came = put(deep);
  assert.deepEqual(account.under(deep), { revision: came, children: came });
  assert.deepEqual(account.under("/".repeat(32)), { revision: came, children: came });
  assert.deepEqual(account.under("/".repeat(31)), { revision: came, children: 0 });
  const went = remove(deep);
  assert.deepEqual(account.under("/".repeat(40)), { revision: went, children: went });
});
