/** What the DNS server must survive: broken packets, floods, forged addresses, and clients that never end. */
import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, test } from "node:test";
import fc from "fast-check";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { ANSWER_MS_MAX, type DnsRig, nextPacket, openUdp, readMessage, startDns, toQuery } from "./rig.ts";

const [dns, limited] = await Promise.all([
  startDns({ after }),
  startDns({ after }, { settings: { responsesPerSecond: 20, unlimited: "none", tcpConnectionsMax: 100 } }),
]);
for (let i = 0; i < 10; i++)
  await dns.register("api", `api-${i}`, { address: `10.0.0.${i}`, port: 80, tags: ["blue"], ttl: "10m" });

const byDefault = startDns({ after }, { settings: { unlimited: "none" } }).then(async (rig) => {
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  await Promise.all(
    numbers.map((i) => rig.register("many", `m-${i}`, { address: `10.0.1.${i}`, port: 80, ttl: "10m" })),
  );
  return rig;
});

/** All that comes in until the server has answered a good question that was asked last. */
class Talk {
  readonly answers: Buffer[] = [];
  readonly #socket: Socket;
  readonly #port: number;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
  }

  static async open(port: number, address = "127.0.0.1"): Promise<Talk> {
    const socket = await openUdp("udp4", address);
    socket.setRecvBufferSize(4 * 1024 * 1024);
    const talk = new Talk(socket, port);
    socket.on("message", (packet) => talk.answers.push(packet));
    return talk;
  }

  send(packet: Uint8Array): void {
    this.#socket.send(packet, this.#port, "127.0.0.1");
  }

  /** Resolves when the server has handled all that was sent. */
  async settle(): Promise<void> {
    const id = 0x5e77;
    this.send(toQuery("rollcall.", "SOA", { id, flags: 0x0010 }));
    await until(() => this.answers.some((answer) => answer.length > 3 && answer.readUInt16BE(0) === id), {
      what: "the server to answer",
      intervalMs: 2,
    });
    this.answers.splice(0, this.answers.length, ...this.answers.filter((answer) => answer.readUInt16BE(0) !== id));
  }

  /** Takes what has come in already: a turn of the loop reads no more than 32 packets of a socket. */
  async drain(): Promise<void> {
    for (let idle = 0, seen = -1; idle < 3; ) {
      await new Promise((resolve) => setImmediate(resolve));
      idle = seen === this.answers.length ? idle + 1 : 0;
      seen = this.answers.length;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

const memory = (): number => {
  const status = readFileSync(`/proc/${dns.rollcall.pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
};

const GOOD = [
  toQuery("_api._tcp.rollcall.", "SRV", { id: 1, edns: { size: 4096 } }),
  toQuery("blue.api.rollcall.", "A", { id: 1 }),
  toQuery("rollcall.", "AXFR", { id: 1 }),
  toQuery("1.0.0.10.in-addr.arpa.", "PTR", {
    id: 1,
    edns: { options: Buffer.from("000a00080102030405060708", "hex") },
  }),
  // UPDATE of the zone rollcall. with one record.
  toQuery("rollcall.", "SOA", { id: 1, flags: 0x2800 }),
];

test("broken packets are refused or dropped, whatever they are", async () => {
  const talk = await Talk.open(dns.port);
  const mutation = fc.record({
    of: fc.nat({ max: GOOD.length - 1 }),
    edits: fc.array(fc.tuple(fc.nat({ max: 80 }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    cut: fc.option(fc.nat({ max: 80 })),
    tail: fc.uint8Array({ maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 50, maxLength: 100 }), async (mutations) => {
      for (const { of, edits, cut, tail } of mutations) {
        const packet = Buffer.from(GOOD[of] as Buffer);
        for (const [at, byte] of edits) if (at < packet.length) packet[at] = byte;
        talk.send(Buffer.concat([packet.subarray(0, cut ?? packet.length), tail]));
      }
      await talk.settle();
      for (const answer of talk.answers.splice(0)) {
        assert.ok(answer.length >= 12 && answer.length <= 1232);
        assert.equal((answer[2] as number) & 0x80, 0x80);
        readMessage(answer);
      }
    }),
    { numRuns: 60 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 50, maxLength: 100 }),
      async (packets) => {
        for (const packet of packets) talk.send(packet);
        await talk.settle();
        for (const answer of talk.answers.splice(0)) readMessage(answer);
      },
    ),
    { numRuns: 30 },
  );
  talk.close();
});

test("names that lead in circles cost nothing", async () => {
  const head = Buffer.from("000101000001000000000000", "hex");
  const talk = await Talk.open(dns.port);
  const loops = [
    Buffer.from([0xc0, 12, 0, 1, 0, 1]),
    Buffer.from([1, 0x61, 0xc0, 12, 0, 1, 0, 1]),
    Buffer.from([0xc0, 14, 0xc0, 12, 0, 1, 0, 1]),
    Buffer.from([0xff, 0xff, 0, 1, 0, 1]),
  ];
  const startMs = performance.now();
  for (let i = 0; i < 500; i++) for (const loop of loops) talk.send(Buffer.concat([head, loop]));
  await talk.settle();
  assert.ok(performance.now() - startMs < 2000);
  for (const answer of talk.answers) assert.equal(readMessage(answer).rcode, "FORMERR");
  talk.close();
});

test("a flood of names that are not there fills no memory, and others are answered meanwhile", async () => {
  const talk = await Talk.open(dns.port);
  await talk.settle();
  const beforeMiB = memory();
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 100; i++) talk.send(toQuery(`r${round}x${i}.${"y".repeat(50)}.rollcall.`, "A", { id: 9 }));
    await talk.settle();
    for (const answer of talk.answers.splice(0)) assert.equal(answer.readUInt16BE(2) & 15, 3);
    if (round % 50 === 0) assert.equal((await dns.ask("api.rollcall.", "A")).answers.length, 10);
  }
  const grownMiB = memory() - beforeMiB;
  assert.ok(grownMiB < 150, `${grownMiB} MiB more`);
  talk.close();
});

test("names in all mixtures of cases are one answer, each in its own case", async () => {
  const talk = await Talk.open(dns.port);
  const names = Array.from({ length: 2000 }, (_, n) =>
    [..."_api._tcp.rollcall."].map((letter, i) => ((n >> (i % 11)) & 1 ? letter.toUpperCase() : letter)).join(""),
  );
  for (const [id, name] of names.entries()) {
    talk.send(toQuery(name, "SRV", { id }));
    if (id % 50 === 49) await talk.settle();
  }
  await talk.settle();
  for (const answer of talk.answers.map(readMessage)) assert.equal(answer.question?.name, names[answer.id]);
  assert.ok(talk.answers.length >= names.length * 0.95, `${talk.answers.length} answers`);
  talk.close();
});

/** Resolves when all questions that were sent are handled: another address, with a limit of its own, asks behind them. */
async function handled(rig: DnsRig): Promise<void> {
  const other = await openUdp("udp4", "127.0.9.9");
  try {
    const end = nextPacket(other, ANSWER_MS_MAX);
    other.send(toQuery("rollcall.", "SOA"), rig.port, "127.0.0.1");
    assert.ok((await end) !== undefined, "another network is answered");
  } finally {
    other.close();
  }
}

/** Sends a burst of questions, and counts the answers by kind. */
async function burst(rig: DnsRig, address: string, count: number) {
  const talk = await Talk.open(rig.port, address);
  for (let id = 0; id < count; id++) talk.send(toQuery("_api._tcp.rollcall.", "SRV", { id }));
  await handled(rig);
  await talk.drain();
  const answers = talk.answers.map(readMessage);
  talk.close();
  return {
    full: answers.filter((answer) => answer.answers.length > 0).length,
    slips: answers.filter((answer) => answer.tc && answer.answers.length === 0),
    bytes: talk.answers.reduce((sum, answer) => sum + answer.length, 0),
  };
}

test("a forged address is sent little: answers to one network thin out, and TCP is the way out", async () => {
  await limited.register("api", "api-1", { address: "10.0.0.1", port: 80 });
  const first = await burst(limited, "127.0.1.1", 300);
  // The limit allows a few more for the time that the burst takes.
  assert.ok(first.full >= 17 && first.full < 60, `${first.full} answers`);
  assert.ok(first.slips.length >= 3, `${first.slips.length} hints to come by TCP`);
  for (const slip of first.slips) {
    assert.equal(slip.question?.name, "_api._tcp.rollcall.");
    assert.equal(slip.bytes.length, toQuery("_api._tcp.rollcall.", "SRV").length, "no longer than what came");
  }
  const neighbour = await burst(limited, "127.0.1.77", 50);
  assert.ok(neighbour.full < 20, "the same network");
  assert.equal((await burst(limited, "127.0.2.1", 10)).full, 10, "another network");
  for (let i = 0; i < 50; i++) assert.equal((await limited.askTcp("_api._tcp.rollcall.", "SRV")).answers.length, 1);
  const metrics = (await request(`${limited.rollcall.url}/metrics`)).text;
  assert.match(metrics, /^rollcall_dns_dropped_total\{reason="rate_limited"\} [1-9]\d+/m);
  await until(async () => (await burst(limited, "127.0.1.1", 1)).full === 1, { what: "the network to be answered" });
});

const HEADERS_BYTES = 28;
const LARGE = toQuery("_many._tcp.rollcall.", "SRV", { edns: { size: 4096 } });
const KINDS: Readonly<Record<string, Buffer>> = {
  "long answers": LARGE,
  "short answers": toQuery("rollcall.", "SOA"),
  "names that are not there": toQuery("none.rollcall.", "A"),
  "names of others": toQuery("example.", "A"),
  "broken questions": Buffer.concat([toQuery("rollcall.", "SOA"), Buffer.from([0])]),
  "mixed cases": toQuery("_MANY._tcp.Rollcall.", "SRV", { edns: { size: 4096 } }),
};
for (const [i, [kind, packet]] of Object.entries(KINDS).entries())
  test(`by default one network gets no more than 200 kB in a second, whatever is asked: ${kind}`, async (t) => {
    const rig = await byDefault;
    const talk = await Talk.open(rig.port, `127.0.${20 + i}.1`);
    t.after(() => talk.close());
    const startMs = performance.now();
    while (performance.now() - startMs < 700) {
      for (let sent = 0; sent < 200; sent++) talk.send(packet);
      await handled(rig);
    }
    await talk.drain();
    const seconds = (performance.now() - startMs) / 1000;
    const bytes = talk.answers.reduce((sum, answer) => sum + answer.length + HEADERS_BYTES, 0);
    assert.ok(talk.answers.length > 50, "it is answered");
    assert.ok(bytes <= 100_000 * (1 + seconds), `${bytes} bytes in ${seconds} s`);
  });

test("an honest client over the limit is told so each time, and has its answers by TCP", async () => {
  const { port } = await byDefault;
  const network = "127.0.40.1";
  const socket = await openUdp("udp4", network);
  let [full, hints] = [0, 0];
  while (hints < 20) {
    const answer = nextPacket(socket, ANSWER_MS_MAX);
    socket.send(LARGE, port, "127.0.0.1");
    const reading = readMessage((await answer) ?? assert.fail("no answer"));
    if (reading.tc && reading.answers.length === 0) hints += 1;
    else full += 1;
  }
  socket.close();
  assert.ok(full >= 40, `${full} answers before the first hint`);
  assert.equal((await (await byDefault).askTcp("_many._tcp.rollcall.", "SRV")).answers.length, 40);
});

test("garbage over TCP harms nobody", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), async (chunks) => {
      const socket = connect(dns.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
      await until(() => socket.closed, { intervalMs: 2 });
    }),
    { numRuns: 40 },
  );
  assert.equal((await dns.askTcp("api.rollcall.", "A")).answers.length, 10);
});

test("hundreds of connections that say nothing keep nobody from asking", async () => {
  const sockets = Array.from({ length: 300 }, () => connect(limited.port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => {});
  await until(() => sockets.filter((socket) => socket.closed).length >= 200);
  assert.equal((await limited.askTcp("rollcall.", "SOA")).answers.length, 1);
  assert.equal((await limited.ask("rollcall.", "SOA")).answers.length, 1);
  assert.equal((await request(`${limited.rollcall.url}/healthz`)).status, 200);
  for (const socket of sockets) socket.destroy();
});

test("heartbeats are answered while UDP is flooded", async (t) => {
  await dns.register("beating", "beating-1", { address: "10.0.9.1", port: 80, ttl: "10s" });
  const talk = await Talk.open(dns.port);
  let flooding = true;
  const query = toQuery("_api._tcp.rollcall.", "SRV", { id: 1 });
  const flood = (): void => {
    if (!flooding) return;
    for (let i = 0; i < 200; i++) talk.send(query);
    setImmediate(flood);
  };
  t.after(() => {
    flooding = false;
    talk.close();
  });
  flood();
  const url = `${dns.rollcall.url}/v2/default/services/beating/instances/beating-1/heartbeat`;
  for (let i = 0; i < 20; i++) {
    const startMs = performance.now();
    assert.equal((await request(url, { method: "POST" })).status, 200);
    assert.ok(performance.now() - startMs < 1000, `${performance.now() - startMs} ms`);
  }
  flooding = false;
});

test("after all that the server has logged no mistake of its own", () => {
  const bad = dns.rollcall.logs.filter((line) => Number(line.level) >= 50 || line.level === "error");
  assert.deepEqual(bad, []);
  assert.equal(dns.rollcall.stderr(), "");
});
