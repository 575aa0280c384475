/** Where callbacks may go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseAddress, parseHosts, parseReply, toAddress } from "./hosts.ts";

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
