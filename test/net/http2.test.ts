/** HTTP/2 without TLS, frame by frame: what every client may do, and what none may. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants } from "node:http2";
import { after, test } from "node:test";
import { HEAD_BYTES, type Method } from "../../packages/registry/src/net/grpc/method.ts";
import { GrpcServer } from "../../packages/registry/src/net/grpc/server.ts";
import { until } from "../harness/scope.ts";
import { openListener, openSocket, type RawSocket } from "./rig.ts";

const BYTES = { decode: (message: Buffer) => Buffer.from(message), encode: (answer: Buffer) => answer };
const framed = (message: Buffer): Buffer => Buffer.concat([Buffer.alloc(HEAD_BYTES), message]);

const METHODS: readonly Method<null>[] = [
  // Answers with a field of the request's, or with the request itself.
  {
    kind: "unary",
    path: "/test.Echo/Say",
    codec: BYTES,
    handle: (_context, call, body: Buffer) => {
      const said = call.metadata("x-said");
      return framed(said === undefined ? body : Buffer.from(said, "latin1"));
    },
  },
  {
    kind: "both",
    path: "/test.Echo/Chat",
    codec: BYTES,
    open: (_context, _call, answers) => ({
      message: (message: Buffer) => void answers.writeEncoded(framed(message)),
      ended: () => answers.end(),
      closed: () => {},
    }),
  },
];

const streams = new GrpcServer<null>({
  context: null,
  methods: METHODS,
  requestBytesMax: 3_000_000,
  dialect: "test",
  requests: { picks: () => false, write: () => {} },
  failed: (error) => console.error(error),
});
const limits = { streamsMax: 100 };
const { listener, url } = await openListener({ after }, { http2: { dialect: "test", streams, limits } });

function message(body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

test("all that a field may hold, large bodies both ways through small windows, padding", async () => {
  for (const settings of [{}, { initialWindowSize: 20_000, headerTableSize: 0 }, { initialWindowSize: 2 ** 20 }]) {
    const session = connect(url, { settings, paddingStrategy: constants.PADDING_STRATEGY_MAX });
    after(() => session.destroy());
    const ask = async (body: Buffer, headers: Record<string, string> = {}): Promise<Buffer> => {
      const base = { ":method": "POST", ":path": "/test.Echo/Say", "content-type": "application/grpc", te: "trailers" };
      const stream = session.request({ ...base, ...headers });
      stream.end(message(body));
      const [chunks] = await Promise.all([stream.toArray(), once(stream, "trailers")]);
      return Buffer.concat(chunks as Buffer[]).subarray(HEAD_BYTES);
    };
    // Visible ones, and those beyond ASCII, which the client packs by the code.
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
      (one) => one > " " && one !== "\x7f",
    );
    for (const said of [all.join(""), ...all.map((one) => `${one}${one}`)])
      assert.equal((await ask(Buffer.alloc(0), { "x-said": said })).toString("latin1"), said);
    for (const length of [0, 1, 16_384, 16_385, 1_000_000]) {
      const body = Buffer.alloc(length, "0123456789");
      assert.ok((await ask(body)).equals(body), `${length} bytes`);
    }
    session.close();
  }
});

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function frame(type: number, flags: number, id: number, payload: string | Buffer = ""): Buffer {
  const body = Buffer.from(payload as string, "latin1");
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, body]);
}

const number = (value: number): Buffer => Buffer.of(value >>> 24, value >>> 16, value >>> 8, value);
/** Without any table: a name, a value. */
const field = (name: string, value: string): string =>
  `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`;
const request = (path = "/test.Echo/Chat"): string =>
  [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    ["content-type", "application/grpc"],
  ]
    .map(([name = "", value = ""]) => field(name, value))
    .join("");
const SETTINGS = frame(4, 0, 0);
const OPEN = frame(1, 4, 1, request());

function dial(...frames: readonly Buffer[]): RawSocket {
  const raw = openSocket({ after }, listener.port);
  raw.socket.write(Buffer.concat([Buffer.from(PREFACE, "latin1"), ...frames]));
  return raw;
}

interface Told {
  readonly type: number;
  readonly id: number;
  readonly code: number;
}

/** The frames that came: type, stream, and of what ends something its code. */
function toldBy(raw: RawSocket): Told[] {
  const bytes = Buffer.from(raw.text(), "latin1");
  const told: Told[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const [length, type] = [bytes.readUIntBE(at, 3), bytes[at + 3] as number];
    const payload = bytes.subarray(at + 9, at + 9 + length);
    const code = type === 7 ? payload.readUInt32BE(4) : type === 3 ? payload.readUInt32BE(0) : 0;
    told.push({ type, id: bytes.readUInt32BE(at + 5), code });
    at += 9 + length;
  }
  return told;
}

const [PROTOCOL, FLOW, CLOSED, SIZE, REFUSED, COMPRESSION, CALM] = [1, 3, 5, 6, 7, 9, 11] as const;

test("who breaks the rules of the connection is told which, and cut off", async () => {
  const broken: readonly (readonly [what: string, code: number, frames: readonly Buffer[]])[] = [
    ["no settings first", PROTOCOL, [OPEN]],
    ["settings of a stream", PROTOCOL, [frame(4, 0, 1)]],
    ["settings that are cut off", SIZE, [frame(4, 0, 0, "12345")]],
    ["an answer to settings that says more", SIZE, [SETTINGS, frame(4, 1, 0, "123456")]],
    ["a window beyond all", FLOW, [frame(4, 0, 0, Buffer.concat([Buffer.of(0, 4), number(2 ** 31)]))]],
    ["frames that are too short", PROTOCOL, [frame(4, 0, 0, Buffer.concat([Buffer.of(0, 5), number(100)]))]],
    ["a frame that is too long", SIZE, [SETTINGS, frame(0, 0, 1, Buffer.alloc(16_385))]],
    ["a stream of an even number", PROTOCOL, [SETTINGS, frame(1, 4, 2, request())]],
    ["headers of no stream", PROTOCOL, [SETTINGS, frame(1, 4, 0, request())]],
    ["data of a stream that is not there", PROTOCOL, [SETTINGS, frame(0, 0, 1, "x")]],
    ["more padding than there is", PROTOCOL, [SETTINGS, OPEN, frame(0, 8, 1, "\x05abc")]],
    ["padding without a length", PROTOCOL, [SETTINGS, OPEN, frame(0, 8, 1)]],
    ["an end of a stream that is not there", PROTOCOL, [SETTINGS, frame(3, 0, 5, number(8))]],
    ["an end that is cut off", SIZE, [SETTINGS, OPEN, frame(3, 0, 1, "123")]],
    ["a promise", PROTOCOL, [SETTINGS, frame(5, 4, 1, number(2))]],
    ["a ping that is cut off", SIZE, [SETTINGS, frame(6, 0, 0, "1234")]],
    ["a ping of a stream", PROTOCOL, [SETTINGS, frame(6, 0, 1, "12345678")]],
    ["a window that grows by nothing", PROTOCOL, [SETTINGS, frame(8, 0, 0, number(0))]],
    ["a window that grows beyond all", FLOW, [SETTINGS, frame(8, 0, 0, number(2 ** 31 - 1))]],
    ["a window of a stream that is not there", PROTOCOL, [SETTINGS, frame(8, 0, 9, number(1))]],
    ["a priority that is cut off", SIZE, [SETTINGS, frame(2, 0, 1, "1234")]],
    ["a priority of no stream", PROTOCOL, [SETTINGS, frame(2, 0, 0, "12345")]],
    ["a stream before itself", PROTOCOL, [SETTINGS, frame(2, 0, 3, Buffer.concat([number(3), Buffer.of(16)]))]],
    ["pushes that are neither on nor off", PROTOCOL, [frame(4, 0, 0, Buffer.concat([Buffer.of(0, 2), number(2)]))]],
    ["a stream that others have overtaken", CLOSED, [SETTINGS, frame(1, 4, 5, request()), frame(1, 4, 3, request())]],
    ["data of one that was overtaken", CLOSED, [SETTINGS, frame(1, 4, 5, request()), frame(0, 0, 3, "x")]],
    ["data of one that is over", CLOSED, [SETTINGS, frame(1, 5, 1, request()), frame(0, 0, 1, "x")]],
    ["data of one that was taken back", CLOSED, [SETTINGS, OPEN, frame(3, 0, 1, number(8)), frame(0, 0, 1, "x")]],
    ["fields that go on without a beginning", PROTOCOL, [SETTINGS, frame(9, 4, 1, request())]],
    [
      "fields that are cut off by another frame",
      PROTOCOL,
      [SETTINGS, frame(1, 0, 1, request()), frame(6, 0, 0, "12345678")],
    ],
    ["fields that go on in another stream", PROTOCOL, [SETTINGS, frame(1, 0, 1, request()), frame(9, 4, 3)]],
    [
      "fields that go on without end",
      CALM,
      [SETTINGS, frame(1, 0, 1), ...Array.from({ length: 70 }, () => frame(9, 0, 1))],
    ],
    [
      "fields that are too long",
      CALM,
      [SETTINGS, frame(1, 0, 1), ...Array.from({ length: 3 }, () => frame(9, 0, 1, Buffer.alloc(16_384)))],
    ],
    ["fields that are none", COMPRESSION, [SETTINGS, frame(1, 4, 1, "\xff\xff\xff\xff\xff")]],
  ];
  for (const [what, code, frames] of broken) {
    const raw = dial(...frames);
    await raw.closed;
    assert.equal(toldBy(raw).find(({ type }) => type === 7)?.code, code, `${what}: ${JSON.stringify(toldBy(raw))}`);
  }
});

test("who breaks the rules of a stream loses that one alone", async () => {
  const headers = (text: string): Buffer => frame(1, 4, 1, text);
  const broken: readonly (readonly [what: string, code: number, frames: readonly Buffer[]])[] = [
    ["no path", PROTOCOL, [headers(field(":method", "POST"))]],
    ["a name in capitals", PROTOCOL, [headers(`${request()}${field("Upper", "1")}`)]],
    ["a pseudo-header that comes late", PROTOCOL, [headers(`${request()}${field(":authority", "a")}`)]],
    ["a field of HTTP/1.1", PROTOCOL, [headers(`${request()}${field("connection", "close")}`)]],
    ["an empty path", PROTOCOL, [headers(request(""))]],
    ["a pseudo-header of answers", PROTOCOL, [headers(`${field(":status", "200")}${request()}`)]],
    ["a pseudo-header that nobody knows", PROTOCOL, [headers(`${field(":more", "1")}${request()}`)]],
    ["a pseudo-header in trailers", PROTOCOL, [OPEN, frame(1, 5, 1, field(":path", "/"))]],
    ["a length that is no number", PROTOCOL, [headers(`${request()}${field("content-length", "-1")}`)]],
    ["a length, and nothing", PROTOCOL, [frame(1, 5, 1, `${request()}${field("content-length", "1")}`)]],
    [
      "less than was announced",
      PROTOCOL,
      [headers(`${request()}${field("content-length", "6")}`), frame(0, 1, 1, "12345")],
    ],
    ["less, and trailers", PROTOCOL, [headers(`${request()}${field("content-length", "6")}`), frame(1, 5, 1)]],
    [
      "more than was announced",
      PROTOCOL,
      [headers(`${request()}${field("content-length", "4")}`), frame(0, 0, 1, "12345")],
    ],
    ["trailers that are not the end", PROTOCOL, [OPEN, headers(field("a", "1"))]],
    ["a window that grows by nothing", PROTOCOL, [OPEN, frame(8, 0, 1, number(0))]],
    ["a window that grows beyond all", FLOW, [OPEN, frame(8, 0, 1, number(2 ** 31 - 1))]],
    [
      "more streams than are allowed; what follows on those is passed over",
      REFUSED,
      [...Array.from({ length: 101 }, (_, nth) => frame(1, 4, 2 * nth + 1, request())), frame(0, 1, 201, "x")],
    ],
  ];
  for (const [what, code, frames] of broken) {
    const raw = dial(SETTINGS, ...frames, frame(6, 0, 0, "12345678"));
    await until(() => toldBy(raw).some(({ type }) => type === 6));
    const told = toldBy(raw);
    assert.equal(
      told.find(({ type, code: with_ }) => type === 7 || (type === 3 && with_ !== 0))?.code,
      code,
      `${what}: ${JSON.stringify(told)}`,
    );
    assert.ok(!told.some(({ type }) => type === 7), what);
    raw.socket.destroy();
  }
});

test("frames of no known kind, priorities and trailers are nothing special", async () => {
  const begun = frame(
    1,
    0x20,
    1,
    Buffer.concat([number(0), Buffer.of(16), Buffer.from(request().slice(0, 20), "latin1")]),
  );
  const raw = dial(
    SETTINGS,
    frame(0xee, 0xff, 7, "whatever"),
    begun,
    frame(9, 4, 1, request().slice(20)),
    frame(2, 0, 1, Buffer.alloc(5)),
    frame(0, 8, 1, Buffer.concat([Buffer.of(3), message(Buffer.from("hello")), Buffer.alloc(3)])),
    frame(1, 5, 1, field("last", "1")),
    frame(7, 0, 0, Buffer.alloc(8)),
  );
  await until(() => toldBy(raw).filter(({ type }) => type === 1).length === 2);
  assert.match(raw.text(), /hello/);
});

test("who asks on and on and reads nothing, and who takes all back, is cut off", async () => {
  const asking = dial(...Array.from({ length: 5000 }, () => SETTINGS));
  await asking.closed;
  const begun = Array.from({ length: 1500 }, (_, nth) => [
    frame(1, 4, 2 * nth + 1, request()),
    frame(3, 0, 2 * nth + 1, number(8)),
  ]);
  const broken = begun.flatMap(([open = SETTINGS], nth) => [open, frame(8, 0, 2 * nth + 1, number(0))]);
  for (const frames of [begun.flat(), broken]) {
    const taken = dial(SETTINGS, ...frames);
    await taken.closed;
    assert.equal(toldBy(taken).find(({ type }) => type === 7)?.code, CALM);
  }
});
