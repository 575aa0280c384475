/** Globs, paths, frames, and that no bytes are too strange for the reader. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_BYTES_MAX, Frames } from "./frames.ts";
import { compileGlob } from "./glob.ts";
import { readRequest } from "./message.ts";
import { isLegalPath } from "./path.ts";

test("globs match as those of the original do", () => {
  const table: [string, string[], string[]][] = [
    ["/", ["/"], ["/a"]],
    ["/a", ["/a"], ["/", "/b", "/a/b", "/aa"]],
    ["/?", ["/a"], ["/", "/ab", "/a/b"]],
    ["/*", ["/", "/a", "/ab"], ["/a/b"]],
    ["/**", ["/", "/a", "/a/b/c"], []],
    ["/a/*", ["/a/", "/a/b"], ["/a", "/a/b/c"]],
    ["/a/**", ["/a/b", "/a/b/c"], ["/a", "/ab/c"]],
    ["/**/c", ["/a/c", "/a/b/c", "//c"], ["/c", "/a/cc"]],
    ["/*/b", ["/a/b"], ["/a/c/b", "/b"]],
    ["/a*b*c", ["/abc", "/axbxc", "/abbcc"], ["/ab", "/ab/c", "/xabc"]],
    ["/a.b", ["/a.b"], ["/axb"]],
    ["/**a**b", ["/xa/b", "/ab", "/a/a/b/b"], ["/b/a"]],
    ["/**/x*/y", ["/q/x/y", "/q/xx/x1/y"], ["/q/x/z/y"]],
  ];
  for (const [pattern, yes, no] of table) {
    const glob = compileGlob(pattern);
    for (const path of yes) assert.equal(glob?.matches(path), true, `${pattern} ${path}`);
    for (const path of no) assert.equal(glob?.matches(path), false, `${pattern} ${path}`);
  }
  for (const pattern of ["", "a", "/a/", "//", "/a//b", `/${"a".repeat(5000)}`])
    assert.equal(compileGlob(pattern), undefined, pattern.slice(0, 10));
});

test("globs match as regular expressions say", () => {
  const sign = fc.constantFrom("a", "b", "/", "?", "*", "**");
  const pattern = fc.array(sign, { maxLength: 10 }).map((signs) => `/${signs.join("")}`);
  const path = fc.array(fc.constantFrom("a", "b", "/"), { maxLength: 12 }).map((signs) => `/${signs.join("")}`);
  fc.assert(
    fc.property(pattern, path, (glob, text) => {
      const compiled = compileGlob(glob);
      if (compiled === undefined) return;
      const source = glob.replace(/\*\*|\*|\?/g, (star) => (star === "**" ? ".*" : star === "*" ? "[^/]*" : "[^/]"));
      const expected = new RegExp(`^${source}$`).test(text);
      assert.equal(compiled.matches(text), expected, `${glob} ${text}`);
      assert.equal(compiled.matchesWide(text), expected, `${glob} ${text}, side by side`);
      const { from, to } = compiled.range;
      if (expected && text !== "/")
        assert.ok(to === undefined ? text === from : text >= from && (to === "" || text < to));
    }),
    { numRuns: 3000 },
  );
});

test("a pattern full of stars takes no time", () => {
  const path = `/${"a".repeat(4000)}`;
  const run = "a".repeat(1500);
  for (const [pattern, expected] of [
    [`/${"**a*".repeat(500)}b`, false],
    [`/**a*${run}b`, false],
    [`/${"**/".repeat(1000)}*`, false],
    [`/**${"*a".repeat(1000)}b*`, false],
    [`/**a*${run}*?${run}**`, true],
  ] as const) {
    const from = performance.now();
    assert.equal(compileGlob(pattern)?.matches(path), expected, pattern.slice(0, 20));
    // Tried out one by one some of these take minutes.
    assert.ok(performance.now() - from < 2000, `${pattern.slice(0, 20)} takes ${performance.now() - from} ms`);
  }
});

test("paths that may be written", () => {
  for (const path of ["/", "/a", "/a/b.c-d/E9"]) assert.equal(isLegalPath(path), true, path);
  for (const path of ["", "a", "/a/", "//", "/a_b", "/a b", "/a:b", "/ä", `/${"a/".repeat(3000)}a`])
    assert.equal(isLegalPath(path), false, path.slice(0, 10));
});

test("frames are the same however they come", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 20 })), (all, cuts) => {
      const bytes = Buffer.concat(
        all.map((message) => Buffer.concat([Buffer.from([0, 0, 0, message.length]), message])),
      );
      const frames = new Frames();
      const found: string[] = [];
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const length = cuts[n] ?? 7;
        frames.push(bytes.subarray(at, at + length));
        at += length;
        for (let frame = frames.next(); frame !== undefined && frame !== "wrong"; frame = frames.next())
          found.push(frame.bytes.toString("hex"));
      }
      assert.deepEqual(
        found,
        all.map((message) => Buffer.from(message).toString("hex")),
      );
      assert.equal(frames.waiting, 0);
    }),
  );
});

test("what is too long is passed over, and what comes after it is read", () => {
  const frames = new Frames();
  const header = Buffer.alloc(4);
  header.writeInt32BE(FRAME_BYTES_MAX + 1);
  frames.push(Buffer.concat([header, Buffer.alloc(FRAME_BYTES_MAX + 1, 8), Buffer.from([0, 0, 0, 1, 9])]));
  const long = frames.next();
  assert.ok(typeof long === "object" && !long.isWhole);
  assert.deepEqual(frames.next(), { bytes: Buffer.from([9]), isWhole: true });
});

test("no bytes are too strange", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      readRequest(Buffer.from(bytes));
    }),
    { numRuns: 3000 },
  );
});
