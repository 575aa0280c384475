/** Paths as the original takes them apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findPage } from "./routes.ts";

test("paths are taken apart as they were sent", () => {
  const named = (method: string, path: string) => findPage(path)?.routes.get(method)?.name;
  assert.equal(named("GET", "/skydns/services/"), "list");
  assert.equal(findPage("/skydns/services/")?.uuid, "");
  assert.equal(named("PUT", "/skydns/services/a%20b"), "add");
  assert.equal(findPage("/skydns/services/a%20b")?.uuid, "a b");
  assert.equal(named("toString", "/skydns/services/a"), undefined);
  assert.deepEqual([...(findPage("/skydns/services/a")?.routes.keys() ?? [])], ["PUT", "PATCH", "GET", "DELETE"]);
  for (const path of [
    "/skydns/services/%ff",
    "/skydns/services/a%2fb",
    "/skydns//services/a",
    "/SKYDNS/services/a",
    "/skydns/services/a/",
    "/skydns/services",
    "/skydns/regions",
    "/skydns/regions/a",
    "/skydns/callbacks/",
  ]) {
    assert.equal(findPage(path), undefined, path);
  }
});
