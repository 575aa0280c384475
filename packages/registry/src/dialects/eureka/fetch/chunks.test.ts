/** An application's text in chunks: always all of it, and only what has changed is made anew. Pure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { recordOf as catalogRecord } from "../../../../../../test/harness/registry.ts";
import type { InstanceRecord } from "../../../core/index.ts";
import { toInfo } from "../instances/info.ts";
import { Chunks, type Listed } from "./chunks.ts";
import { joinApplication, joinApplications, KEPT_BODY_BYTES_MAX, type Piece } from "./piece.ts";

function wholeOf(body: Iterable<Buffer> | Buffer): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.concat([...body]);
}

function applicationOf(...given: Parameters<typeof joinApplication>): Buffer {
  return wholeOf(joinApplication(...given));
}

function recordOf(id: string, revision: number): InstanceRecord {
  return catalogRecord("app", id, {
    address: "10.0.0.1",
    meta: { revision: String(revision) },
    status: revision % 3 === 0 ? "critical" : "passing",
    via: "http",
    modRevision: revision,
  });
}

/** How often an instance was encoded. */
let encoded = 0;

function makeChunks(): Chunks {
  return new Chunks("APP", ({ record, action }) => {
    encoded++;
    return toInfo(record, { ttlMs: undefined, lastBeatMs: 0 }, action, "MyOwn");
  });
}

const listedOf = (ids: Iterable<string>, revision = 1): Listed[] =>
  [...ids].map((id) => ({ record: recordOf(id, revision), action: "ADDED" }));

/** What a client makes of it, in all four forms. */
function readAll(pieces: readonly Piece[]): Map<string, string> {
  const json = applicationOf({ format: "json", gzip: false }, pieces).toString();
  assert.equal(gunzipSync(applicationOf({ format: "json", gzip: true }, pieces)).toString(), json);
  const xml = applicationOf({ format: "xml", gzip: false }, pieces).toString();
  assert.equal(gunzipSync(applicationOf({ format: "xml", gzip: true }, pieces)).toString(), xml);
  const { name, instance } = JSON.parse(json).application;
  assert.equal(name, "APP");
  assert.equal(xml.split("<instance>").length - 1, instance.length);
  assert.match(xml, /^<application><name>APP<\/name>.*<\/application>$/);
  return new Map(
    instance.map((one: { instanceId: string; metadata: { revision: string } }) => [
      one.instanceId,
      one.metadata.revision,
    ]),
  );
}

test("whatever comes, goes and changes, the text is of what is there", () => {
  const change = fc.record({ id: fc.integer({ min: 0, max: 180 }), gone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 80 }), { maxLength: 6 }), (rounds) => {
      const chunks = makeChunks();
      const there = new Map<string, Listed>();
      let revision = 0;
      for (const round of rounds) {
        for (const { id, gone } of round) {
          if (gone) there.delete(`i${id}`);
          else there.set(`i${id}`, { record: recordOf(`i${id}`, ++revision), action: "ADDED" });
        }
        if (there.size === 0) continue;
        const { pieces, counts } = chunks.update([...there.values()]);
        const expected = [...there].map(([id, { record }]) => [id, record.meta.revision ?? ""] as const);
        assert.deepEqual([...readAll(pieces)].sort(), expected.sort());
        const down = [...there.values()].filter(({ record }) => record.status === "critical").length;
        assert.deepEqual([counts.DOWN ?? 0, counts.UP ?? 0], [down, there.size - down]);
      }
    }),
    { numRuns: 40 },
  );
});

test("one change among thousands encodes some dozens again", () => {
  const chunks = makeChunks();
  const all = listedOf(Array.from({ length: 5000 }, (_, i) => `host-${i}:app:8080`));
  const form = { format: "json", gzip: true } as const;
  applicationOf(form, chunks.update(all).pieces);
  encoded = 0;
  all[1234] = { record: recordOf("host-1234:app:8080", 2), action: "ADDED" };
  const { pieces } = chunks.update(all);
  const body = gunzipSync(applicationOf(form, pieces)).toString();
  assert.equal(JSON.parse(body).application.instance.length, 5000);
  assert.ok(encoded > 0 && encoded <= 150, `${encoded} were encoded`);
  encoded = 0;
  applicationOf(form, chunks.update([...all]).pieces);
  assert.equal(encoded, 0);
});

test("another action for the same instance is another text", () => {
  const chunks = makeChunks();
  const [one] = listedOf(["a"]) as [Listed];
  const textOf = (listed: Listed) =>
    applicationOf({ format: "json", gzip: false }, chunks.update([listed]).pieces).toString();
  assert.match(textOf(one), /"actionType":"ADDED"/);
  assert.match(textOf({ ...one, action: "DELETED" }), /"actionType":"DELETED"/);
});

test("applications of one piece and of many stand side by side", () => {
  const [small, large] = [makeChunks(), makeChunks()];
  const pieces = [
    small.update(listedOf(["a"])).pieces,
    large.update(listedOf(Array.from({ length: 200 }, (_, i) => `i${i}`))).pieces,
  ];
  for (const gzip of [false, true]) {
    const body = wholeOf(joinApplications({ format: "json", gzip }, "1", "UP_201_", pieces, KEPT_BODY_BYTES_MAX));
    const { applications } = JSON.parse((gzip ? gunzipSync(body) : body).toString());
    assert.deepEqual(
      applications.application.map((one: { instance: unknown[] }) => one.instance.length),
      [1, 200],
    );
  }
});

const VIP = { address: "blue", secure: false } as const;
const FORM = { format: "json", gzip: false } as const;

/** Instances with these comma lists of vip addresses. */
function vipsOf(ids: readonly string[], vip: (nth: number) => string): Listed[] {
  return ids.map((id, nth) => {
    const record = { ...recordOf(id, 1), via: "eureka", meta: { "eureka.vip": vip(nth), revision: "1" } };
    return { record, action: "ADDED" };
  });
}

function idsWith(chunks: Chunks, query: typeof VIP | { address: string; secure: boolean }): string[] {
  const made = chunks.withVip(query);
  if (made === undefined) return [];
  const ids = [...readAll(made.pieces).keys()].sort();
  assert.equal(made.counts.UP, ids.length);
  return ids;
}

for (const size of [7, 500])
  test(`of ${size} instances those with a vip address are found, and no others`, () => {
    const ids = Array.from({ length: size }, (_, i) => `i${i}`);
    const chunks = makeChunks();
    const all = vipsOf(ids, (nth) => (nth % 3 === 0 ? "red,blue,blue" : "red"));
    chunks.update(all);
    assert.deepEqual(idsWith(chunks, VIP), ids.filter((_, nth) => nth % 3 === 0).sort());
    assert.deepEqual(idsWith(chunks, { address: "red", secure: false }), [...ids].sort());
    assert.deepEqual(idsWith(chunks, { address: "red", secure: true }), []);
    assert.deepEqual(idsWith(chunks, { address: "re", secure: false }), []);
    all[1] = vipsOf(["i1"], () => "blue")[0] as Listed;
    chunks.update(all);
    assert.deepEqual(idsWith(chunks, VIP), ids.filter((_, nth) => nth % 3 === 0 || nth === 1).sort());
    assert.deepEqual(idsWith(chunks, { address: "red", secure: false }), ids.filter((id) => id !== "i1").sort());
  });

test("an address is looked up again without encoding anything again, and a change encodes its neighbours alone", () => {
  const ids = Array.from({ length: 5000 }, (_, i) => `host-${i}:app:8080`);
  const all = vipsOf(ids, (nth) => (nth % 2 === 0 ? "all,blue" : "all"));
  const chunks = makeChunks();
  const ask = (address: string): number => {
    encoded = 0;
    applicationOf(FORM, chunks.withVip({ address, secure: false })?.pieces ?? []);
    return encoded;
  };
  applicationOf(FORM, chunks.update(all).pieces);
  assert.equal(ask("all"), 0, "all have it: the application's text is the answer");
  assert.equal(ask("blue"), 2500);
  assert.equal(ask("blue"), 0);
  all[17] = vipsOf([ids[17] as string], () => "blue")[0] as Listed;
  chunks.update(all);
  const again = ask("blue");
  assert.ok(again > 0 && again <= 100, `${again} were encoded`);
});

test("of a list of addresses the first 64 count, and what is kept for them is counted", () => {
  const vip = Array.from({ length: 1300 }, (_, i) => `v${i}`).join(",");
  const chunks = makeChunks();
  readAll(chunks.update(vipsOf(["a", "b"], () => vip)).pieces);
  const before = chunks.bytes;
  assert.deepEqual(idsWith(chunks, { address: "v63", secure: false }), ["a", "b"]);
  assert.deepEqual(idsWith(chunks, { address: "v64", secure: false }), []);
  const kept = chunks.bytes - before;
  assert.ok(kept > 64 * 50 && kept < 64 * 500, `${kept} bytes`);
  assert.match(applicationOf(FORM, chunks.withVip({ address: "v0", secure: false })?.pieces ?? []).toString(), /v1299/);
});
