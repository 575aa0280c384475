/** Decoders of bodies answer anything, and throw at nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Outcome } from "../../../core/index.ts";
import { decodeSubscribe } from "../../../native/catalog/endpoints.ts";
import { decodeEndpoint, decodeRegister, mergePatch, splitAddr } from "../../../native/wire/registration.ts";
import { decodeTransaction } from "../config/transaction.ts";
import { decodeMultiplex } from "../follow/interest.ts";

/** JSON that often has the fields that the decoders look for. */
const json = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(
    fc.constantFrom(
      ...["address", "port", "ports", "tags", "meta", "checks", "ttl", "lease", "application", "protocol", "addr"],
      ...["subscribes", "subscriptions", "guards", "then", "otherwise", "after", "wait", "version", "__proto__"],
    ),
    fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(fc.constantFrom("id", "put", "get", "key"), fc.jsonValue()))),
  ),
);

function isOutcome(outcome: Outcome<unknown>): boolean {
  return outcome.ok || (typeof outcome.detail === "string" && outcome.detail !== "");
}

test("any JSON is decoded or refused in words", () => {
  fc.assert(
    fc.property(json, (value) => {
      for (const decode of [decodeEndpoint, decodeSubscribe, decodeTransaction]) assert.ok(isOutcome(decode(value)));
      assert.ok(isOutcome(decodeMultiplex(value, "~abc")));
      assert.ok(isOutcome(decodeRegister(value, "s", "i", "http")));
      mergePatch(value, value);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => isOutcome(splitAddr(text))));
});
