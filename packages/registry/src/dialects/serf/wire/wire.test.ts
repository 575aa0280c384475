/** MessagePack as other makers write it, expressions as Go reads them, and that nothing from outside is too much. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Frames } from "./frames.ts";
import { readInterest } from "./interest.ts";
import { type Read, read, type Write, write } from "./msgpack.ts";
import { compile } from "./pattern.ts";
import { Scan } from "./scan.ts";

/** Whether an expression fits; undefined when it is none, or takes too long. */
function fits(expression: string, text: string): boolean | undefined {
  const effort = { steps: 1_000_000 };
  const all = compile(expression)?.(text, effort);
  return effort.steps < 0 ? undefined : all;
}

/** Of the specification's own table of formats, and what Go's codec writes. */
const KNOWN: readonly (readonly [hex: string, value: Write])[] = [
  ["c0", null],
  ["c2", false],
  ["c3", true],
  ["00", 0],
  ["7f", 127],
  ["cc80", 128],
  ["cd0100", 256],
  ["ce00010000", 65536],
  ["cf0000000100000000", 2 ** 32],
  ["ff", -1],
  ["e0", -32],
  ["d3ffffffffffffffdf", -33],
  ["cb3ff8000000000000", 1.5],
  ["a0", ""],
  ["a3c3a461", "äa"],
  ["c40161", Buffer.from("a")],
  ["93010203", [1, 2, 3]],
  ["82a161c0a162a0", { b: "", a: null }],
];

/** Texts and bytes are the same to the reader. */
function plain(value: Write): unknown {
  if (typeof value === "string") return Buffer.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return value;
  return new Map(
    Object.entries(value)
      .sort()
      .map(([key, one]) => [key, plain(one)]),
  );
}

test("values as others write them", () => {
  for (const [hex, value] of KNOWN) {
    assert.equal(write(value).toString("hex"), hex);
    const found = read(Buffer.from(hex, "hex"), 0);
    assert.ok(typeof found === "object", hex);
    assert.deepEqual(found.value, plain(value));
    assert.equal(found.end, hex.length / 2);
  }
  for (const hex of ["d9026162", "da00026162", "db000000026162", "c500026162", "c6000000026162", "a26162"])
    assert.deepEqual(toValue(hex), Buffer.from("ab"), hex);
  for (const hex of ["d0fb", "d1fffb", "d2fffffffb", "d3fffffffffffffffb", "fb", "cac0a00000"])
    assert.equal(toValue(hex), -5, hex);
});

function toValue(hex: string): Read | string {
  const found = read(Buffer.from(hex, "hex"), 0);
  return typeof found === "object" ? found.value : found;
}

test("long ones, and any, come back as they went", () => {
  const values = [..."xyz".repeat(100), "x".repeat(70_000), Buffer.alloc(300, 1), Buffer.alloc(70_000, 2)];
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, n]));
  for (const value of [...values, Array.from({ length: 1000 }, (_, n) => n), many]) {
    const found = read(write(value), 0);
    assert.ok(typeof found === "object");
    assert.deepEqual(found.value, plain(value));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const found = read(Buffer.from(bytes), 0);
      if (typeof found === "object") assert.ok(found.end <= bytes.length);
    }),
    { numRuns: 3000 },
  );
});

test("what is too much is refused before it is there", () => {
  const limits = { bytesMax: 1000, depthMax: 4, valuesMax: 50 };
  for (const hex of [
    "dfffffffff",
    "ddffffffff",
    "dbffffffff",
    "c6ffffffff",
    "9191919191919190",
    "dc0040",
    "c1",
    "81c0c0",
  ])
    assert.equal(read(Buffer.from(hex, "hex"), 0, limits), "wrong", hex);
  for (const hex of ["", "82a161", "dc00", "a461", "cb00"])
    assert.equal(read(Buffer.from(hex, "hex"), 0, limits), "more");
});

test("values come out whole, however their bytes come in", () => {
  const bytes = write({ Command: "event", Seq: 1 }, { Name: "x".repeat(50) }, [1, [2]], null);
  for (const size of [1, 2, 7, 1000]) {
    const frames = new Frames();
    const found: Read[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      frames.push(bytes.subarray(at, at + size));
      for (let next = frames.next(); typeof next === "object"; next = frames.next()) found.push(next.value);
    }
    assert.equal(found.length, 4);
    assert.equal(frames.waiting, 0);
  }
});

test("where a value ends is found however its bytes come, and each byte is looked at once", () => {
  const limits = { bytesMax: 1000, depthMax: 4, valuesMax: 50 };
  const { tree } = fc.letrec<{ tree: Write }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.oneof(fc.string({ maxLength: 300 }), fc.integer(), fc.boolean(), fc.constant(null), fc.double()),
      fc.array(tie("tree"), { maxLength: 20 }),
      fc.dictionary(fc.string({ maxLength: 5 }), tie("tree"), { maxKeys: 20 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.oneof(
        tree.map((value) => write(value)),
        fc.uint8Array({ maxLength: 60 }),
      ),
      fc.nat(),
      (given, cut) => {
        const bytes = Buffer.from(given);
        const known = read(bytes, 0, limits);
        const scan = new Scan(limits);
        const first = scan.findEnd(bytes.subarray(0, cut % (bytes.length + 1)));
        const end = first === "more" ? scan.findEnd(bytes) : first;
        if (typeof known === "object") assert.equal(end, known.end);
        // Keys of a map are looked at when all of it is there.
        else if (known === "more") assert.ok(end === "more" || end === "wrong");
      },
    ),
    { numRuns: 3000 },
  );
  const large = write(Array.from({ length: 8000 }, (_, n) => n));
  const frames = new Frames();
  const from = performance.now();
  for (const byte of large) {
    frames.push(Buffer.from([byte]));
    frames.next();
  }
  assert.equal(frames.waiting, 0);
  assert.ok(performance.now() - from < 1000, `${performance.now() - from} ms`);
});

test("expressions match as Serf's do", () => {
  const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["", [""], ["a"]],
    ["web", ["web"], ["web1", "xweb"]],
    ["web.*", ["web", "web1"], ["xweb"]],
    ["alive|left", ["alive", "alive!", "left", "xleft"], ["failed", "xalive"]],
    ["(alive|left)", ["alive", "left"], ["xleft"]],
    ["a{2,3}", ["aa", "aaa"], ["a", "aaaa"]],
    ["a{2,}b?", ["aa", "aaaab"], ["ab"]],
    ["[a-c]+[^d]", ["abx", "ax"], ["d", "ad"]],
    ["[]x-]+", ["]x-"], ["a"]],
    ["\\d+\\.\\w*\\s", ["1.a "], ["1a"]],
    ["(?:ab)*?c", ["c", "ababc"], ["abc c"]],
    ["(?P<n>x)\\*", ["x*"], ["xx"]],
    [".", ["a"], ["\n", "ab"]],
    ["\\D", ["a"], ["1"]],
    ["((a*)*)*b", ["aab", "b"], ["aa"]],
  ];
  for (const [expression, yes, no] of table) {
    for (const text of yes) assert.equal(fits(expression, text), true, `${expression} ${text}`);
    for (const text of no) assert.equal(fits(expression, text), false, `${expression} ${text}`);
  }
  const none = ["(", ")", "[a", "a{2000}", "(?=a)", "\\p", "\\1", "[b-a]", "x".repeat(600), "(((){999}){999}){999}"];
  for (const expression of none) assert.equal(compile(expression), undefined, expression.slice(0, 20));
});

test("expressions match as the runtime's do, and take no longer for evil ones", () => {
  const part = fc.constantFrom("a", "b", ".", "a*", "b+", "a?", "(a|b)", "(ab)*", "[ab]", "[^a]", "(a|b*)+", "a{1,2}");
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 6 }),
      fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 }),
      (parts, signs) => {
        const [expression, text] = [parts.join(""), signs.join("")];
        assert.equal(fits(expression, text), new RegExp(`^${expression}$`).test(text), `${expression} ${text}`);
      },
    ),
    { numRuns: 2000 },
  );
  assert.equal(fits("(a+)+b", "a".repeat(8000)), false);
  assert.equal(fits(".*".repeat(20), "a".repeat(2000)), true);
  const from = performance.now();
  for (const evil of [".*".repeat(200), "(a?){1000}(a?){1000}", "((a|b)*c?){400}"])
    assert.equal(fits(evil, "a".repeat(8000)), undefined, evil);
  assert.ok(performance.now() - from < 3000);
});

test("what streams are about", () => {
  const interest = readInterest("member-join, user:deploy,query");
  assert.deepEqual(
    [["member-join"], ["member-leave"], ["user", "deploy"], ["user", "x"], ["query", "any"]].map(([kind = "", name]) =>
      interest?.wants(kind, name),
    ),
    [true, false, true, false, true],
  );
  assert.equal(readInterest("")?.wants("member-reap"), true);
  assert.equal(readInterest("member-jin"), undefined);
});
