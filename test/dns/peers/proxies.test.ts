/** HAProxy and nginx send traffic to instances that they find by DNS. */
import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { freePort } from "../../harness/ports.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";
import {
  countAnswers,
  type Haproxy,
  readExample,
  startBackend,
  startHaproxy,
  startPeer,
  writeConfig,
} from "../../peers-rig.ts";
import { startDns } from "../rig.ts";

const haproxy = requirePackage("haproxy", "haproxy");
const nginx = requirePackage("nginx", "nginx");

const TAKE_UP_MS = 6000;

const rig = await startDns({ after }, { settings: { ttlS: 1, negativeTtlS: 1, udpBytesMax: 8192 } });

/** Waits until a backend has these servers: `port weight`, in any order. */
async function waitForServers(
  peer: Haproxy,
  backend: string,
  wanted: readonly string[],
  timeoutMs = TAKE_UP_MS,
): Promise<void> {
  let seen: readonly string[] = [];
  const find = async () => {
    seen = (await peer.servers(backend)).map(({ address, port, weight }) => `${address}:${port} ${weight}`).sort();
    return seen.join() === [...wanted].sort().join();
  };
  const what = `${backend} to be ${wanted.join()}`;
  await until(find, { what, timeoutMs, intervalMs: 50 }).catch((error) =>
    assert.fail(`${error.message}; there are ${seen.join()}`),
  );
}

describe("proxies", { concurrency: true }, () => {
  test("HAProxy sends traffic to what is there, by weight", { skip: haproxy.skip }, balance);
  test(
    "HAProxy finds all of a large service, and a steady part where packets are small",
    {
      skip: haproxy.skip,
    },
    findMany,
  );
  test("nginx finds addresses anew when the TTL is over", { skip: nginx.skip }, findAnew);
});

async function balance(t: TestContext): Promise<void> {
  const [one, two] = [await startBackend(t, "one"), await startBackend(t, "two")];
  const address = "127.0.0.1";
  await rig.register("api", "one", { address, port: one, weight: 30 });
  // It asks once a second unless told otherwise.
  const faster = { "hold nx 2s": "hold nx 2s\n    timeout resolve 300ms" };
  const example = readExample("HAProxy", { "127.0.0.1:8600": `127.0.0.1:${rig.port}`, ...faster });
  const peer = await startHaproxy(t, haproxy.path, "api", example);
  await waitForServers(peer, "api", [`127.0.0.1:${one} 30`]);
  assert.deepEqual(await countAnswers(peer.url, 4), { one: 4 });

  await rig.register("api", "two", { address, port: two, weight: 10 });
  await waitForServers(peer, "api", [`127.0.0.1:${one} 30`, `127.0.0.1:${two} 10`]);
  assert.deepEqual(await countAnswers(peer.url, 40), { one: 30, two: 10 });

  // Weight 0 stays listed and gets nothing, as an operator would have it.
  await rig.register("api", "one", { address, port: one, weight: 0 });
  await waitForServers(peer, "api", [`127.0.0.1:${one} 0`, `127.0.0.1:${two} 10`]);
  assert.deepEqual(await countAnswers(peer.url, 4), { two: 4 });

  await rig.register("api", "one", { address, port: one, weight: 255 });
  await rig.register("api", "two", { address, port: two, status: "draining" });
  await waitForServers(peer, "api", [`127.0.0.1:${one} 255`]);
  assert.deepEqual(await countAnswers(peer.url, 4), { one: 4 });

  await rig.deregister("api", "one");
  await waitForServers(peer, "api", []);
  assert.deepEqual(await countAnswers(peer.url, 1), { "503": 1 });
  await rig.register("api", "one", { address, port: one, weight: 1 });
  await waitForServers(peer, "api", [`127.0.0.1:${one} 1`]);
  assert.deepEqual(await countAnswers(peer.url, 2), { one: 2 });
}

async function findMany(t: TestContext): Promise<void> {
  const count = 30;
  for (let n = 1; n <= count; n++)
    await rig.register("large", `l${n}`, { address: `10.1.0.${n}`, port: 80, weight: n });
  const server = `127.0.0.1:${rig.port}`;
  const backend = (name: string) => `backend ${name}
    server-template s 40 _large._tcp.rollcall resolve-prefer ipv4 init-addr none resolvers ${name}
`;
  const stream = readExample("HAProxy by TCP", { "127.0.0.1:8600": server, "resolvers rollcall": "resolvers stream" });
  const example = `${stream}
resolvers large
    nameserver rollcall ${server}
    accepted_payload_size 8192
resolvers small
    nameserver rollcall ${server}
    timeout resolve 200ms
${["stream", "large", "small"].map(backend).join("")}`;
  const peer = await startHaproxy(t, haproxy.path, "small", example);
  const all = Array.from({ length: count }, (_, at) => `10.1.0.${at + 1}:80 ${at + 1}`);
  await Promise.all([waitForServers(peer, "stream", all), waitForServers(peer, "large", all), assertSteady(peer)]);
}

/**
 * HAProxy says that it takes 512 bytes, and never comes back by TCP. It ends every server that is missing from an
 * answer: what does not fit must be missing from each of them, and is so from ours, who ask from the same address.
 */
async function assertSteady(peer: Haproxy): Promise<void> {
  const answer = await rig.ask("_large._tcp.rollcall.", "SRV", { edns: { size: 512 } });
  const ids = answer.answers.map(({ text }) => Number(/ l(\d+)\.id\./.exec(text)?.[1]));
  assert.ok(answer.tc && ids.length > 8, JSON.stringify(answer));
  const part = ids.map((n) => `10.1.0.${n}:80 ${n}`);
  await waitForServers(peer, "small", part);
  const sent = async () => Number(/sent: +(\d+)/.exec(await peer.tell("show resolvers small"))?.[1]);
  const from = await sent();
  await until(async () => (await sent()) > from + 60, { what: "more questions" });
  await waitForServers(peer, "small", part, 0);
}

async function findAnew(t: TestContext): Promise<void> {
  const port = await freePort();
  const service = await startBackend(t, "one");
  await rig.register("web", "w1", { address: "127.0.0.2", port: service });
  const folder = temporaryDirectory(t, "nginx");
  const example = readExample("nginx", {
    "127.0.0.1:8600": `127.0.0.1:${rig.port}`,
    "127.0.0.1:8081": `127.0.0.1:${port}`,
    "api.rollcall": "web.rollcall",
    ":8080": `:${service}`,
  });
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const own = `daemon off;
master_process off;
error_log stderr info;
pid ${folder}/pid;
events { }
http {
${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n")}
access_log off;
proxy_connect_timeout 1s;
${example}
}
`;
  const { file } = writeConfig(t, "nginx", own);
  await startPeer(t, { path: nginx.path, args: ["-c", file, "-p", folder, "-e", "stderr"], port });
  const url = `http://127.0.0.1:${port}`;
  const becomes = (wanted: string) =>
    until(async () => (await countAnswers(url, 1))[wanted] === 1, { what: wanted, timeoutMs: TAKE_UP_MS });
  // Nobody listens at that address.
  await becomes("502");
  await rig.register("web", "w1", { address: "127.0.0.1", port: service });
  await becomes("one");
  await rig.deregister("web", "w1");
  await becomes("502");
}
