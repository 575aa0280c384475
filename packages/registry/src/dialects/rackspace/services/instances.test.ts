/** Which instance a service is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toInstance } from "./instances.ts";

test("a service is found under a name, an address and a port", () => {
  const name = (tags: string[], meta: Record<string, string>) => toInstance("id-1", tags, meta).service;
  assert.equal(name([], {}), "id-1");
  assert.equal(name(["www", "db"], {}), "www");
  assert.equal(name(["a/b", " x", "db"], {}), "db");
  assert.equal(name(["www"], { service: "api" }), "api");
  assert.equal(name(["www"], { service: "a/b" }), "www");
  const place = (meta: Record<string, string>) => {
    const { address, ports } = toInstance("id-1", [], meta);
    return [address, ports.default];
  };
  assert.deepEqual(place({ host: "h", ip: "i", address: "a", port: "80" }), ["a", 80]);
  assert.deepEqual(place({ host: "h", ip: "i", port: "0" }), ["i", undefined]);
  assert.deepEqual(place({ host: "h", port: "65536" }), ["h", undefined]);
  assert.deepEqual(place({ port: "8080x" }), ["", undefined]);
});
