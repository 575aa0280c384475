/** Bodies of requests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseCredentials,
  parseHeartbeat,
  parseNewService,
  parseNewSession,
  parseServiceUpdate,
  parseSessionUpdate,
  parseValue,
} from "./bodies.ts";
import { statusOfFault } from "./faults.ts";
import { parseBody } from "./request.ts";

test("any body gives a message or a fault of its own, never an exception", () => {
  const key = fc.constantFrom("id", "tags", "metadata", "heartbeat_timeout", "session_id", "token", "value", "auth");
  const body = fc.dictionary(fc.oneof(key, fc.string()), fc.jsonValue());
  const parsers = [
    parseNewService,
    parseServiceUpdate,
    parseNewSession,
    parseSessionUpdate,
    parseHeartbeat,
    parseValue,
    parseCredentials,
  ];
  fc.assert(
    fc.property(body, (value) => {
      for (const parse of parsers) {
        const parsed = parse(value);
        if (!parsed.ok) assert.equal(statusOfFault(parsed.fault), 400);
      }
    }),
    // What JSON holds need not be convertible to a string.
    { numRuns: 500, examples: [[{ heartbeat_timeout: [{ toString: "" }] }]] },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.option(fc.string(), { nil: undefined }), (bytes, type) => {
      const parsed = parseBody(type, Buffer.from(bytes));
      if (!parsed.ok) assert.equal(statusOfFault(parsed.fault), 400);
    }),
  );
  fc.assert(
    fc.property(body, (value) => {
      const parsed = parseBody(undefined, Buffer.from(JSON.stringify(value)));
      assert.deepEqual(parsed.ok && JSON.stringify(parsed.value), JSON.stringify(JSON.parse(JSON.stringify(value))));
    }),
  );
});
