/** The SDK with several addresses: it goes on at another node, and repeats only what does no harm when it was done. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { type Client, createClient, type RollcallError } from "@rollcall/client";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/scope.ts";

type Manner = (request: IncomingMessage, response: ServerResponse) => void;

const problem =
  (status: number, name: string): Manner =>
  (_, response) => {
    const body = { type: `https://rollcall.dev/problems/${name}`, title: name, status, detail: `${name} it is` };
    response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(body));
  };
const MANNERS = {
  good: (_, response) => void response.end('{"revision":7}'),
  cut: (request) => void request.socket.destroy(),
  half: (request, response) => void response.writeHead(200).write("{", () => request.socket.destroy()),
  silent: () => {},
  slow: (_, response) => void setTimeout(() => response.end('{"revision":7}'), 300),
  unready: problem(503, "unavailable"),
  unknown: problem(504, "unknown"),
  missing: problem(404, "not-found"),
  there: problem(412, "exists"),
  moved: problem(412, "conflict"),
} satisfies Record<string, Manner>;

/** Something in place of a node; it may change its manner. "refusing": nothing listens there. */
async function startNode(first: keyof typeof MANNERS | "refusing") {
  if (first === "refusing") return { url: `http://127.0.0.1:${await freePort()}`, asked: 0, manner: "good" as const };
  const node = { url: "", asked: 0, manner: first };
  const server = createServer((request, response) => {
    node.asked++;
    MANNERS[node.manner](request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  node.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return node;
}

type Asked = (client: Client) => Promise<unknown>;
const CALLS = {
  read: (client) => client.status(),
  put: (client) => client.config.put("k", "v"),
  guarded: (client) => client.config.put("k", "v", { ifRevision: 3 }),
  beat: (client) => client.heartbeat("api", "a"),
  register: (client) => client.registerOnce({ service: "api", id: "a", address: "10.0.0.1" }),
  remove: (client) => client.deregister("api", "a"),
  grant: (client) => client.leases.grant({ ttl: "9s" }),
  transact: (client) => client.config.transaction({ then: [{ delete: { key: "k" } }] }),
  look: (client) => client.config.transaction({ then: [{ get: { key: "k" } }] }),
} satisfies Record<string, Asked>;

/** The first node's manner, the second one's, the calls, what comes of them, and how often the second is asked. */
const CASES: readonly (readonly [
  keyof typeof MANNERS | "refusing",
  keyof typeof MANNERS,
  readonly (keyof typeof CALLS)[],
  string,
  number,
])[] = [
  [
    "refusing",
    "good",
    ["read", "put", "guarded", "beat", "register", "remove", "grant", "transact", "look"],
    "done",
    1,
  ],
  ["unready", "good", ["read", "put", "guarded", "beat", "register", "remove", "grant", "transact", "look"], "done", 1],
  ["cut", "good", ["read", "put", "guarded", "beat", "register", "remove", "look"], "done", 1],
  ["half", "good", ["read", "put", "look"], "done", 1],
  ["silent", "good", ["read", "put", "look"], "done", 1],
  ["unknown", "good", ["read", "put", "guarded", "beat", "register", "remove", "look"], "done", 1],
  // What may have been done, and would be done twice, is told.
  ["cut", "good", ["grant", "transact"], "unreachable, unsure", 0],
  ["silent", "good", ["grant"], "unreachable, unsure", 0],
  ["unknown", "good", ["grant", "transact"], "unknown, unsure", 0],
  // A condition that does not hold any more after a try that may have been done says nothing.
  ["cut", "moved", ["guarded"], "unknown, unsure", 1],
  ["unknown", "there", ["register"], "unknown, unsure", 1],
  ["refusing", "moved", ["guarded"], "conflict", 1],
  ["unready", "there", ["register"], "exists", 1],
  // Gone it is, by whichever try.
  ["cut", "missing", ["remove"], "done", 1],
  ["refusing", "missing", ["beat"], "not-found", 1],
  // Nobody is there, and it is told whether anything may be done.
  ["refusing", "unready", ["read", "put", "grant"], "unavailable", 1],
  ["cut", "unready", ["put"], "unavailable, unsure", 1],
  ["silent", "cut", ["put"], "unreachable, unsure", 1],
  ["refusing", "cut", ["read"], "unreachable", 1],
];

test("what one node does not answer another one is asked, unless that could do it twice", async (t) => {
  await Promise.all(
    CASES.flatMap(([one, other, calls, outcome, asked]) =>
      calls.map((call) =>
        t.test(`${call}: ${one}, then ${other}`, async () => {
          const [first, second] = [await startNode(one), await startNode(other)];
          const slow = one === "silent" ? { timeoutMs: 600 } : {};
          const client = createClient({ url: [first.url, second.url], spread: false, ...slow });
          const came = await CALLS[call](client).then(
            () => "done",
            (error: RollcallError) => `${error.code}${error.unsure ? ", unsure" : ""}`,
          );
          assert.deepEqual([came, second.asked], [outcome, asked]);
          if (outcome === "done") assert.equal(client.url, second.url);
        }),
      ),
    ),
  );
});

test("an instance that is gone was there, when an earlier try may have taken it away", async () => {
  for (const [manner, wasThere] of [
    ["cut", true],
    ["unready", false],
  ] as const) {
    const [first, second] = [await startNode(manner), await startNode("missing")];
    const client = createClient({ url: [first.url, second.url], spread: false });
    assert.equal(await client.deregister("api", "a"), wasThere);
  }
});

test("a client stays with the node that answers, and many begin at all of them", async () => {
  const [first, second] = [await startNode("unready"), await startNode("good")];
  const url = [first.url, second.url];
  const client = createClient({ url, spread: false });
  for (let i = 0; i < 20; i++) await client.status();
  assert.deepEqual([first.asked, second.asked], [1, 20]);
  first.manner = "good";
  second.manner = "cut";
  for (let i = 0; i < 20; i++) await client.status();
  assert.equal(second.asked, 21);
  const begun = new Set(Array.from({ length: 40 }, () => createClient({ url }).url));
  assert.deepEqual([...begun].sort(), [...url].sort());
});

test("a client goes to the nearest node, and on at another when that is not ready", async () => {
  const [far, near, silent] = [await startNode("slow"), await startNode("good"), await startNode("silent")];
  const clients = Array.from({ length: 5 }, () => createClient({ url: [far.url, near.url, silent.url] }));
  await Promise.all(clients.map((client) => client.status()));
  assert.ok(clients.every(({ url }) => url === near.url));
  near.manner = "unready";
  await clients[0]?.status();
  assert.equal(clients[0]?.url, far.url);
});

test("nodes that are not ready are asked with pauses, by whatever follows", async () => {
  const nodes = [await startNode("unready"), await startNode("unready"), await startNode("unready")];
  const client = createClient({ url: nodes.map(({ url }) => url) });
  const stop = new AbortController();
  const watching = client.watch({ signal: stop.signal }).next();
  const discovery = client.discover("api");
  const registering = client.register({ service: "api", id: "a", address: "10.0.0.1" }, { signal: stop.signal });
  registering.catch(() => {});
  const beganMs = performance.now();
  await until(() => performance.now() - beganMs > 1500);
  stop.abort();
  discovery.close();
  await watching;
  // Three of them, with pauses that double from 100 ms at least: five rounds each in this time.
  const asked = nodes.reduce((sum, node) => sum + node.asked, 0);
  assert.ok(asked >= 9 && asked <= 45, `${asked} requests`);
});

test("no node at all is said in one sentence, with each of them", async () => {
  const [first, second] = [await startNode("refusing"), await startNode("refusing")];
  const client = createClient({ url: [first.url, second.url], spread: false });
  await assert.rejects(client.status(), (error: RollcallError) => {
    const detail = `no node answers: ${first.url} is out of reach: connection refused; ${second.url} is out of reach: connection refused`;
    assert.deepEqual([error.detail, error.code, error.transient, error.unsure], [detail, "unreachable", true, false]);
    return true;
  });
});
