/** DNS over TCP: pipelining, odd framing, and the limits on clients that hold a connection (RFC 7766). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, test } from "node:test";
import { until } from "../../harness/scope.ts";
import { readMessage, startDns, TcpTalk, toQuery } from "../rig.ts";

const dns = await startDns({ after }, { settings: { tcpIdleMs: 400, tcpConnectionsMax: 8 } });
const numbers = Array.from({ length: 30 }, (_, i) => i);
await Promise.all(numbers.map((i) => dns.register("api", `api-${i}`, { address: `10.0.0.${i + 1}`, port: 8000 + i })));

test("many questions in one piece are all answered", async () => {
  const talk = await dns.connect();
  const ids = Array.from({ length: 500 }, (_, id) => id);
  talk.send(...ids.map((id) => toQuery(id % 2 === 0 ? "api.rollcall." : "none.rollcall.", "SRV", { id })));
  const seen = new Set<number>();
  for (const _ of ids) {
    const answer = readMessage(await talk.next());
    assert.equal(answer.rcode, answer.id % 2 === 0 ? "NOERROR" : "NXDOMAIN");
    seen.add(answer.id);
  }
  assert.equal(seen.size, ids.length);
  talk.close();
});

test("a question may come byte by byte, and with the next one behind it", async () => {
  const talk = await dns.connect();
  talk.socket.setNoDelay(true);
  const query = toQuery("api.rollcall.", "A", { id: 7 });
  const framed = Buffer.concat([Buffer.from([0, query.length]), query, Buffer.from([0, query.length])]);
  for (const byte of framed) talk.socket.write(Buffer.from([byte]));
  talk.socket.write(query);
  for (let i = 0; i < 2; i++) assert.equal(readMessage(await talk.next()).answers.length, 30);
  talk.close();
});

test("who ends his side still gets his answers, and then the end", async () => {
  const talk = await dns.connect();
  talk.send(...Array.from({ length: 50 }, (_, id) => toQuery("api.rollcall.", "SRV", { id })));
  talk.socket.end();
  for (let i = 0; i < 50; i++) assert.equal(readMessage(await talk.next()).answers.length, 30);
  await talk.ended();
  talk.close();
});

test("what cannot be a message ends the connection", async () => {
  for (const bytes of [Buffer.from([0, 0]), Buffer.from([0, 11, 1, 2, 3]), Buffer.from("GET / HTTP/1.1\r\n\r\n")]) {
    const talk = await dns.connect();
    talk.socket.write(bytes);
    await talk.ended();
    talk.close();
  }
});

test("a malformed message is refused, and the connection goes on", async () => {
  const talk = await dns.connect();
  talk.send(Buffer.concat([toQuery("api.rollcall.", "A"), Buffer.from([0])]));
  assert.equal(readMessage(await talk.next()).rcode, "FORMERR");
  talk.send(toQuery("api.rollcall.", "A"));
  assert.equal(readMessage(await talk.next()).rcode, "NOERROR");
  talk.close();
});

test("idle connections end, and so does one whose message never comes to its end", async () => {
  const idle = await dns.connect();
  const slow = await dns.connect();
  slow.socket.setNoDelay(true);
  // It is never idle: a byte comes every 50 ms.
  const drip = setInterval(() => slow.socket.write(Buffer.from([0xff])), 50);
  try {
    await Promise.all([idle.ended(), slow.ended()]);
  } finally {
    clearInterval(drip);
    idle.close();
    slow.close();
  }
});

test("one who takes no answers is read no further, and cut off; others go on", async () => {
  const talk = await TcpTalk.open("127.0.0.1", dns.port);
  talk.socket.pause();
  const queries = Buffer.concat(
    Array.from({ length: 2000 }, (_, id) => {
      const query = toQuery("api.rollcall.", "SRV", { id });
      return Buffer.concat([Buffer.from([0, query.length]), query]);
    }),
  );
  // About 3 MB of answers for each; what the kernel holds for both sides is less than 100 of them.
  for (let i = 0; i < 100; i++) talk.socket.write(queries);
  assert.equal((await dns.askTcp("api.rollcall.", "A")).answers.length, 30);
  await until(() => talk.socket.destroyed || talk.socket.errored !== null, { what: "the connection to be cut off" });
  assert.equal((await dns.ask("api.rollcall.", "A", { edns: { size: 1232 } })).answers.length, 30);
  talk.close();
});

test("no address takes all connections: its idle ones give way", async () => {
  const talks: TcpTalk[] = [];
  const use = async (talk: TcpTalk): Promise<void> => {
    talk.send(toQuery("api.rollcall.", "A"));
    assert.equal(readMessage(await talk.next()).rcode, "NOERROR");
  };
  // An address may have a quarter of 8 connections.
  for (let i = 0; i < 4; i++) talks.push(await dns.connect());
  await Promise.all(talks.slice(0, 2).map((talk) => talk.ended()));
  for (const talk of talks.slice(2)) await use(talk);
  await use(talks[2] as TcpTalk);
  talks.push(await dns.connect());
  await (talks[3] as TcpTalk).ended();
  for (const i of [2, 4]) await use(talks[i] as TcpTalk);
  for (const talk of talks) talk.close();
});

for (const [what, bytes] of [
  ["nothing", []],
  ["half a length", [0]],
  ["half a message", [0, 40, 1, 2, 3]],
  ["half a handshake of TLS", [0x16, 3, 1, 2, 0, 1, 0, 1]],
] as const)
  test(`250 connections of one address that say ${what} do not shut it out`, async (t) => {
    const crowded = await startDns(t, { settings: { tcpIdleMs: 60_000 } });
    const sockets = Array.from({ length: 250 }, () => connect(crowded.port, "127.0.0.1"));
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) socket.on("error", () => {}).write(Buffer.from(bytes));
    await Promise.all(sockets.map((socket) => until(() => !socket.connecting)));
    for (let i = 0; i < 60; i++) assert.equal((await crowded.askTcp("rollcall.", "SOA")).answers.length, 1);
  });

test("connections that wait for an answer stay, and more are refused then", async (t) => {
  let asked = 0;
  const silent = createServer((socket) => {
    socket.on("error", () => {}).on("data", () => asked++);
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const settings = { tcpConnectionsMax: 8, forward: `127.0.0.1:${port}`, forwardTimeoutMs: 1000 };
  const own = await startDns(t, { settings });
  const talks = [await own.connect(), await own.connect()];
  for (const [i, talk] of talks.entries()) {
    talk.send(toQuery(`name-${i}.example.`, "A"));
    await until(() => asked > i);
  }
  const refused = await own.connect();
  await refused.ended();
  for (const talk of talks) assert.equal(readMessage(await talk.next()).rcode, "SERVFAIL");
  assert.equal((await own.askTcp("rollcall.", "SOA")).answers.length, 1);
  for (const talk of [...talks, refused]) talk.close();
});

test("who speaks something else on this port is told of in the log", async (t) => {
  const own = await startDns(t, { settings: { tcpIdleMs: 400 } });
  const hello = Buffer.from("16030100a5010000a10303", "hex");
  for (const [what, bytes] of [
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["TLS", hello],
  ] as const) {
    const talk = await own.connect();
    talk.socket.write(bytes);
    await talk.ended();
    talk.close();
    const line = `a client spoke ${what} on port ${own.port}, which knows none`;
    await until(() => own.rollcall.stderr().includes(line) || own.rollcall.logs.some(({ msg }) => msg === line));
  }
});
