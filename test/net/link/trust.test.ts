/** Who gets in: nodes with the key, and nobody else, whatever is done to their connections on the way. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { openLink } from "../../../packages/registry/src/net/link/link.ts";
import { secure } from "../../../packages/registry/src/net/link/trust.ts";
import { type Scope, temporaryDirectory, until } from "../../harness/scope.ts";
import { createAuthority } from "../authority-rig.ts";
import { answerOf, dial, KEY, type Node, openNode, openRaw, openRelay, reach, WITH_KEY } from "./rig.ts";

const TIMEOUT = { timeout: 60_000 };
const OTHER = "another key for tests, long enough.";
const SECRET = "a word that nobody on the way may read";

async function openHearing(scope: Scope): Promise<{ b: Node; heard: string[] }> {
  const b = await openNode(scope, "b", { trust: WITH_KEY });
  const heard: string[] = [];
  b.link.on("word", (payload) => {
    heard.push(payload.toString());
    return payload;
  });
  return { b, heard };
}

for (const [who, trust, said, told] of [
  ["another key", { keys: [OTHER] }, /has no key of ours/, /alert|decrypt|handshake/i],
  ["no key", "loopback", /has no key of ours/, /closed the connection|ECONNRESET/],
] as const)
  test(`a node with ${who} does not get in`, TIMEOUT, async (t) => {
    const { b } = await openHearing(t);
    const a = await openNode(t, "a", { trust });
    const peer = dial(a, "b", b.link.port);
    await until(() => b.logged.some((line) => said.test(line)) && a.logged.some((line) => told.test(line)));
    assert.match(await answerOf(peer, "word", "x"), /^unavailable/);
    assert.deepEqual(b.link.visitors, []);
  });

test("a node with a key does not speak to one without", TIMEOUT, async (t) => {
  const b = await openNode(t, "b");
  const a = await openNode(t, "a", { trust: WITH_KEY });
  const peer = dial(a, "b", b.link.port);
  await until(() => b.logged.some((line) => /no hello of a link/.test(line)));
  assert.equal(peer.isUp, false);
});

test("keys are changed one node after the other", TIMEOUT, async (t) => {
  const stages = [{ keys: [KEY] }, { keys: [KEY, OTHER] }, { keys: [OTHER, KEY] }, { keys: [OTHER] }];
  const nodes = await Promise.all(stages.map((trust, i) => openNode(t, `n${i}`, { trust })));
  for (let i = 0; i + 1 < nodes.length; i += 1) {
    await reach(nodes[i] as Node, nodes[i + 1] as Node);
    await reach(nodes[i + 1] as Node, nodes[i] as Node);
  }
});

test("nothing that is said can be read, changed or said again on the way", TIMEOUT, async (t) => {
  const { b, heard } = await openHearing(t);
  const a = await openNode(t, "a", { trust: WITH_KEY });
  const seen: Buffer[] = [];
  let spoil = false;
  const port = await openRelay(
    t,
    () => b.link.port,
    (chunk) => {
      if (!spoil) seen.push(chunk);
      else chunk[chunk.length - 1] = (chunk[chunk.length - 1] as number) ^ 1;
      return [chunk];
    },
  );
  const peer = await reach(a, b, port);
  assert.equal(await answerOf(peer, "word", SECRET), SECRET);
  const bytes = Buffer.concat(seen);
  assert.ok(bytes.length > SECRET.length && !bytes.includes(SECRET) && !bytes.includes(KEY));

  // The same bytes once more: they belong to another handshake.
  const again = openRaw(t, b.link.port);
  again.socket.end(bytes);
  await until(again.isClosed);
  spoil = true;
  assert.match(await answerOf(peer, "word", "spoilt"), /^unknown: the connection to node "b" broke/);
  assert.deepEqual(heard, [SECRET]);
});

test("a node that is led back to itself says no", TIMEOUT, async (t) => {
  const a = await openNode(t, "a", { trust: WITH_KEY });
  const port = await openRelay(
    t,
    () => a.link.port,
    (chunk) => [chunk],
  );
  const peer = dial(a, "b", port);
  await until(() =>
    a.logged.some((line) => /is not reached.*both ends of the connection have the name "a"/.test(line)),
  );
  assert.equal(peer.isUp, false);
});

test("a certificate is no key, not even one of an authority that is trusted", TIMEOUT, async (t) => {
  const authority = createAuthority(temporaryDirectory(t), "root");
  const { cert, key } = authority.sign("server", "b");
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const a = await openNode(t, "a", { trust: WITH_KEY });
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  dial(a, "b", port);
  await until(() => a.logged.some((line) => /node "b" is not reached/.test(line)));

  const client = { ...secure(WITH_KEY)?.client, ca: readFileSync(authority.ca) };
  const socket = connect({ host: "127.0.0.1", port, ...client });
  const failed = await new Promise<Error>((resolve, reject) => {
    socket.on("error", resolve);
    socket.on("secureConnect", () => reject(new Error("it was let in")));
  });
  assert.match(failed.message, /shows a certificate/);
});

test("beyond this machine only with a key, and with one that is long enough", TIMEOUT, async (t) => {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const open = (host: string, trust: Parameters<typeof openLink>[0]["trust"]) =>
    openLink({ name: "a", host, port: 0, trust, log }).then((link) => link.close());
  await assert.rejects(open("0.0.0.0", "loopback"), /needs a key, and 0\.0\.0\.0 is not a loopback address/);
  await assert.rejects(open("127.0.0.1", { keys: ["short"] }), /at least 32 characters/);
  await assert.rejects(open("127.0.0.1", { keys: [] }), /no key/);
  await open("0.0.0.0", WITH_KEY);
  const a = await openNode(t, "a");
  const peer = a.link.dial({ name: "b", host: "192.0.2.1", port: 7072 });
  assert.match(await answerOf(peer, "word", "x"), /^unavailable: .*192\.0\.2\.1 is not a loopback address/);
});
