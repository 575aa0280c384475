/** How the command line puts times into words, and rows into a table. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cell, inOrder, layOut, toAge, toLeft } from "./output.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const at = (deltaMs: number): string => new Date(NOW_MS + deltaMs).toISOString();

test("what is to come is no age, and what is over is not to come", () => {
  assert.equal(toAge(at(-5000), NOW_MS), "5s");
  assert.equal(toAge(at(5000), NOW_MS), "0s");
  assert.equal(toAge(null, NOW_MS), "-");
  assert.equal(toLeft(at(90_000), NOW_MS), "1m");
  assert.equal(toLeft(at(-90_000), NOW_MS), "0s");
});

const COLUMNS = [
  { title: "service" },
  { title: "id", whole: true },
  { title: "status", whole: true },
  { title: "version" },
  { title: "zone" },
  { title: "age", right: true },
  { title: "tags" },
];
const ROWS: readonly (readonly Cell[])[] = [
  ["checkout-service", "checkout-7d9f8b6c5d-x2k4q", "passing (held)", "2024.11.3-rc1", "-", "12d", "blue, canary"],
  ["a", "b", "passing", "-", "-", "3s", "-"],
];
const plain = (cell: Cell): string => (typeof cell === "string" ? cell : cell.text);

test("a table fits the terminal: ids stay whole, what says nothing goes first, then the last columns, by name", () => {
  for (const width of [200, 120, 100, 80, 60]) {
    const lines = layOut(COLUMNS, ROWS, width, plain);
    for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
    assert.match(lines[1] as string, /checkout-7d9f8b6c5d-x2k4q {2}passing \(held\) .* 12d/);
  }
  assert.deepEqual(layOut(COLUMNS, ROWS, 80, plain), [
    "SERVICE    ID                         STATUS          VERSION    AGE  TAGS",
    "checkout…  checkout-7d9f8b6c5d-x2k4q  passing (held)  2024.11.…  12d  blue, can…",
    "a          b                          passing         -           3s  -",
  ]);
  assert.deepEqual(layOut(COLUMNS, ROWS, 70, plain), [
    "SERVICE     ID                         STATUS          VERSION     AGE",
    "checkout-…  checkout-7d9f8b6c5d-x2k4q  passing (held)  2024.11.3…  12d",
    "a           b                          passing         -            3s",
    "no room for: tags",
  ]);
  assert.match(
    layOut(COLUMNS, ROWS, 120, plain)[0] as string,
    /VERSION {8}ZONE/,
    "an empty column stays where there is room",
  );
  assert.match(layOut(COLUMNS, ROWS, undefined, plain)[1] as string, /^checkout-service .*blue, canary$/);
});

test("what is longer than any room is not cut where people copy it", () => {
  const lines = layOut([{ title: "id", whole: true }, { title: "why" }], [["x".repeat(90), "because"]], 80, plain);
  assert.match(lines[1] as string, /^x{90}$/);
});

test("rows stand in the order that people expect", () => {
  const rows = [
    ["b", "1"],
    ["a", "i-10"],
    ["a", "i-9"],
    ["B", "0"],
    ["a", { text: "i-1", tone: "dim" }],
  ] as const;
  assert.deepEqual(
    inOrder(rows).map((row) => row.map(plain).join(" ")),
    ["a i-1", "a i-9", "a i-10", "b 1", "B 0"],
  );
});
