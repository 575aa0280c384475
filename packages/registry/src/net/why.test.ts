/** Errors of the system: the same words whether Node or a library reports them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { nameOf, sayWhy } from "./why.ts";

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("an error by name and one by number are said alike", () => {
  const missing = thrownBy(() => readFileSync("/nowhere/at/all"));
  assert.equal(sayWhy(missing), "there is no such file or directory (ENOENT)");
  assert.equal(sayWhy(Object.assign(new Error("x"), { code: 2 })), "there is no such file or directory (ENOENT)");
  assert.equal(sayWhy(Object.assign(new Error("x"), { code: 30 })), "the file system is read-only (EROFS)");
});

test("a used-up quota has a name, which Node lacks", () => {
  const words = "the quota of this user on the disk is used up (EDQUOT)";
  assert.equal(sayWhy(Object.assign(new Error("x"), { code: 122 })), words);
  assert.equal(sayWhy(Object.assign(new Error("x"), { code: "Unknown system error -122", errno: -122 })), words);
});

test("anything else keeps its own words", () => {
  assert.equal(sayWhy(new Error("a sentence")), "a sentence");
  assert.equal(sayWhy(Object.assign(new Error("of the library"), { code: -30798 })), "of the library");
  assert.equal(nameOf(Object.assign(new Error("x"), { code: -30798 })), undefined);
  assert.equal(sayWhy("thrown bare"), "thrown bare");
});
