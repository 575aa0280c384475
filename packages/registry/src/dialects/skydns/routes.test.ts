/** Paths as the original takes them apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTarget } from "./routes.ts";

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
