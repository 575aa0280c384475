/** NOTIFY (RFC 1996) as a secondary sees it: when it comes, what it says, who signed it, how long it is said again. */
import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { describe, test } from "node:test";
import {
  type Before,
  type Secret,
  signTsig,
  verifyTsig,
} from "../../../packages/registry/src/dialects/dns/signing/tsig.ts";
import { decodeMessage } from "../../../packages/registry/src/dialects/dns/wire/packet.ts";
import { freePort } from "../../harness/ports.ts";
import { type Scope, until } from "../../harness/scope.ts";
import { openUdp, type Reading, readMessage, startDns } from "../rig.ts";

interface Heard extends Reading {
  readonly atMs: number;
}

/** A secondary that hears NOTIFY, and answers as it is told. */
class Listener {
  readonly port: number;
  readonly heard: Heard[] = [];
  /** What it answers; undefined for silence. */
  answer: ((message: Heard) => Buffer | readonly Buffer[] | undefined) | undefined = ({ bytes }) => toAnswer(bytes);

  private constructor(socket: Socket) {
    this.port = socket.address().port;
    socket.on("message", (bytes, from) => {
      const message = { ...readMessage(bytes), atMs: performance.now() };
      this.heard.push(message);
      for (const answer of [this.answer?.(message) ?? []].flat()) socket.send(answer, from.port, from.address);
    });
  }

  static async open(scope: Scope, address?: string): Promise<Listener> {
    const socket = await openUdp(address?.includes(":") ? "udp6" : "udp4", address);
    scope.after(() => {
      socket.close();
    });
    return new Listener(socket);
  }

  of(zone: string): Heard[] {
    return this.heard.filter(({ question }) => question?.name === zone);
  }
}

function toAnswer(bytes: Buffer, id = bytes.readUInt16BE(0)): Buffer {
  const answer = Buffer.from(bytes);
  answer.writeUInt16BE(id, 0);
  answer.writeUInt16BE(bytes.readUInt16BE(2) | 0x8000, 2);
  return answer;
}

const KEY: Secret = { name: ["secondaries"], algorithm: "hmac-sha512", secret: Buffer.alloc(40, "s") };
const KEYS = [{ name: "secondaries", algorithm: KEY.algorithm, secret: KEY.secret.toString("base64") }];
const nowS = (): number => Math.floor(Date.now() / 1000);

/** The MAC of a message, which must hold, and the message as it was before it was signed. */
function unsign(bytes: Buffer): { readonly requestMac: string; readonly bare: Buffer } {
  const decoded = decodeMessage(bytes);
  const tsig = decoded.ok ? decoded.value.tsig : undefined;
  assert.ok(tsig !== undefined, "it is not signed");
  const verdict = verifyTsig(bytes, tsig, KEY, nowS());
  assert.ok(verdict.ok, "it is wrongly signed");
  const bare = Buffer.from(bytes.subarray(0, tsig.offset));
  bare.writeUInt16BE(bare.readUInt16BE(10) - 1, 10);
  return { requestMac: verdict.value, bare };
}

function signedAnswer(bytes: Buffer, key: Secret, before: Before, error = 0): Buffer {
  return signTsig(toAnswer(unsign(bytes).bare), key, nowS(), before, { error }).packet;
}

function serialOf(message: Reading | undefined): number {
  return Number(message?.answers[0]?.text.split(" ")[2]);
}

describe("NOTIFY", { concurrency: true }, () => {
  test("each zone at the start, and each change once a second at most", async (t) => {
    const listener = await Listener.open(t);
    const six = await Listener.open(t, "::1");
    const fromMs = performance.now();
    const rig = await startDns(t, { settings: { notify: [`127.0.0.1:${listener.port}`, `[::1]:${six.port}`] } });
    await until(() => listener.heard.length > 0 && six.heard.length > 0);
    const [first] = listener.heard;
    assert.deepEqual(
      [first?.opcode, first?.aa, first?.response, first?.rd, first?.question?.type],
      [4, true, false, false, "SOA"],
    );
    assert.equal(first?.answers[0]?.type, "SOA");

    for (let i = 0; i < 20; i++) await rig.register("api", `a${i}`, { address: "10.0.0.1", port: 80 });
    const { answers } = await rig.ask("rollcall.", "SOA");
    const latest = Number(answers[0]?.text.split(" ")[2]);
    await until(() => serialOf(listener.of("rollcall.").at(-1)) === latest);
    // On a busy machine each may arrive late, and the next one in time: what counts is how many there were in all.
    const times = listener.of("rollcall.").map(({ atMs }) => atMs - fromMs);
    for (const [i, atMs] of times.entries()) assert.ok(atMs > i * 1000 - 50, `${times.join()}: too soon`);
    assert.ok(times.length < 15, `${times.length} messages for 20 changes`);
    await until(() => serialOf(six.of("rollcall.").at(-1)) === latest);

    // A zone that is new is told of as well.
    await rig.register("x", "x", { address: "10.0.0.1" }, "shop");
    await until(() => listener.of("shop.rollcall.").length > 0);
    assert.ok(new Set(listener.heard.map(({ id }) => id)).size > 1, "ids are not always the same");
  });

  test("said again until somebody who was asked answers", async (t) => {
    const listener = await Listener.open(t);
    listener.answer = (message) => {
      // An answer to another message does not count.
      return listener.heard.length === 1 ? toAnswer(message.bytes, message.id ^ 1) : undefined;
    };
    await startDns(t, { settings: { notify: `127.0.0.1:${listener.port}` } });
    await until(() => listener.heard.length === 2);
    const [one, two] = listener.heard as [Heard, Heard];
    assert.equal(one.id, two.id);
    assert.ok(two.atMs - one.atMs > 500, "after a second");
    listener.answer = (message) => toAnswer(message.bytes);
    await until(() => listener.heard.length === 3);
    const [, , three] = listener.heard as [Heard, Heard, Heard];
    assert.ok(three.atMs - two.atMs > 1300, "then after two");
    assert.equal(three.id, two.id);
  });

  test("a secondary that is not there does no harm", async (t) => {
    const port = await freePort();
    const rig = await startDns(t, { settings: { notify: [`127.0.0.1:${port}`, "127.0.0.1:9"] } });
    await rig.register("api", "a1", { address: "10.0.0.1", port: 80 });
    assert.equal((await rig.ask("api.rollcall.", "A")).answers.length, 1);
    assert.deepEqual(await rig.rollcall.stop(), { code: 0, signal: null });
  });
});

describe("NOTIFY by a key", { concurrency: true }, () => {
  test("signed by the server's key, and said again until the answer is", async (t) => {
    const listener = await Listener.open(t);
    const silent = await Listener.open(t);
    silent.answer = undefined;
    listener.answer = ({ bytes }) => {
      const { requestMac, bare } = unsign(bytes);
      // None of these is from somebody who has the key and took the message.
      if (listener.heard.length === 1)
        return [
          toAnswer(bare),
          signedAnswer(bytes, { ...KEY, secret: Buffer.alloc(40, "o") }, { requestMac }),
          signedAnswer(bytes, { ...KEY, name: ["other"] }, { requestMac }),
          signedAnswer(bytes, KEY, {}),
          signedAnswer(bytes, KEY, { requestMac }, 18),
          toAnswer(bytes),
        ];
      return signedAnswer(bytes, KEY, { requestMac });
    };
    const notify = [listener, silent].map(({ port }) => ({ address: "127.0.0.1", port, key: "Secondaries." }));
    const rig = await startDns(t, { settings: { notify, keys: KEYS }, flags: ["--log-level", "debug"] });
    // After one second, and after two more.
    await until(() => silent.heard.length === 3);
    const [one, two, ...more] = listener.heard as [Heard, Heard];
    assert.deepEqual([one.bytes, more.length], [two.bytes, 0]);
    assert.deepEqual([one.opcode, one.answers[0]?.type], [4, "SOA"]);
    const faults = rig.rollcall.logs.flatMap(({ fault }) => fault ?? []);
    const wrong = "wrongly signed";
    assert.deepEqual(faults, ["not signed", wrong, wrong, wrong, "BADTIME", wrong]);
    assert.ok(!rig.rollcall.stderr().includes(KEYS[0]!.secret));
  });

  test("without the SOA where that makes it too long", async (t) => {
    const [listener, signed] = [await Listener.open(t), await Listener.open(t)];
    const long = (label: string): string => Array(4).fill(label.padEnd(50, "x")).join(".");
    const notify = [
      { address: "127.0.0.1", port: listener.port },
      { address: "127.0.0.1", port: signed.port, key: "secondaries" },
    ];
    const settings = { notify, keys: KEYS, domain: long("d"), nameServers: [long("n")], mailbox: `m@${long("m")}` };
    await startDns(t, { settings });
    await until(() => listener.heard.length > 0 && signed.heard.length > 0);
    const [bare] = listener.heard;
    assert.deepEqual([bare?.question?.name, bare?.answers], [`${long("d")}.`, []]);
    assert.deepEqual(unsign(signed.heard[0]!.bytes).bare.subarray(2), bare?.bytes.subarray(2));
    assert.ok(signed.heard[0]!.bytes.length <= 512);
  });
});
