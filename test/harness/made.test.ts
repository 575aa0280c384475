/** What runs is made of the sources, and what is shown are the sources. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { madeOf, ROOT } from "./root.ts";

const { showSources, toMade } = (await import(pathToFileURL(join(ROOT, "scripts/make-tests.mjs")).href)) as {
  showSources(text: string): string;
  toMade(path: string): string;
};

interface ThisTakesLinesAway {
  readonly line: number;
}

const SELF = "test/harness/made.test.ts";
const LINES = readFileSync(join(ROOT, SELF), "utf8").split("\n");

test("a stack leads to the lines of the sources", () => {
  const at: ThisTakesLinesAway = { line: LINES.findIndex((line) => line.startsWith("  const stack")) + 1 };
  const stack = new Error().stack ?? "";
  assert.match(stack, /\.cache\/tests\//);
  const shown = showSources(stack);
  const column = (LINES[at.line - 1] ?? "").indexOf("new Error") + 1;
  assert.ok(shown.includes(`(${SELF}:${at.line}:${column})`), shown);
  assert.doesNotMatch(shown, /\.cache/);
});

test("a test and the runner know what is made of a file by one name", () => {
  assert.equal(madeOf(SELF), toMade(SELF));
  assert.equal(toMade("test/client/relay.mjs"), "test/client/relay.mjs");
});
