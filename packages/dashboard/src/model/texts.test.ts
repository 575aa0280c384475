/** Numbers, times, keys, addresses, differences and values as people read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Filter, matchesInstance, matchesService } from "./filter.ts";
import { diffTexts } from "./lines.ts";
import { instance, service } from "./made-rig.ts";
import { age, bytes, clockTime, count, duration, listed, plural } from "./numbers.ts";
import { instanceAt, keyAt, toPlace } from "./places.ts";
import { prefixesOf, showValue, toLevel } from "./tree.ts";

test("numbers and ages", () => {
  assert.deepEqual(
    [count(999), count(48213), count(12_431, true), count(9999, true)],
    ["999", "48\u2009213", "12.4\u2009k", "9\u2009999"],
  );
  assert.deepEqual([0, 4000, 400_000, 7_300_000, 500_000_000].map(age), ["0 s", "4 s", "6 min", "2 h", "5 d"]);
  assert.deepEqual([12, 288_000, 60_000, 90_061_000].map(duration), ["12 ms", "4 min 48 s", "1 min", "1 d 1 h"]);
  assert.deepEqual([12, 2048, 30_000_000].map(bytes), ["12 B", "2.0 KiB", "29 MiB"]);
  assert.deepEqual(
    [plural(1, "key"), plural(2, "key"), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d"])],
    ["1 key", "2 keys", "a", "a and b", "a, b, c and 1 more"],
  );
});

test("a clock time has its date when that is not today", () => {
  const clock = { nowMs: Date.parse("2026-11-30T02:57:00Z"), isLocal: false };
  assert.equal(clockTime("2026-11-30T02:51:09.123Z", clock), "02:51:09");
  assert.equal(clockTime("2026-11-29T22:10:03Z", clock), "29 Nov, 22:10:03");
  assert.equal(clockTime("2025-01-02T00:00:00Z", clock), "2 Jan 2025, 00:00:00");
});

test("addresses lead back to where they were made", () => {
  const odd = "a/b c%2F?#";
  assert.deepEqual(toPlace(instanceAt("acc", odd, "i/1")), {
    page: "instance",
    account: "acc",
    service: odd,
    id: "i/1",
  });
  for (const key of ["app/payments/db", "app/", "x", "/leading", "a b/ü?#"])
    assert.deepEqual(toPlace(keyAt("acc", key)), { page: "config", account: "acc", key });
  assert.deepEqual(
    ["/", "/ui/", "/ui/a/", "/ui/cluster", "/ui/a/events", "/ui/a/services/s/names", "/ui/a/x", "/y", "/ui/%E0"].map(
      (path) => toPlace(path).page,
    ),
    ["home", "home", "overview", "cluster", "events", "service", "missing", "missing", "overview"],
  );
});

test("keys are shown by levels", () => {
  const keys = ["app/a/x", "app/a/y", "app/b", "top", "/odd"];
  assert.deepEqual(toLevel(keys, "", "/"), {
    folders: [
      { prefix: "/", name: "/", keys: 1 },
      { prefix: "app/", name: "app/", keys: 3 },
    ],
    keys: ["top"],
  });
  assert.deepEqual(toLevel(keys, "app/", "/"), {
    folders: [{ prefix: "app/a/", name: "a/", keys: 2 }],
    keys: ["app/b"],
  });
  assert.deepEqual(toLevel(["a.b", "c"], "", "").keys, ["a.b", "c"]);
  assert.deepEqual([prefixesOf("app/a/x", "/"), prefixesOf("app/", "/")], [["app/", "app/a/"], []]);
});

test("values in four forms", () => {
  assert.deepEqual(
    [showValue('{"a":1}', undefined, "json"), showValue("x", undefined, "json"), showValue("hi", undefined, "base64")],
    ['{\n  "a": 1\n}', null, "aGk="],
  );
  assert.match(showValue(null, "AP8B", "hex") ?? "", /^000000 {2}00 ff 01 .* ···$/);
});

test("a difference shows what changed, by words, and leaves out what is far", () => {
  const before = `${"same\n".repeat(9)}user: payments_rw\npool: 20\n`;
  const lines = diffTexts(before, before.replace("payments_rw", "payments"));
  assert.equal(lines[0], null);
  assert.deepEqual(
    lines
      .filter((line) => line !== null && line.sign !== " ")
      .map((line) => [line?.sign, line?.parts.find(({ isChanged }) => isChanged)?.text]),
    [
      ["−", "payments_rw"],
      ["+", "payments"],
    ],
  );
  assert.deepEqual(
    diffTexts("a", "a").filter((line) => line !== null && line.sign !== " "),
    [],
  );
});

test("filters match what they say", () => {
  const none: Filter = { q: "", status: "", zone: "", version: "", via: "", tag: "" };
  const sick = service("api", "critical", "passing");
  assert.deepEqual(
    (["", "trouble", "critical", "unusable", "held", "changing"] as const).map((status) =>
      matchesService(sick, { ...none, status }),
    ),
    [true, true, true, false, false, false],
  );
  const one = instance("api-1", { meta: { team: "Money" }, tags: ["blue"] });
  assert.deepEqual(
    ["API", "10.0.0.1:80", "team=money", "blue", "green"].map((q) => matchesInstance(one, { ...none, q })),
    [true, true, true, true, false],
  );
  assert.equal(matchesInstance(one, { ...none, zone: "b" }), false);
});
