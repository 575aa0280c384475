/** Messages as JSON, beside what the runtime makes of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary, toJson } from "@bufbuild/protobuf";
import { SCHEMA } from "../../proto/schema.ts";
import { messagePieces, messageText } from "./json.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const header = { clusterId: 2n ** 64n - 1n, memberId: 2n ** 53n + 1n, revision: 7n, raftTerm: 2n };
const kv = { key: bytes("a\xff"), value: bytes("x".repeat(100)), createRevision: 3n, version: 1n, lease: 2n ** 62n };

const MESSAGES: readonly (readonly [name: string, fields: Record<string, unknown>])[] = [
  ["RangeResponse", {}],
  ["RangeResponse", { header, kvs: [kv, {}, kv], more: true, count: 3n }],
  ["LeaseTimeToLiveResponse", { header, ID: 5n, TTL: -1n, keys: [bytes("a"), bytes("")] }],
  [
    "WatchResponse",
    { header, created: true, watchId: -1n, cancelReason: '<a & "b">\u2028é', events: [{ type: 1, kv }, { kv }] },
  ],
  [
    "MemberListResponse",
    { members: [{ ID: 2n ** 63n + 5n, name: "n1", clientURLs: ["http://a:1", ""], isLearner: true }] },
  ],
  ["AlarmResponse", { alarms: [{ memberID: 1n, alarm: 2 }] }],
  ["HashKVResponse", { hash: 4_294_967_295, compactRevision: 0n }],
  [
    "TxnResponse",
    {
      succeeded: true,
      responses: [
        { response: { case: "responsePut", value: {} } },
        {
          response: {
            case: "responseTxn",
            value: { responses: [{ response: { case: "responseRange", value: { kvs: [kv] } } }] },
          },
        },
        {},
      ],
    },
  ],
];

test("each message says what the runtime says, by its fields' own names", () => {
  for (const [name, fields] of MESSAGES) {
    const schema = SCHEMA.message(`etcdserverpb.${name}`);
    const message = create(schema, fields);
    const encoded = Buffer.concat([Buffer.from("head"), toBinary(schema, message), Buffer.from("tail")]);
    const text = messageText(schema, encoded, 4, encoded.length - 4);
    assert.deepEqual(JSON.parse(text), toJson(schema, message, { useProtoFieldName: true }), name);
    assert.equal([...messagePieces(schema, encoded, 4, encoded.length - 4)].join(""), text);
    assert.doesNotMatch(text, /[<>&\u2028]/);
  }
});
