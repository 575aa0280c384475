/** Three whole programs that gossip: clients of all dialects, nodes cut off and joined again, killed, and without data. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { createClient, type NodeStatusBody } from "@rollcall/client";
import { DIALECTS } from "../../packages/registry/src/bin/dialects.ts";
import { startRegistry } from "../../packages/registry/src/bin/embed.ts";
import { loadDialects } from "../../packages/registry/src/bin/house/mount.ts";
import { openLink } from "../../packages/registry/src/net/link/link.ts";
import { commandLine } from "../cli/rig.ts";
import { openRelay } from "../etcd/relay-rig.ts";
import { freePort } from "../harness/ports.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Answer, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { startReceiver } from "../hooks/receiver.ts";
import { WALKS } from "./clients.ts";

const NAMES = ["n1", "n2", "n3"] as const;
const KEY = "one key that all of these nodes share";

const ports = await Promise.all(NAMES.map(freePort));
const relays = await Promise.all(ports.map((port) => openRelay({ after }, `http://127.0.0.1:${port}`)));
const addresses = relays.map(({ url }) => url.replace("http://", ""));

/** The first is told of nobody, the second of the first, the third of the second by a name in DNS. */
const PEERS = [[], ["--peers", addresses[0]], ["--peers", addresses[1]?.replace("127.0.0.1", "localhost")]];

const nodes = await Promise.all(
  NAMES.map((name, nth) =>
    startRollcall(
      { after },
      {
        dialects: "all",
        flags: [
          ...["--replicator", "gossip", "--name", name, "--link-key", KEY, "--link-port", String(ports[nth])],
          ...["--link-address", addresses[nth] as string, ...(PEERS[nth] as string[])],
          ...["--protection-hold-ms", nth === 2 ? "11m" : "10m"],
        ],
      },
    ),
  ),
);
const [a, b, c] = nodes as [Rollcall, Rollcall, Rollcall];

function ask(node: Rollcall, method: string, path: string, body?: unknown): Promise<Answer> {
  return request(`${node.url}/v2/default/${path}`, { method, body });
}

async function write(node: Rollcall, path: string, body: unknown): Promise<void> {
  const { status, text } = await ask(node, "PUT", path, body);
  assert.ok(status === 200 || status === 201 || status === 204, `${status} ${text}`);
}

async function idsAt(node: Rollcall): Promise<readonly string[]> {
  const { status, text } = await ask(node, "GET", "services/api");
  if (status === 404) return [];
  return (JSON.parse(text) as { instances: { id: string }[] }).instances.map(({ id }) => id).sort();
}

async function allHave(ids: readonly string[]): Promise<void> {
  for (const [nth, node] of nodes.entries())
    await until(async () => JSON.stringify(await idsAt(node)) === JSON.stringify(ids), {
      what: `${NAMES[nth]} has ${ids}`,
    });
}

/** Waits until the node reaches all others and has the same as they. */
async function inStep(node: Rollcall): Promise<NodeStatusBody> {
  return until(async () => {
    const body = (await request(`${node.url}/v2/_/status`)).json<NodeStatusBody>();
    const others = body.cluster?.nodes.filter(({ self }) => !self) ?? [];
    return others.length === 2 && others.every(({ reached, behind }) => reached && behind?.changes === 0) && body;
  });
}

/** Settings that a node finds different at the others. */
async function differencesAt(node: Rollcall): Promise<NodeStatusBody["differences"]> {
  return (await request(`${node.url}/v2/_/status`)).json<NodeStatusBody>().differences;
}

const INSTANCE = { address: "10.0.0.1", port: 80, ttl: "10m" };

for (const node of nodes) await inStep(node);

test("a node names the settings that are others elsewhere, and no more", async () => {
  const only = [{ node: "n3", settings: ["protection.holdMs"] }];
  for (const node of [a, b])
    await until(async () => assert.deepEqual(await differencesAt(node), only) ?? true, { what: "n3 alone differs" });
  const others = async () => (await differencesAt(c)).map(({ node }) => node).sort();
  await until(async () => assert.deepEqual(await others(), ["n1", "n2"]) ?? true, { what: "both others differ" });
});

test("each dialect is walked by its clients, or needs one order and is refused with a sentence", async () => {
  const refused = DIALECTS.map(({ name }) => name).filter((name) => WALKS[name] === undefined);
  assert.ok(a.logs.some(({ msg }) => /need one order of all commits.*going on without them/.test(String(msg))));
  const gossip = { name: "gossip", order: "local" } as const;
  for (const name of refused)
    await assert.rejects(loadDialects([name], gossip, { warn: () => {} }), /one order of all commits.*gossip/, name);
});

for (const [dialect, { walk, skip }] of Object.entries(WALKS))
  test(`clients of ${dialect} go from any node to any other`, { skip }, async (t) => {
    const turns = [
      [a, b, c],
      [b, c, a],
      [c, a, b],
    ] as const;
    for (const [nth, turn] of (dialect === "serf" ? turns.slice(0, 1) : turns).entries())
      await walk(turn, `${dialect}${nth}`, t);
  });

test("what is registered at one node is found at all, and kept where it is renewed", async () => {
  await write(a, "services/api/instances/a", INSTANCE);
  await allHave(["a"]);
  for (let i = 0; i < 3; i++) assert.equal((await ask(c, "POST", "services/api/instances/a/heartbeat")).status, 200);
  await until(async () => {
    const { leases } = (await ask(a, "GET", "leases?limit=1000")).json();
    return leases.find(({ lease }: { lease: string }) => lease === "api/a")?.keptBy === "n3";
  });
});

test("a position of one node is none at another", async () => {
  const { cursor } = (await ask(a, "GET", "events?limit=1")).json();
  assert.equal((await ask(a, "GET", `events?after=${cursor}`)).status, 200);
  const elsewhere = await ask(b, "GET", `events?after=${cursor}`);
  assert.deepEqual([elsewhere.status, /of another registry/.test(elsewhere.text)], [410, true], elsewhere.text);
});

test("accounts and tokens that are made at one node are known at all", async () => {
  const admin = (node: Rollcall, method: string, path: string, token: string, body?: unknown): Promise<Answer> =>
    request(`${node.url}/v2/_/${path}`, {
      method,
      body,
      headers: token === "" ? {} : { authorization: `Bearer ${token}` },
    });
  assert.equal((await admin(a, "PUT", "accounts/shop", "", { keysMax: 1 })).status, 200);
  const root = (await admin(b, "POST", "tokens", "", { name: "root", role: "admin" })).json();
  for (const node of nodes)
    await until(async () => {
      const { accounts } = (await admin(node, "GET", "accounts", root.token)).json();
      return accounts.find(({ account }: { account: string }) => account === "shop")?.limits.keysMax === 1;
    });
  // Open mode has ended everywhere.
  for (const node of nodes) await until(async () => (await admin(node, "GET", "accounts", "")).status === 401);
  const shop = (await admin(c, "POST", "tokens", root.token, { name: "s", role: "writer", account: "shop" })).json();
  const put = (node: Rollcall, key: string): Promise<Answer> =>
    request(`${node.url}/v2/shop/config/${key}`, {
      method: "PUT",
      body: "v",
      headers: { authorization: `Bearer ${shop.token}` },
    });
  await until(async () => (await put(a, "one")).status < 300);
  // Another key each time: the first is there when the one key has not been heard of yet.
  let nth = 0;
  await until(async () => (await put(b, `more${nth++}`)).status === 429);
  assert.equal((await admin(a, "DELETE", `tokens/${shop.id}`, root.token)).status, 200);
  for (const node of nodes) await until(async () => (await put(node, "one")).status === 401);
  assert.equal((await admin(a, "DELETE", `tokens/${root.id}`, root.token)).status, 200);
  for (const node of nodes) await until(async () => (await ask(node, "GET", "services")).status === 200);
});

test("a node says how it stands with the others: status, readiness, metrics and the command line", async () => {
  const { cluster } = await inStep(b);
  const { nodes: told = [], partitioned } = cluster ?? {};
  assert.deepEqual(
    [partitioned, told.map(({ node, self, present, reached, duty }) => [node, self, present, reached, duty])],
    [
      false,
      [
        ["n2", true, true, true, false],
        ["n1", false, true, true, true],
        ["n3", false, true, true, false],
      ],
    ],
  );
  const ready = (await request(`${b.url}/readyz`)).json();
  assert.deepEqual([ready.ready, ready.partitioned, ready.nodes.length], [true, false, 3]);
  assert.deepEqual(Object.keys(ready.nodes[1]), ["node", "self", "reached", "present", "heardMs", "behind"]);
  const metrics = (await request(`${b.url}/metrics`)).text;
  for (const line of [
    /^rollcall_nodes 3$/m,
    /^rollcall_partitioned 0$/m,
    /^rollcall_node_heard_seconds\{node="n3"\} \d/m,
    /^rollcall_node_behind_changes\{node="n1"\} \d/m,
    /^rollcall_node_behind_seconds\{node="n1"\} \d/m,
    /^rollcall_behind_seconds \d/m,
  ])
    assert.match(metrics, line);
  const { stdout } = await commandLine(b.url).cli(["status"]);
  assert.match(stdout, /^behind +nothing$/m);
  assert.match(stdout, /^NODE +LINK +HERE FOR +HEARD +LEASES +DIFFERS$/m);
  assert.match(stdout, /^n1 +127\.0\.0\.1:\d+ +\S+ +\S+ +\d+ +0 +on duty$/m);
  assert.match(stdout, /^n2 \(this one\) +127\.0\.0\.1:\d+ +\S+ +- +\d+ +-$/m);
  assert.doesNotMatch(stdout, /etcd|cut off/i);
});

test("a stranger without the key is let in by nobody, and named in the log", async (t) => {
  const said: string[] = [];
  const log = { debug: () => {}, info: () => {}, warn: (_: object, text: string) => said.push(text), error: () => {} };
  const trust = { keys: ["a key that is long enough, and another"] };
  const link = await openLink({ name: "stranger", host: "127.0.0.1", port: 0, trust, log: log as never });
  t.after(() => link.close());
  const peer = link.dial({ host: "127.0.0.1", port: ports[0] as number });
  await until(() =>
    a.logs.some(
      ({ msg, address }) =>
        /a connection to the link's port was refused: it has no key of ours/.test(String(msg)) &&
        /127\.0\.0\.1/.test(`${address} ${msg}`),
    ),
  );
  await until(() => said.some((text) => /is not reached/.test(text)));
  assert.equal(peer.isUp, false);
  const exposed = { replicator: "gossip", name: "x", link: { host: "0.0.0.0" } } as const;
  await assert.rejects(startRegistry(exposed), /without a key: anyone who reaches it could change everything/);
});

test("every side of a cut goes on, and afterwards all have what each wrote", async () => {
  for (const relay of relays) relay.cut();
  for (const [nth, name] of NAMES.entries())
    await write(nodes[nth] as Rollcall, `services/api/instances/${name}`, INSTANCE);
  assert.equal((await ask(b, "DELETE", "services/api/instances/a")).status, 200);
  for (const node of nodes) assert.equal((await request(`${node.url}/readyz`, {})).status, 200);
  type Reached = { readonly self: boolean; readonly reached: boolean };
  await until(async () =>
    (await request(`${a.url}/readyz`)).json().nodes.every(({ self, reached }: Reached) => self || !reached),
  );
  assert.match(
    (await commandLine(a.url).cli(["status"])).stdout,
    /^behind +not known: no other node is reached, for /m,
  );
  for (const relay of relays) relay.mend();
  await allHave(["n1", "n2", "n3"]);
});

/** How many hooks a node tells what happens. */
async function toldBy(node: Rollcall): Promise<number> {
  const { text } = await request(`${node.url}/metrics`);
  return Number(/^rollcall_http_hooks (\d+)$/m.exec(text)?.[1]);
}

test("one node tells hooks what any of them took; when that is killed, another one goes on", async () => {
  const receiver = await startReceiver({ after });
  await write(b, "hooks/h", { url: receiver.url, types: ["key.*"] });
  const teller = await until(async () => {
    const told = await Promise.all(nodes.map(toldBy));
    return told.some((count) => count === 1) && nodes[told.indexOf(1)];
  });
  const keys = (): readonly unknown[] => [...new Set(receiver.events().map(({ key }) => key))].sort();
  const put = (all: readonly Rollcall[], name: string) =>
    Promise.all(all.map(({ url }, nth) => createClient({ url }).config.put(`${name}${nth}`, "v")));
  await put(nodes, "a");
  await until(() => keys().length >= 3, { what: "what all three took" });
  await teller.kill("SIGKILL");
  await put(
    nodes.filter((node) => node !== teller),
    "b",
  );
  await until(() => keys().length >= 5, { what: "what the other two took" });
  assert.deepEqual(keys(), ["a0", "a1", "a2", "b0", "b1"]);
  await teller.restart();
  await inStep(teller);
});

test("a node that was killed and has lost its data gets all of it back", async () => {
  await b.kill("SIGKILL");
  await write(a, "services/api/instances/later", INSTANCE);
  rmSync(b.data, { recursive: true });
  await b.restart();
  assert.deepEqual(await idsAt(b), ["later", "n1", "n2", "n3"], "before it says that it is ready");
  await write(b, "services/api/instances/more", INSTANCE);
  await allHave(["later", "more", "n1", "n2", "n3"]);
});
