/** Names outside our zones: asked of other servers when configured, for those who may, and refused otherwise. */
import assert from "node:assert/strict";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { freePort } from "../../harness/ports.ts";
import { type Scope, temporaryDirectory } from "../../harness/scope.ts";
import { askUdp, openUdp, type Reading, startDns } from "../rig.ts";

interface Upstream {
  readonly port: number;
  readonly asked: { readonly packet: Buffer; readonly from: RemoteInfo }[];
}

type Behave = (packet: Buffer, from: RemoteInfo, socket: Socket) => void;

/** A server that has 192.0.2.1 for every name, unless it behaves otherwise; over TCP with TTL 2. */
async function startUpstream(scope: Scope, behave?: Behave): Promise<Upstream> {
  const tcp = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const answer = toAnswer(chunk.subarray(2), 2);
      socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
    });
  });
  tcp.listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const { port } = tcp.address() as { port: number };
  const socket = await openUdp("udp4", "127.0.0.1", port);
  const asked: Upstream["asked"] = [];
  socket.on("message", (packet, from) => {
    asked.push({ packet, from });
    if (behave === undefined) socket.send(toAnswer(packet, 1), from.port, from.address);
    else behave(packet, from, socket);
  });
  scope.after(() => {
    socket.close();
    tcp.close();
  });
  return { port, asked };
}

function toAnswer(query: Buffer, ttl: number, flags = 0x8180): Buffer {
  let end = 12;
  while (query[end] !== 0) end += 1 + (query[end] as number);
  const head = Buffer.from(query.subarray(0, end + 5));
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(1, 6);
  head.writeUInt16BE(0, 10);
  return Buffer.concat([head, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, 1])]);
}

const forge: Behave = (packet, from, socket) => {
  const wrongId = toAnswer(packet, 9);
  wrongId.writeUInt16BE(packet.readUInt16BE(0) ^ 1, 0);
  const wrongName = toAnswer(packet, 9);
  wrongName[13] = (wrongName[13] as number) ^ 1;
  const question = Buffer.from(packet);
  for (const forged of [wrongId, wrongName, question, Buffer.from("no"), toAnswer(packet, 1)])
    socket.send(forged, from.port, from.address);
};
const fail: Behave = (packet, from, socket) => socket.send(toAnswer(packet, 1, 0x8182), from.port, from.address);
const cut: Behave = (packet, from, socket) => socket.send(toAnswer(packet, 1, 0x8380), from.port, from.address);
const tellMuch: Behave = (packet, from, socket) => {
  const answer = toAnswer(packet, 1);
  const records = Array.from({ length: 100 }, () => answer.subarray(answer.length - 16));
  const long = Buffer.concat([answer, ...records]);
  long.writeUInt16BE(101, 6);
  socket.send(long, from.port, from.address);
};
const deny: Behave = (packet, from, socket) => {
  const answer = toAnswer(packet, 1, 0x8183);
  answer.writeUInt16BE(0, 6);
  socket.send(answer.subarray(0, answer.length - 16), from.port, from.address);
};
const takeTime: Behave = (packet, from, socket) =>
  void setTimeout(() => socket.send(toAnswer(packet, 1), from.port, from.address), TIMEOUT_MS / 2);
const sayNothing: Behave = () => {};

/** Behaves as the first label of the name says. */
function behaveBy(behaviours: Readonly<Record<string, Behave>>): Behave {
  return (packet, from, socket) => {
    const behave = behaviours[packet.toString("latin1", 13, 13 + (packet[12] as number))];
    if (behave === undefined) socket.send(toAnswer(packet, 1), from.port, from.address);
    else behave(packet, from, socket);
  };
}

/** Hosts of `example.` that services stand at. */
const OUTSIDE = ["www", "cut", "failing", "gone", "long"];
const TIMEOUT_MS = 1000;
const [first, second, unused] = await Promise.all([
  startUpstream(
    { after },
    behaveBy({
      forged: forge,
      failing: fail,
      cut: fail,
      gone: deny,
      slow: takeTime,
      long: tellMuch,
      silent: sayNothing,
    }),
  ),
  startUpstream({ after }, behaveBy({ failing: fail, cut })),
  startUpstream({ after }),
]);
const [closed, own] = [await freePort(), await freePort()];
const toServer = (port: number): string => `127.0.0.1:${port}`;
const forward = [toServer(closed), { address: "127.0.0.1", port: first.port }, toServer(second.port)];
const [dns, choosy, looping] = await Promise.all([
  startDns({ after }, { settings: { forward, forwardTimeoutMs: TIMEOUT_MS } }),
  startDns({ after }, { settings: { forward: toServer(unused.port), allowForward: ["192.0.2.0/24"] } }),
  startDns({ after }, { settings: { forward: toServer(own) }, flags: ["--dns-port", String(own)] }),
]);

test("a name that is not ours is asked of the server, in the way it was asked of us", async () => {
  const over = await dns.ask("Example.com.", "A", { id: 77 });
  assert.deepEqual([over.id, over.rcode, over.answers[0]?.text, over.answers[0]?.ttl], [77, "NOERROR", "192.0.2.1", 1]);
  assert.equal(over.question?.name, "Example.com.");
  const tcp = await dns.askTcp("example.com.", "A");
  assert.deepEqual([tcp.answers[0]?.text, tcp.answers[0]?.ttl], ["192.0.2.1", 2]);
  for (let i = 0; i < 8; i++) await dns.ask("example.com.", "A", { id: 77 });
  const ids = new Set(first.asked.map(({ packet }) => packet.readUInt16BE(0)));
  const ports = new Set(first.asked.map(({ from }) => from.port));
  assert.ok(ids.size >= 8 && ports.size >= 8, `${ids.size} ids and ${ports.size} ports for 9 questions`);
  // Nobody else is asked for names of our own zones.
  const before = first.asked.length;
  const mine = await dns.ask("none.rollcall.", "A");
  assert.deepEqual([mine.rcode, mine.aa, mine.ra], ["NXDOMAIN", true, true]);
  assert.equal((await dns.ask("example.com.", "A", { flags: 0 })).rcode, "REFUSED", "without RD");
  assert.equal(first.asked.length, before);
});

test("an address of our networks that no instance has is asked of the server too, if the client may", async () => {
  await dns.register("reverse", "r1", { address: "10.0.0.1", port: 80 });
  const ours = await dns.ask("1.0.0.10.in-addr.arpa.", "PTR");
  assert.deepEqual([ours.aa, ours.answers.length], [true, 1]);
  for (const name of ["9.0.0.10.in-addr.arpa.", `1.${"0.".repeat(29)}d.f.ip6.arpa.`]) {
    // Twice: what depends on other servers is not kept.
    for (const _ of [1, 2]) {
      const before = first.asked.length;
      assert.equal((await dns.ask(name, "PTR")).answers[0]?.text, "192.0.2.1", "what the server has for every name");
      assert.equal(first.asked.length, before + 1);
    }
    for (const answer of [await dns.ask(name, "PTR", { flags: 0 }), await choosy.ask(name, "PTR")])
      assert.deepEqual([answer.rcode, answer.aa], ["NXDOMAIN", true]);
  }
});

test("what is not the answer is not believed", async () => {
  assert.equal((await dns.ask("forged.example.", "A")).answers[0]?.ttl, 1);
});

test("TC is passed on; the next server is asked when one fails, and SERVFAIL said when all do", async () => {
  const before = second.asked.length;
  assert.equal((await dns.ask("cut.example.", "A")).tc, true);
  assert.equal(second.asked.length, before + 1, "behind one that is closed and one that failed");
  const failed = await dns.ask("failing.example.", "A", { edns: {} });
  assert.deepEqual([failed.rcode, failed.ra, failed.edns?.size], ["SERVFAIL", true, 1232]);
});

test("what is too long for UDP is not sent over it", async () => {
  for (const spec of [{}, { edns: { size: 4096 } }]) {
    const answer = await dns.ask("long.example.", "A", spec);
    assert.deepEqual([answer.tc, answer.answers.length], [true, 0]);
  }
});

test("a server that says nothing is waited for no longer than the settings say", async () => {
  const before = second.asked.length;
  const startMs = performance.now();
  assert.equal((await dns.ask("silent.example.", "A")).answers.length, 1);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs > TIMEOUT_MS - 50 && tookMs < TIMEOUT_MS + 2000, `${tookMs} ms`);
  assert.equal(second.asked.length, before + 1);
});

test("we forward for those who may alone, and never to ourselves", async () => {
  const refused = await choosy.ask("example.com.", "A");
  assert.deepEqual([refused.rcode, refused.ra], ["REFUSED", false]);
  assert.equal((await choosy.askTcp("example.com.", "A")).rcode, "REFUSED");
  assert.equal(unused.asked.length, 0);
  assert.equal(looping.port, own);
  assert.equal((await askUdp("127.0.0.1", own, "example.com.", "A")).rcode, "SERVFAIL");
});

test("instances at hosts outside are found by the addresses that those have", async () => {
  for (const rig of [dns, choosy])
    for (const host of OUTSIDE) await rig.register(host, "h1", { address: `${host}.example`, port: 80 });
  const whole = ["NOERROR", "www.rollcall. 192.0.2.1"];
  // Twice: an answer that depends on other servers is not kept.
  for (const _ of [1, 2]) {
    const before = first.asked.length;
    const udp = await dns.ask("www.rollcall.", "A", { id: 78 });
    assert.deepEqual([udp.id, udp.aa, udp.ra, udp.question?.name, show(udp)], [78, true, true, "www.rollcall.", whole]);
    assert.equal(first.asked.length, before + 1);
  }
  // Resolvers that want no recursion of us would keep a CNAME, which hides the name's other records.
  assert.deepEqual(show(await dns.ask("www.rollcall.", "A", { flags: 0 })), whole);
  assert.deepEqual(show(await dns.ask("www.rollcall.", "SRV")), ["NOERROR", "www.rollcall. 0 25600 80 www.example."]);
  assert.equal((await dns.ask("WWW.Rollcall.", "A", { edns: {} })).answers[0]?.text, "192.0.2.1");
  assert.equal((await dns.askTcp("www.rollcall.", "A")).answers[0]?.ttl, 2, "by TCP as well");
  for (const [name, type] of [
    ["gone.rollcall.", "A"],
    ["www.rollcall.", "AAAA"],
  ] as const) {
    const none = await dns.ask(name, type);
    assert.deepEqual([...show(none), none.authority[0]?.name], ["NOERROR", "rollcall."], `${name} ${type}`);
  }
  assert.deepEqual(show(await dns.ask("failing.rollcall.", "A")), ["SERVFAIL"]);
  assert.equal((await dns.ask("cut.rollcall.", "A")).tc, true);
  const long = await dns.ask("long.rollcall.", "A");
  assert.ok(long.tc && long.answers.length > 10, "as much as fits");
  // A client for whom nothing is forwarded gets the CNAME alone.
  const { answers, ra } = await choosy.ask("www.rollcall.", "A");
  assert.deepEqual([answers.map(({ text }) => text), ra, unused.asked.length], [["www.example."], false, 0]);
});

test("many who ask for the same host at once are one question", async () => {
  await dns.register("slow", "h1", { address: "slow.example", port: 80 });
  const before = first.asked.length;
  const found = await Promise.all(Array.from({ length: 20 }, () => dns.ask("slow.rollcall.", "A")));
  for (const answer of found) assert.deepEqual(show(answer), ["NOERROR", "slow.rollcall. 192.0.2.1"]);
  const asked = first.asked.length - before;
  assert.ok(asked < 10, `${asked} questions`);
});

test("an alias of a zone file to a name outside is followed by an answer from there", async () => {
  const directory = temporaryDirectory({ after }, "forward");
  const aliases = OUTSIDE.map((host) => `${host} CNAME ${host}.example.`);
  const lines = ["$TTL 60", "@ SOA ns h 1 60 60 60 60", "@ NS ns", "ns A 127.0.0.1", ...aliases, ""];
  writeFileSync(join(directory, "file.test.zone"), lines.join("\n"));
  const rig = await startDns({ after }, { directory, settings: { forward, files: ["file.test.zone"] } });
  const ask = (host: string, spec = {}) => rig.ask(`${host}.file.test.`, "A", spec);
  const alias = (host: string) => `${host}.file.test. ${host}.example.`;
  const whole = await ask("www");
  assert.deepEqual(show(whole), ["NOERROR", alias("www"), "www.example. 192.0.2.1"]);
  assert.deepEqual([whole.aa, whole.ra], [true, true]);
  assert.deepEqual(show(await ask("gone")), ["NXDOMAIN", alias("gone")]);
  assert.deepEqual(show(await ask("failing")), ["SERVFAIL", alias("failing")]);
  assert.equal((await ask("cut")).tc, true);
  const before = first.asked.length;
  assert.deepEqual(show(await ask("www", { flags: 0 })), ["NOERROR", alias("www")], "without RD");
  assert.equal(first.asked.length, before);
});

function show({ rcode, answers }: Reading): readonly string[] {
  return [rcode, ...answers.map(({ name, text }) => `${name} ${text}`)];
}
