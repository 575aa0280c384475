/** What a secondary makes of a journal. */

import assert from "node:assert/strict";
import { type Resource, TYPE } from "../wire/message.ts";
import { serialOf } from "../wire/serial.ts";
import { increments, recordKey, type Step } from "./journal.ts";

/** What a secondary does with an increment (RFC 1995 §4); strict, as Knot is. */
export function applyIncrements(zone: Set<string>, steps: readonly Step[], authority: Resource): number {
  const records = [...increments(steps, authority)];
  assert.equal(records[0]?.type, TYPE.SOA);
  let at = 1;
  let serial = 0;
  while (at < records.length - 1) {
    assert.equal(records[at]?.type, TYPE.SOA, "a step begins with the SOA that it starts from");
    for (at++; records[at]?.type !== TYPE.SOA; at++) {
      const key = recordKey(records[at] as Resource);
      assert.ok(zone.delete(key), `${key} is deleted, but was never there`);
    }
    serial = serialOf(records[at] as Resource);
    for (at++; records[at]?.type !== TYPE.SOA; at++) {
      const key = recordKey(records[at] as Resource);
      assert.ok(!zone.has(key), `${key} is added twice`);
      zone.add(key);
    }
  }
  return serial;
}
