/** The journal of a zone: increments lead from every serial to the latest one, record by record. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CLASS, type Resource, TYPE } from "../wire/message.ts";
import { isNewer } from "../wire/serial.ts";
import { Journal, packRecords, recordKey, unpackRecords } from "./journal.ts";
import { applyIncrements } from "./journal-rig.ts";

const ZONE = ["rollcall"];
const LIMITS = { stepsMax: 1000, bytesMax: 1024 * 1024, zoneBytesMax: 1024 * 1024 };

function toAuthority(serial: number): Resource {
  const numbers = { serial, refreshS: 60, retryS: 10, expireS: 600, minimumS: 1 };
  const data = { kind: "authority", primary: ["ns", ...ZONE], mailbox: ["hostmaster", ...ZONE], ...numbers } as const;
  return { name: ZONE, type: TYPE.SOA, class: CLASS.IN, ttlS: 1, data };
}

function toAddress(label: string, last: number): Resource {
  const name = label === "addr" ? [`0a0000${last.toString(16).padStart(2, "0")}`, "addr", ...ZONE] : [label, ...ZONE];
  return { name, type: TYPE.A, class: CLASS.IN, ttlS: 5, data: { kind: "address", address: `10.0.0.${last}` } };
}

const isShared = (record: Resource): boolean => record.name[1] === "addr";
const openJournal = (limits = LIMITS): Journal => new Journal(toAuthority(1), limits, isShared);

function keysOf(records: Iterable<Resource>): string[] {
  return [...records].map(recordKey).sort();
}

/** Records of a part: its own addresses, and shared ones. */
const part = fc.record({
  name: fc.constantFrom("api", "web", "db"),
  own: fc.uniqueArray(fc.integer({ min: 1, max: 6 })),
  shared: fc.uniqueArray(fc.integer({ min: 1, max: 4 })),
});
const steps = fc.array(fc.uniqueArray(part, { selector: ({ name }) => name, minLength: 1 }), {
  minLength: 1,
  maxLength: 12,
});

test("increments lead from each serial to the latest, exactly", () => {
  fc.assert(
    fc.property(steps, (rounds) => {
      const journal = openJournal();
      const held = new Map<number, string[]>([[1, []]]);
      let serial = 1;
      for (const parts of rounds) {
        const records = parts.map(({ name, own, shared }) => {
          const all = [...own.map((last) => toAddress(name, last)), ...shared.map((last) => toAddress("addr", last))];
          return [name, all] as const;
        });
        serial += 1 + parts.length;
        journal.replace(new Map(records), toAuthority(serial));
        const keys = keysOf([...journal.whole()].slice(1, -1));
        assert.equal(new Set(keys).size, keys.length, "each record once");
        held.set(serial, keys);
      }
      const latest = held.get(serial) as string[];
      for (const [from, keys] of held) {
        const way = journal.since(from);
        assert.ok(way, `the way from ${from} is known`);
        if (from === serial) {
          assert.deepEqual(way, []);
          continue;
        }
        const zone = new Set(keys);
        assert.equal(applyIncrements(zone, way, journal.authority), serial);
        assert.deepEqual([...zone].sort(), latest);
      }
    }),
    { numRuns: 300 },
  );
});

test("a record of two parts goes when both have lost it", () => {
  const journal = openJournal();
  const shared = toAddress("addr", 1);
  journal.replace(
    new Map([
      ["api", [shared]],
      ["web", [shared]],
    ]),
    toAuthority(2),
  );
  journal.replace(new Map([["api", []]]), toAuthority(3));
  const [first] = journal.since(2) ?? [];
  assert.equal(first?.deleted.count, 0);
  journal.replace(new Map([["web", []]]), toAuthority(4));
  const [second] = journal.since(3) ?? [];
  assert.deepEqual([second?.deleted.count, second?.added.count], [1, 0]);
});

test("what was never a serial of ours, or was forgotten, has no way", () => {
  const journal = openJournal({ stepsMax: 3, bytesMax: 1024 * 1024, zoneBytesMax: 1024 * 1024 });
  for (let serial = 2; serial <= 10; serial++)
    journal.replace(new Map([["api", [toAddress("api", serial)]]]), toAuthority(serial));
  assert.equal(journal.steps, 3);
  assert.equal(journal.since(6), undefined);
  assert.equal(journal.since(7)?.length, 3);
  assert.equal(journal.since(11), undefined, "newer than ours");
});

test("a serial that stood for two contents leads nowhere, until both are forgotten", () => {
  const journal = openJournal();
  journal.replace(new Map([["api", [toAddress("api", 1)]]]), toAuthority(2));
  assert.deepEqual(journal.since(2), []);
  journal.replace(new Map([["api", [toAddress("api", 2)]]]), toAuthority(2));
  assert.equal(journal.since(2), undefined, "nobody knows which of them the asker has");
  assert.equal(journal.since(1), undefined);
  journal.replace(new Map([["api", [toAddress("api", 3)]]]), toAuthority(3));
  assert.equal(journal.since(2), undefined);
  assert.deepEqual(journal.since(3), []);
  journal.replace(new Map([["api", []]]), toAuthority(4));
  assert.equal(journal.since(3)?.length, 1);
});

test("what is put in before anybody has the zone is no step", () => {
  const journal = openJournal();
  for (const _ of journal.loading("api", [toAddress("api", 1), toAddress("addr", 1), toAddress("addr", 1)]));
  for (const _ of journal.replacing(new Map([["api", [toAddress("addr", 1)]]]), toAuthority(2), true));
  assert.deepEqual([journal.count, journal.steps, journal.since(1)], [1, 0, undefined]);
  journal.replace(new Map([["api", []]]), toAuthority(3));
  assert.deepEqual([journal.count, journal.since(2)?.[0]?.deleted.count], [0, 1]);
});

test("steps are bounded in bytes", () => {
  const journal = openJournal({ stepsMax: 1000, bytesMax: 8 * 1024, zoneBytesMax: 1024 * 1024 });
  for (let serial = 2; serial <= 100; serial++) {
    const records = Array.from({ length: 20 }, (_, i) => toAddress("api", ((serial * 20 + i) % 255) + 1));
    journal.replace(new Map([["api", records]]), toAuthority(serial));
  }
  assert.ok(journal.steps > 2 && journal.steps < 15, `${journal.steps} steps`);
});

test("a serial that goes back has no way from before it", () => {
  const journal = openJournal();
  journal.replace(new Map([["api", [toAddress("api", 1)]]]), toAuthority(100));
  journal.replace(new Map([["api", []]]), toAuthority(50));
  assert.equal(journal.since(100), undefined);
  assert.equal(journal.since(1), undefined);
});

test("serials compare as RFC 1982 says, over the end of their range", () => {
  assert.ok(isNewer(1, 0xffff_ffff));
  assert.ok(isNewer(0x7fff_ffff, 0));
  assert.ok(!isNewer(0, 0));
  assert.ok(!isNewer(0xffff_ffff, 1));
  const journal = new Journal(toAuthority(0xffff_fff0), LIMITS, isShared);
  journal.replace(new Map([["api", [toAddress("api", 1)]]]), toAuthority(5));
  assert.equal(journal.since(0xffff_fff0)?.length, 1);
});

test("many records are packed into several messages and read back", () => {
  const records = Array.from({ length: 5000 }, (_, i) => toAddress(`host-${i}`, (i % 250) + 1));
  const packed = packRecords(records);
  assert.equal(packed.count, 5000);
  assert.ok(packed.buffers.length > 3);
  assert.ok(packed.bytes < 5000 * 40, `${packed.bytes} bytes`);
  assert.deepEqual(keysOf(unpackRecords(packed)), keysOf(records));
});

test("a record larger than a preferred message is packed alone", () => {
  const strings = Array.from({ length: 120 }, () => "x".repeat(255));
  const large: Resource = { name: ZONE, type: TYPE.TXT, class: CLASS.IN, ttlS: 5, data: { kind: "text", strings } };
  assert.deepEqual(keysOf(unpackRecords(packRecords([toAddress("a", 1), large, toAddress("b", 2)]))).length, 3);
});
