import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderReader, HpackError, writeFields } from "./hpack.ts";
import { unpackText } from "./huffman.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** RFC 7541, appendices C.3 and C.4: the same three requests without and with the code. */
const REQUESTS = [
  ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"],
  ["8286 84be 5808 6e6f 2d63 6163 6865", "8286 84be 5886 a8eb 1064 9cbf"],
  [
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ],
] as const;

const SEEN = [
  { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "www.example.com" },
  { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "www.example.com", "cache-control": "no-cache" },
  {
    ":method": "GET",
    ":scheme": "https",
    ":path": "/index.html",
    ":authority": "www.example.com",
    "custom-key": "custom-value",
  },
];

test("the RFC's examples, as they are and in code", () => {
  for (const way of [0, 1] as const) {
    const reader = new HeaderReader(16_384);
    for (const [nth, request] of REQUESTS.entries())
      assert.deepEqual({ ...reader.read(bytes(request[way])) }, SEEN[nth]);
  }
});

test("a block that is known by its bytes is read anew once the table has changed", () => {
  const reader = new HeaderReader(16_384);
  const indexed = bytes("82 be");
  reader.read(bytes("40 01 61 01 31"));
  assert.deepEqual({ ...reader.read(indexed) }, { ":method": "GET", a: "1" });
  assert.equal(reader.read(indexed), reader.read(indexed));
  reader.read(bytes("40 01 61 01 32"));
  assert.equal(reader.read(indexed)?.a, "2");
});

test("what no request has is refused, and the table goes on all the same", () => {
  const field = (name: string, value: string): Buffer => writeFields({ [name]: value });
  const bad = [
    field("Upper", "1"),
    field("a b", "1"),
    field("", "1"),
    field("a", "1\n2"),
    field("connection", "close"),
    field("te", "gzip"),
    Buffer.concat([field("a", "1"), bytes("82")]),
    bytes("82 83"),
  ];
  for (const block of bad) assert.equal(new HeaderReader(16_384).read(block), undefined, block.toString("latin1"));
  const reader = new HeaderReader(100);
  assert.equal(reader.read(Buffer.concat([field("a", "x".repeat(200)), bytes("40 01 62 01 31")])), undefined);
  assert.deepEqual({ ...reader.read(bytes("be")) }, { b: "1" });
});

test("bytes that are no block end in an error, and in no other", () => {
  const reader = (): HeaderReader => new HeaderReader(16_384);
  for (const hex of [
    "80",
    "be",
    "ff ff ff ff ff ff ff",
    "40",
    "40 05 61",
    "40 01 61 7f",
    "3f e2 1f",
    "82 20",
    "41 81 00",
  ])
    assert.throws(() => reader().read(bytes(hex)), HpackError, hex);
  // The table may be emptied, and not be made larger than was said.
  const emptied = reader();
  emptied.read(bytes("40 01 61 01 31"));
  emptied.read(bytes("20 82"));
  assert.throws(() => emptied.read(bytes("be")), HpackError);
  for (let seed = 1; seed < 3000; seed++) {
    const noise = Buffer.from(
      Array.from({ length: (seed % 40) + 1 }, (_, nth) => (seed * (nth * 31 + 7) * 2654435761) >>> 24),
    );
    try {
      reader().read(noise);
    } catch (error) {
      assert.ok(error instanceof HpackError, String(error));
    }
  }
});

test("a code ends with ones, and less than a byte of them", () => {
  assert.equal(unpackText(bytes("1f"), 0, 1), "a");
  for (const hex of ["18", "1f ff", "ff ff ff ff", "ff ff ff fc"])
    assert.equal(unpackText(bytes(hex), 0, bytes(hex).length), undefined, hex);
});
