/** The stored forms: they come back as they went in, and nothing that is not theirs is ever taken for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Cause, Change, Check, Commit, InstanceRecord, KeyRecord, LeaseRecord, Status } from "../core/index.ts";
import { decodeMeta, encodeMeta } from "../replicators/embedded/meta.ts";
import { ByteReader, ByteWriter, Torn } from "./bytes.ts";
import { addRows, instanceRow, keyRow, leaseRow, parseRow, toStoreKey } from "./row-name.ts";
import { decodeGroup, decodeRow, encodeGroup, encodeRow, type StateRow, summarizeGroup } from "./stored.ts";

const out = new ByteWriter();

/** Plain objects, as the core makes them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** Any UTF-16, lone surrogates and NULs too. */
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
);
const bytes = fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some).toString("latin1"));
const count = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 2 ** 31 - 1 }),
  fc.maxSafeNat().map((n) => n % 2 ** 50),
);
const number = fc.oneof(
  count,
  count.map((n) => -n).map((n) => n || 0),
  fc.double({ noNaN: true }).map((n) => n || 0),
);
const atMs = fc.integer({ min: 0, max: 2 ** 42 });
const name = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "0", "10", ""));
const meta = fc.dictionary(name, text, { maxKeys: 5, noNullPrototype: true });
const status = fc.constantFrom<Status>("passing", "warning", "critical", "starting", "draining", "unknown");
const cause = fc.constantFrom<Cause>("registered", "updated", "reported", "overridden", "deregistered", "granted");
const causeOfEnd = fc.constantFrom<Cause>("closed", "expired", "held", "released", "put", "deleted");
const held = fc.option(record({ sinceMs: atMs, reason: text }));

const check: fc.Arbitrary<Check> = record({
  id: text,
  kind: fc.constantFrom("ttl", "http", "tcp", "grpc", "exec", "reported"),
  name: text,
  target: text,
  intervalMs: number,
  timeoutMs: number,
  status,
  output: text,
  reportedAtMs: atMs,
});

const instance: fc.Arbitrary<InstanceRecord> = record({
  service: text,
  id: text,
  address: text,
  ports: fc.dictionary(name, fc.nat({ max: 65535 }), { maxKeys: 4, noNullPrototype: true }),
  protocol: text,
  tags: fc.array(text, { maxLength: 4 }),
  meta,
  version: text,
  zone: text,
  weight: number,
  status,
  checks: fc.array(check, { maxLength: 2 }),
  via: text,
  lease: fc.option(text),
  override: fc.option(status),
  held,
  createRevision: count,
  modRevision: count,
  createdAtMs: atMs,
  stampMs: atMs,
  origin: text,
}).chain((one) => fc.boolean().map((own) => (own ? { ...one, lease: `${one.service}/${one.id}` } : one)));

const lease: fc.Arbitrary<LeaseRecord> = record({
  id: text,
  ttlMs: number,
  via: text,
  own: fc.boolean(),
  meta,
  held,
  createRevision: count,
  modRevision: count,
  grantedAtMs: atMs,
  origin: text,
});

const entry: fc.Arbitrary<KeyRecord> = record({
  key: bytes,
  value: bytes,
  lease: fc.option(text),
  version: count,
  createRevision: count,
  modRevision: count,
  stampMs: atMs,
  origin: text,
});

const silence = fc.option(record({ deadlineMs: atMs, lastBeatMs: atMs, beats: count }));

const change: fc.Arbitrary<Change> = fc.oneof(
  record({ kind: fc.constant("instance" as const), cause, before: fc.option(instance), after: fc.option(instance) }),
  record({
    kind: fc.constant("lease" as const),
    cause: causeOfEnd,
    before: fc.option(lease),
    after: fc.option(lease),
    silence,
  }),
  record({
    kind: fc.constant("key" as const),
    cause: causeOfEnd,
    before: fc.option(entry),
    after: fc.option(entry),
  }),
);

const group: fc.Arbitrary<Commit[]> = fc
  .tuple(
    fc.nat({ max: 2 ** 40 }),
    atMs,
    fc.array(
      record({
        gap: fc.integer({ min: 1, max: 1000 }),
        laterMs: fc.nat({ max: 5000 }),
        account: fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/),
        nth: fc.nat({ max: 9999 }),
        changes: fc.array(change, { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([start, startMs, commits]) => {
    let revision = start;
    let at = startMs;
    return commits.map(({ gap, laterMs, account, nth, changes }) => {
      revision += gap;
      at += laterMs;
      return { revision, account, atMs: at, nth, changes };
    });
  });

const row: fc.Arbitrary<StateRow> = fc.oneof(
  record({
    kind: fc.constant("instance" as const),
    account: text,
    instance: fc.option(instance),
    lease: fc.option(lease),
  }),
  instance.chain((one) =>
    lease.map(
      (own): StateRow => ({
        kind: "instance",
        account: "a",
        instance: { ...one, lease: own.id },
        lease: own,
      }),
    ),
  ),
  record({ kind: fc.constant("lease" as const), account: text, lease }),
  record({ kind: fc.constant("key" as const), account: text, entry }),
  record({
    kind: fc.constant("account" as const),
    account: text,
    createdAtMs: atMs,
    revision: count,
    catalogRevision: count,
    keysRevision: count,
  }),
  record({ kind: fc.constant("service" as const), account: text, service: text, revision: count }),
);

test("a group of commits comes back as it went in", () => {
  fc.assert(
    fc.property(group, (commits) => {
      const stored = Buffer.from(encodeGroup(out, commits));
      const decoded = decodeGroup(stored);
      assert.ok(decoded.ok, decoded.ok ? "" : decoded.detail);
      assert.deepEqual(decoded.value, commits);
      const summary = summarizeGroup(stored);
      assert.ok(summary.ok);
      const [first, last] = [commits[0] as Commit, commits.at(-1) as Commit];
      assert.deepEqual(summary.value, {
        first: first.revision,
        last: last.revision,
        firstAtMs: first.atMs,
        lastAtMs: last.atMs,
        commits: commits.length,
      });
    }),
  );
});

test("a row of the state comes back as it went in", () => {
  fc.assert(
    fc.property(row, (one) => {
      const decoded = decodeRow(Buffer.from(encodeRow(out, one)));
      assert.ok(decoded.ok, decoded.ok ? "" : decoded.detail);
      assert.deepEqual(decoded.value, one);
    }),
  );
});

test("every flipped bit and every cut is refused", () => {
  fc.assert(
    fc.property(group, row, fc.nat(), fc.nat({ max: 7 }), (commits, one, place, bit) => {
      const stored: [Buffer, (some: Buffer) => { ok: boolean }][] = [
        [Buffer.from(encodeGroup(out, commits)), decodeGroup],
        [Buffer.from(encodeRow(out, one)), decodeRow],
      ];
      for (const [whole, decode] of stored) {
        const flipped = Buffer.from(whole);
        const at = place % whole.length;
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        assert.equal(decode(flipped).ok, false);
        assert.equal(decode(whole.subarray(0, at)).ok, false);
        assert.equal(decode(Buffer.concat([whole, Buffer.from([0])])).ok, false);
      }
    }),
  );
});

test("whatever the bytes, decoding refuses and never throws", () => {
  const decoders = [decodeGroup, decodeRow, summarizeGroup, (some: Buffer) => decodeMeta(some, "x")];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (some) => {
      for (const decode of decoders) decode(Buffer.from(some));
    }),
    { numRuns: 1000 },
  );
});

test("bytes with a right checksum and wrong contents are refused too", async () => {
  const { crc32 } = await import("node:zlib");
  fc.assert(
    fc.property(group, fc.nat(), fc.nat({ max: 255 }), (commits, place, byte) => {
      const bad = Buffer.from(encodeGroup(out, commits));
      bad[5 + (place % (bad.length - 5))] = byte;
      bad.writeUInt32LE(crc32(bad.subarray(5)), 1);
      const decoded = decodeGroup(bad);
      if (!decoded.ok) assert.match(decoded.refusal, /invalid|unsupported/);
    }),
    { numRuns: 500 },
  );
});

test("numbers and strings of every size", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(number, text)), (parts) => {
      out.clear();
      for (const part of parts) typeof part === "number" ? out.number(part) : out.string(part);
      const input = new ByteReader(Buffer.from(out.bytes()));
      for (const part of parts) assert.equal(typeof part === "number" ? input.number() : input.string(), part);
      assert.ok(input.atEnd);
      assert.throws(() => input.byte(), Torn);
    }),
  );
  const long = `${"x".repeat(100_000)}\u{1f600}`;
  out.clear();
  out.string(long);
  assert.equal(new ByteReader(Buffer.from(out.bytes())).string(), long);
});

test("rows about the store: JSON, and a newer format is told apart from damage", () => {
  const stored = encodeMeta({ revision: 7 });
  assert.deepEqual(decodeMeta(stored, "x"), { ok: true, value: { revision: 7 } });
  const newer = Buffer.from(stored);
  newer[0] = 2;
  const refused = decodeMeta(newer, "x");
  assert.ok(!refused.ok);
  assert.equal(refused.refusal, "unsupported");
  assert.match(refused.detail, /newer version/);
});

test("rows are named apart, and long names stay within the store's limit", () => {
  const plain = fc.stringMatching(/^[^\0/]{1,40}$/);
  fc.assert(
    fc.property(plain, plain, bytes, (service, id, key) => {
      assert.deepEqual(parseRow(instanceRow("a", service, id)), { kind: "instance", account: "a", service, id });
      assert.deepEqual(parseRow(keyRow("a", key)), { kind: "key", account: "a", key });
      const own = { id: `${service}/${id}`, own: true } as LeaseRecord;
      assert.equal(leaseRow("a", own), instanceRow("a", service, id));
      assert.notEqual(leaseRow("a", { ...own, own: false }), instanceRow("a", service, id));
    }),
  );
  const longest = "k".repeat(4096);
  const [one, two] = [toStoreKey(keyRow("a", `${longest}1`)), toStoreKey(keyRow("a", `${longest}2`))];
  assert.ok(one.length <= 600);
  assert.notDeepEqual(one, two);
});

test("a move to another service makes both rows dirty", () => {
  const at = (service: string) => ({ service, id: "i" }) as InstanceRecord;
  const rows = new Set<string>();
  addRows(rows, "a", [{ kind: "instance", cause: "registered", before: at("old"), after: at("new") }]);
  assert.deepEqual([...rows], [instanceRow("a", "old", "i"), instanceRow("a", "new", "i")]);
});

test("an instance and its own lease make one row dirty, another's lease a row of its own", () => {
  const lease = (id: string, own: boolean): Change => ({
    kind: "lease",
    cause: "granted",
    before: null,
    after: { id, own } as LeaseRecord,
    silence: null,
  });
  const instance = (held: string): Change => ({
    kind: "instance",
    cause: "registered",
    before: null,
    after: { service: "s", id: "i", lease: held } as InstanceRecord,
  });
  const rowsOf = (...changes: Change[]): string[] => {
    const rows = new Set<string>();
    addRows(rows, "a", changes);
    return [...rows].sort();
  };
  const [own, shared, other] = [instanceRow("a", "s", "i"), "l\0a\0s/i", instanceRow("a", "t", "j")];
  assert.deepEqual(rowsOf(lease("s/i", true), instance("s/i")), [own]);
  assert.deepEqual(rowsOf(lease("s/i", true)), [own]);
  assert.deepEqual(rowsOf(lease("s/i", false), instance("s/i")), [own, shared]);
  assert.deepEqual(rowsOf(lease("t/j", true), instance("t/j")), [own, other]);
  assert.deepEqual(rowsOf(lease("t/j", true), instance("s/i")), [own, other]);
});
