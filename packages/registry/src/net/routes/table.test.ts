/** Which route a path leads to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allowIn, type Pattern, Table } from "./table.ts";

const ROUTES: readonly Pattern[] = [
  { method: "GET", pattern: "/v2/:account/services" },
  { method: "GET", pattern: "/v2/:account/services/:service" },
  { method: "PUT", pattern: "/v2/:account/services/:service" },
  { method: "GET", pattern: "/v2/:account/config" },
  { method: "GET", pattern: "/v2/:account/config/*" },
  { method: "GET", pattern: "/v2/_/status" },
];

const table = new Table(ROUTES);

function found(path: string, method = "GET"): unknown {
  const match = table.match(path);
  return match && [match.routes.get(method)?.pattern, match.params, match.tail];
}

test("a path leads to its route, with parameters and tail as they were sent", () => {
  assert.deepEqual(found("/v2/a%20b/services"), ["/v2/:account/services", ["a%20b"], ""]);
  assert.deepEqual(found("/v2/services/services/watch"), ["/v2/:account/services/:service", ["services", "watch"], ""]);
  assert.deepEqual(found("/v2/a/config"), ["/v2/:account/config", ["a"], ""]);
  assert.deepEqual(found("/v2/a/config/"), ["/v2/:account/config/*", ["a"], ""]);
  assert.deepEqual(found("/v2/a/config//b/%2f"), ["/v2/:account/config/*", ["a"], "/b/%2f"]);
});

test("a literal goes before a parameter", () => {
  assert.deepEqual(found("/v2/_/status"), ["/v2/_/status", [], ""]);
  assert.equal(found("/v2/_/services"), undefined);
  assert.equal(found("/v2/a/status"), undefined);
});

test("a path that leads nowhere has no match, one by another method says which there are", () => {
  for (const path of ["/", "/v2", "/v2/", "/v2//services", "/v2/a/services/", "/v2/a/services/b/c", "//"])
    assert.equal(found(path), undefined, path);
  const match = table.match("/v2/a/services/b");
  assert.equal(match?.routes.get("DELETE"), undefined);
  assert.equal(match && allowIn(match), "GET, PUT, HEAD, OPTIONS");
});

test("any path is matched or not, without an exception", () => {
  fc.assert(fc.property(fc.string(), (text) => void table.match(`/v2/${text}`)));
});
