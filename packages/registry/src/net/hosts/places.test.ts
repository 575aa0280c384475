/** Where checks may go, by addresses in all their spellings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { embeddedIPv4, readPlaces, refusePlace, sameAddress } from "./places.ts";

function placesOf(text: string) {
  const read = readPlaces(text);
  assert.ok(read.ok, text);
  return read.value;
}

const NEVER = [
  "169.254.169.254",
  "169.254.0.1",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "0.0.0.0",
  "0.1.2.3",
  "224.0.0.1",
  "255.255.255.255",
  "fe80::1",
  "febf::1",
  "fe80::1%lo",
  "fd00:ec2::254",
  "fd00:0ec2:0:0:0:0:0:23",
  "fd20:ce::254",
  "ff02::1",
  "::",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "0:0:0:0:0:ffff:a9fe:a9fe",
  "::169.254.169.254",
  "::ffff:0:169.254.169.254",
  "64:ff9b::169.254.169.254",
  "64:ff9b:1::a9fe:a9fe",
  "2002:a9fe:a9fe::1",
  "fe80::5efe:169.254.169.254",
  "2001:db8::5efe:a9fe:a9fe",
  "::ffff:100.100.100.200",
  "::ffff:0.0.0.0",
];

test("link-local, metadata and shared addresses are never reached, in no spelling and by no setting", () => {
  const all = placesOf("all,loopback,instance,169.254.0.0/16,fe80::/10");
  for (const address of NEVER) assert.notEqual(refusePlace(address, true, all), undefined, address);
  for (const address of ["10.0.0.1", "192.0.0.1", "170.0.0.1", "2001:db8::1", "::1", "::ffff:10.0.0.1", "fd00::1"])
    assert.equal(refusePlace(address, false, all), undefined, address);
  for (const word of ["localhost", "", "10.0.0.1/8", "0x7f000001"])
    assert.notEqual(refusePlace(word, true, all), undefined, word);
});

test("loopback and the instance's own address are allowed by words, ranges by their addresses", () => {
  const cases: readonly (readonly [allow: string, address: string, isOwn: boolean, allowed: boolean])[] = [
    ["loopback,instance", "127.0.0.1", false, true],
    ["loopback,instance", "127.9.9.9", false, true],
    ["loopback,instance", "::1", false, true],
    ["loopback,instance", "::ffff:127.0.0.1", false, true],
    ["loopback,instance", "10.0.0.1", true, true],
    ["loopback,instance", "10.0.0.1", false, false],
    ["instance", "127.0.0.1", false, false],
    // That it registered itself so changes nothing.
    ["instance", "127.0.0.1", true, false],
    ["loopback", "10.0.0.1", true, false],
    ["", "127.0.0.1", true, false],
    ["10.0.0.0/8", "10.200.0.1", false, true],
    ["10.0.0.0/8", "::ffff:10.200.0.1", false, true],
    ["10.0.0.0/8", "11.0.0.1", false, false],
    ["10.1.2.3", "10.1.2.3", false, true],
    ["10.1.2.3", "10.1.2.4", false, false],
    ["fd12::/16", "fd12::9", false, true],
    ["fd12::/16", "fd13::9", false, false],
  ];
  for (const [allow, address, isOwn, allowed] of cases)
    assert.equal(refusePlace(address, isOwn, placesOf(allow)) === undefined, allowed, `${allow}: ${address} ${isOwn}`);
});

test("what is no range is refused", () => {
  for (const text of ["10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "localhost", "fd00::/129", "10.0.0.0/8/8", "a b"])
    assert.equal(readPlaces(text).ok, false, text);
});

test("two spellings are one address", () => {
  assert.ok(sameAddress("::ffff:10.0.0.1", "10.0.0.1"));
  assert.ok(sameAddress("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"));
  assert.ok(sameAddress("Web.example", "web.EXAMPLE"));
  assert.ok(!sameAddress("10.0.0.1", "10.0.0.2"));
  assert.equal(embeddedIPv4("2001:db8::10.0.0.1"), undefined);
});
