/** Which queries a route takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuery } from "../http/query.ts";
import { findMisuse, isRepeatable, nameOf } from "./parameters.ts";

const KNOWN = ["zone", "tag+", "meta.*"];

function misuseOf(search: string, known: readonly string[] = KNOWN): string | undefined {
  const query = parseQuery(search);
  assert.ok(query.ok);
  return findMisuse(query.value, known);
}

test("known parameters are taken, the others named", () => {
  for (const search of ["", "zone=a", "tag=a&tag=b", "meta.x=1&meta.x=2&meta.y=3", "meta.=1"])
    assert.equal(misuseOf(search), undefined, search);
  assert.equal(misuseOf("zone=a&nonsense=1"), 'unknown query parameter "nonsense"; known are zone, tag, meta.*');
  assert.equal(misuseOf("tag%2b=1"), 'unknown query parameter "tag+"; known are zone, tag, meta.*');
  assert.equal(misuseOf("meta=1", []), 'unknown query parameter "meta"; none is known here');
});

test("a parameter with one value is refused when it is there twice", () => {
  assert.equal(misuseOf("zone=a&zone=a"), "query parameter zone is there more than once");
});

test("names are shown without what is said of them", () => {
  assert.deepEqual(KNOWN.map(nameOf), ["zone", "tag", "meta.*"]);
  assert.deepEqual(KNOWN.map(isRepeatable), [false, true, true]);
});
