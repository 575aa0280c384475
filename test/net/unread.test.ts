/** While clients of an address have much to read, and read it, a long answer to another one is refused in words. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { Outgoing } from "../../packages/registry/src/net/answers/outgoing.ts";
import { openHttpListener } from "../../packages/registry/src/net/http/listener.ts";
import { request } from "../harness/requests.ts";
import type { Scope } from "../harness/scope.ts";

const MIB = 2 ** 20;

/** The server's side of a connection from this machine. */
async function openSocket(scope: Scope): Promise<Socket> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as { readonly port: number }).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  scope.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket.on("error", () => {});
}

for (const [way, headers] of [
  ["plain", {}],
  ["node:http", { expect: "100-continue" }],
] as const)
  test(`a long answer, ${way}`, async (t) => {
    let nowMs = 0;
    const outgoing = new Outgoing({ unreadBytesPerAddressMax: MIB }, () => nowMs);
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const listener = await openHttpListener({ host: "127.0.0.1", port: 0, log, outgoing });
    t.after(() => listener.close());
    const bodies = { long: Buffer.alloc(MIB), short: Buffer.from("short") };
    for (const [name, body] of Object.entries(bodies))
      listener.mount(`/${name}`, "test", () => ({ streams: false, serve: (_, reply) => reply.send(200, {}, body) }));
    const ask = (name: string) => request(`http://127.0.0.1:${listener.port}/${name}`, { headers });
    assert.equal((await ask("long")).bytes.length, MIB);
    const slow = await openSocket(t);
    outgoing.note(slow, MIB);
    nowMs += 1000;
    const refused = await ask("long");
    assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "1"]);
    assert.match(refused.json().detail, /still to read/);
    assert.equal((await ask("short")).text, "short");
    // It took something.
    outgoing.note(slow, 0);
    outgoing.note(slow, MIB);
    nowMs += 2500;
    assert.equal((await ask("long")).status, 503);
    nowMs += 1000;
    assert.equal((await ask("long")).status, 200, "who stands still gives way");
    assert.deepEqual([slow.destroyed, outgoing.cuts], [true, 1]);
  });
