/** What an address is, and what one is read from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLegalAddress, joinAddress, splitAddress } from "./limits.ts";

const GOOD = [
  "h",
  "web_1",
  "a.b-c.example",
  "one.example.",
  "10.0.0.7",
  "::",
  "::1",
  "::ffff:10.0.0.7",
  "fe80::1%eth0",
];
const ODD = ["büro", "web.1", "123456789012"];
const BAD = [
  "",
  " ",
  "a b",
  " h",
  "h\n",
  "h:80",
  "[::1]",
  "10.0.0.7:8080",
  "[::1]:80",
  "http://h",
  "h/x",
  "u@h",
  "a..b",
];
const WRONG = [
  ".h",
  "10.0.0.300",
  "1.2.3",
  "01.2.3.4",
  "1.2.3.4.",
  "1::2::3",
  ":::",
  "::1%",
  "12345::",
  "h#",
  "h?",
  "*",
];

test("an address is the name of a host or an IP address, alone", () => {
  for (const text of [...GOOD, ...ODD]) assert.ok(isLegalAddress(text), text);
  for (const text of [...BAD, ...WRONG, "h".repeat(64)]) assert.ok(!isLegalAddress(text), text);
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), isLegalAddress));
});

test("an address is read from what people write for one", () => {
  const cases: [string, string, number?][] = [
    [" 10.0.0.7 ", "10.0.0.7"],
    ["10.0.0.7:8080", "10.0.0.7", 8080],
    ["[::1]", "::1"],
    ["[fe80::1%lo]:80", "fe80::1%lo", 80],
    ["http://h", "h"],
    ["HTTPS://h:8443/x:1?y=http://z", "h", 8443],
    ["tcp://[::1]:0#x", "::1"],
  ];
  for (const [text, address, port] of cases)
    assert.deepEqual(splitAddress(text), port === undefined ? { address } : { address, port }, text);
  for (const text of GOOD) assert.deepEqual(splitAddress(text), { address: text });
  for (const text of ["", "h:", "h:x", "h:70000", "h:80/x", "x/y", "a b:80", "[h]:80", "[::1", "::1]:80", "http://"])
    assert.equal(splitAddress(text), undefined, text);
  for (const text of ["http://u:p@h", "u@h:80", "http:///h", "http://a b/", "//h", "unix:///run/x"])
    assert.equal(splitAddress(text), undefined, text);
});

test("an address with its port is read back", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      assert.deepEqual(splitAddress(joinAddress(host, port)), { address: host, port });
      assert.ok(URL.canParse(`http://${joinAddress(host)}`) && URL.canParse(`http://${joinAddress(host, port)}`));
    }),
  );
});

test("whatever is given is read in time that grows with its length", () => {
  for (const piece of ["a", "a.", ":", "[", "1.", "a:/", "://", "%", " "]) {
    const before = process.cpuUsage();
    splitAddress(piece.repeat(100_000));
    assert.ok(process.cpuUsage(before).user < 500_000, piece);
  }
});
