/** NOTIFY (RFC 1996) as a secondary sees it: when it comes, what it says, and how long it is said again. */
import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { describe, test } from "node:test";
import { openUdp, type Reading, readMessage, startDns } from "./dns-rig.ts";
import { freePort, type Scope, until } from "./harness.ts";

interface Heard extends Reading {
  readonly atMs: number;
}

/** A secondary that hears NOTIFY, and answers as it is told. */
class Listener {
  readonly port: number;
  readonly heard: Heard[] = [];
  /** What it answers; undefined for silence. */
  answer: ((message: Heard) => Buffer | undefined) | undefined = (message) => toAnswer(message.bytes);

  private constructor(socket: Socket) {
    this.port = socket.address().port;
    socket.on("message", (bytes, from) => {
      const message = { ...readMessage(bytes), atMs: performance.now() };
      this.heard.push(message);
      const answer = this.answer?.(message);
      if (answer !== undefined) socket.send(answer, from.port, from.address);
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

function serialOf(message: Reading | undefined): number {
  return Number(message?.answers[0]?.text.split(" ")[2]);
}

describe("NOTIFY", { concurrency: true }, () => {
  test("each zone at the start, and each change once a second at most", async (t) => {
    const listener = await Listener.open(t);
    const six = await Listener.open(t, "::1");
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
    await until(() => serialOf(listener.of("rollcall.").at(-1)) === latest, { timeoutMs: 4000 });
    const times = listener.of("rollcall.").map(({ atMs }) => atMs);
    for (let i = 1; i < times.length; i++)
      assert.ok((times[i] as number) - (times[i - 1] as number) > 950, `${times.join()}: too soon`);
    assert.ok(times.length <= 4, `${times.length} messages for 20 changes`);
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
    await until(() => listener.heard.length === 2, { timeoutMs: 4000 });
    const [one, two] = listener.heard as [Heard, Heard];
    assert.equal(one.id, two.id);
    assert.ok(two.atMs - one.atMs > 900, "after a second");
    listener.answer = (message) => toAnswer(message.bytes);
    await until(() => listener.heard.length === 3, { timeoutMs: 5000 });
    const [, , three] = listener.heard as [Heard, Heard, Heard];
    assert.ok(three.atMs - two.atMs > 1900, "then after two");
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
