/** What the failing ones have in common, and no other has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commonText, findCommon } from "./alike.ts";
import { failingCheck, instance } from "./made-rig.ts";

const bad = failingCheck("refused");

function said(instances: Parameters<typeof findCommon>[0]): string {
  const text = commonText(findCommon(instances), instances.length);
  return text === null ? "" : text.strong + text.rest;
}

test("an attribute that tells the failing ones apart is named, the plainest first", () => {
  const both = [
    instance("a", { ...bad, version: "2", meta: { team: "x" } }),
    instance("b", { ...bad, version: "2", meta: { team: "x" } }),
  ];
  assert.equal(
    said([...both, instance("c")]),
    "All 2 failing instances run 2, and the other one does not. They fail the same check, db.",
  );
  const zoned = both.map((one) => ({ ...one, version: "1", zone: "b" }));
  assert.match(
    said([...zoned, instance("c"), instance("d")]),
    /^All 2 failing instances are in zone b, and none of the others does\./,
  );
  const tagged = both.map((one) => ({ ...one, version: "1", meta: {}, tags: ["blue"] }));
  assert.match(said([...tagged, instance("c")]), /have the tag blue/);
});

test("what others have, too, explains nothing", () => {
  const all = [
    instance("a", { ...bad, address: "1" }),
    instance("b", { ...bad, address: "2" }),
    instance("c", { address: "3" }),
  ];
  assert.deepEqual(findCommon(all).apart, []);
  assert.match(said(all), /^They fail the same check, db\. Version, zone/);
});

test("those that came later are told", () => {
  const later = "2026-01-02T00:00:00.000Z";
  const all = [
    instance("a", { ...bad, address: "1", createdAt: later }),
    instance("b", { ...bad, address: "2", createdAt: later }),
    instance("c", { address: "3" }),
  ];
  assert.match(said(all), /^All 2 failing instances came later than all others\./);
});

test("nothing is said of what does not fail, and all of all is no pattern", () => {
  assert.equal(said([instance("a"), instance("b", { status: "draining" }), instance("c", { status: "starting" })]), "");
  assert.equal(
    said([instance("a", bad)]),
    "The only instance fails. Its check db fails. All have version 1 and zone a.",
  );
});
