/** What is read and written by hand is what the runtime reads and writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { KeyRecord } from "../../../core/index.ts";
import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { Status } from "../../../net/grpc/status.ts";
import { SCHEMA } from "../proto/schema.ts";
import { type Answer, encodeAnswer } from "./answers.ts";
import { toLong } from "./lease-id.ts";
import { Reader } from "./reader.ts";
import { decoder, readCompact, readDelete, readPut, readRange, readTxn, TOO_MANY } from "./requests.ts";

const text = fc.uint8Array({ maxLength: 20 });
const whole = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
  fc.constantFrom(2n ** 49n - 1n, 2n ** 49n, 2n ** 53n - 1n, -1n),
);
const small = fc.nat({ max: 5 });
const flag = fc.boolean();

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function encode(schema: DescMessage, fields: object): Buffer {
  return Buffer.from(toBinary(schema, create(schema, fields as Record<string, unknown>)));
}

test("requests by hand are those of the runtime", () => {
  const [range, put] = [SCHEMA.message("etcdserverpb.RangeRequest"), SCHEMA.message("etcdserverpb.PutRequest")];
  const asked = fc.record({
    key: text,
    rangeEnd: text,
    limit: whole,
    revision: whole,
    sortOrder: small,
    sortTarget: small,
    serializable: flag,
    keysOnly: flag,
    countOnly: flag,
    minModRevision: whole,
    maxModRevision: whole,
    minCreateRevision: whole,
    maxCreateRevision: whole,
  });
  fc.assert(
    fc.property(asked, (fields) => {
      const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision, ...same } = fields;
      assert.deepEqual(readRange(new Reader(encode(range, fields))), {
        ...same,
        kind: "range",
        key: latin(fields.key),
        rangeEnd: latin(fields.rangeEnd),
        limit: Number(fields.limit),
        revision: Number(fields.revision),
        minMod: Number(minModRevision),
        maxMod: Number(maxModRevision),
        minCreate: Number(minCreateRevision),
        maxCreate: Number(maxCreateRevision),
      });
    }),
  );
  const given = fc.record({ key: text, value: text, lease: whole, prevKv: flag, ignoreValue: flag, ignoreLease: flag });
  fc.assert(
    fc.property(given, (fields) => {
      const bytes = encode(put, fields);
      const { kind: _kind, size, ...read } = readPut(new Reader(bytes));
      assert.equal(size, bytes.length);
      assert.deepEqual(read, {
        ...fields,
        key: latin(fields.key),
        value: latin(fields.value),
        lease: fields.lease.toString(),
      });
    }),
  );
});

const record: fc.Arbitrary<KeyRecord> = fc.record({
  key: text.map(latin),
  value: text.map(latin),
  lease: fc.oneof(fc.constant(null), whole.filter((id) => id !== 0n).map(String), fc.constant("web/a1")),
  version: fc.nat(),
  createRevision: fc.maxSafeNat(),
  modRevision: fc.maxSafeNat(),
  atEnd: fc.constant("delete" as const),
  detachedAtMs: fc.constant(0),
  createdAtMs: fc.constant(0),
  stampMs: fc.constant(0),
  origin: fc.constant(""),
});

const { answer } = fc.letrec<{ answer: Answer }>((tie) => ({
  answer: fc.oneof(
    { depthSize: "small" },
    fc.record({
      kind: fc.constant("range" as const),
      entries: fc.array(record, { maxLength: 4 }),
      more: flag,
      count: fc.nat(),
      keysOnly: flag,
    }),
    fc.record({ kind: fc.constant("put" as const), before: fc.option(record) }),
    fc.record({
      kind: fc.constant("delete" as const),
      deleted: fc.nat(),
      before: fc.array(record, { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("txn" as const),
      succeeded: flag,
      answers: fc.array(fc.record({ revision: fc.nat(), answer: tie("answer") }), { maxLength: 3 }),
    }),
  ),
}));

/** As the runtime has it. */
function shown(told: Answer): Record<string, unknown> {
  const kv = (one: KeyRecord, keysOnly = false) => ({
    key: Buffer.from(one.key, "latin1"),
    value: Buffer.from(keysOnly ? "" : one.value, "latin1"),
    createRevision: BigInt(one.createRevision),
    modRevision: BigInt(one.modRevision),
    version: BigInt(one.version),
    lease: one.lease === null ? 0n : toLong(one.lease),
  });
  switch (told.kind) {
    case "range":
      return { kvs: told.entries.map((one) => kv(one, told.keysOnly)), more: told.more, count: BigInt(told.count) };
    case "put":
      return told.before === null ? {} : { prevKv: kv(told.before) };
    case "delete":
      return { deleted: BigInt(told.deleted), prevKvs: told.before.map((one) => kv(one)) };
    case "txn": {
      const cases = { range: "Range", put: "Put", delete: "DeleteRange", txn: "Txn" };
      const responses = told.answers.map((step) => ({
        response: {
          case: `response${cases[step.answer.kind]}`,
          value: { header: { revision: BigInt(step.revision) }, ...shown(step.answer) },
        },
      }));
      return { succeeded: told.succeeded, responses };
    }
  }
}

test("answers by hand are those of the runtime, byte for byte", () => {
  const names = { range: "Range", put: "Put", delete: "DeleteRange", txn: "Txn" };
  const identity = { clusterId: 2n ** 64n - 1n, memberId: 77n };
  fc.assert(
    fc.property(answer, fc.maxSafeNat(), (told, revision) => {
      const schema = SCHEMA.message(`etcdserverpb.${names[told.kind]}Response`);
      const header = { ...identity, revision: BigInt(revision), raftTerm: 2n };
      const ours = encodeAnswer({ header: { identity, revision }, answer: told }).subarray(HEAD_BYTES);
      assert.deepEqual(
        toJson(schema, fromBinary(schema, ours)),
        toJson(schema, create(schema, { header, ...shown(told) })),
      );
      assert.equal(ours.toString("hex"), encode(schema, { header, ...shown(told) }).toString("hex"));
    }),
  );
});

test("any bytes are a request or refused, and none takes long", () => {
  const readers = [readRange, readPut, readDelete, readTxn, readCompact].map((read) =>
    decoder<unknown>((r) => read(r)),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of readers)
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof RangeError || error instanceof Status, String(error));
        }
    }),
  );
  // A megabyte of comparisons, and of transactions within each other.
  const many = Buffer.from("\x0a\x00".repeat(500_000), "latin1");
  assert.throws(() => readTxn(new Reader(many)), TOO_MANY);
  let deep: Buffer = Buffer.alloc(0);
  for (let nth = 0; nth < 200; nth++) deep = wrap(2, wrap(4, deep));
  assert.throws(() => readTxn(new Reader(deep)), TOO_MANY);
});

function wrap(field: number, inner: Buffer): Buffer {
  const length: number[] = [];
  let rest = inner.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  return Buffer.concat([Buffer.from([field * 8 + 2, ...length, rest]), inner]);
}
