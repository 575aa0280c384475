/** HAProxy and nginx send traffic to instances that they find by DNS. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { type DnsRig, startDns } from "./dns-rig.ts";
import { requirePackage, temporaryDirectory, until } from "./harness.ts";
import {
  countAnswers,
  freeDnsPort,
  type Haproxy,
  readExample,
  startBackend,
  startHaproxy,
  startPeer,
  writeConfig,
} from "./peers-rig.ts";

const haproxy = requirePackage("haproxy", "haproxy");
const nginx = requirePackage("nginx", "nginx");

/** HAProxy asks about once a second. */
const TAKE_UP_MS = 6000;

let rig: DnsRig;

before(async () => {
  rig = await startDns({ after }, { settings: { ttlS: 1, negativeTtlS: 1 } });
});

/** Waits until a backend has these servers: `port weight`, in any order. */
async function waitForServers(peer: Haproxy, backend: string, wanted: readonly string[]): Promise<void> {
  let seen: readonly string[] = [];
  const find = async () => {
    seen = (await peer.servers(backend)).map(({ address, port, weight }) => `${address}:${port} ${weight}`).sort();
    return seen.join() === [...wanted].sort().join();
  };
  const what = `${backend} to be ${wanted.join()}`;
  await until(find, { what, timeoutMs: TAKE_UP_MS, intervalMs: 50 }).catch((error) =>
    assert.fail(`${error.message}; there are ${seen.join()}`),
  );
}

describe("HAProxy", { skip: haproxy.skip, concurrency: true }, () => {
  test("sends traffic to what is there, by weight", async (t: TestContext) => {
    const [one, two] = [await startBackend(t, "one"), await startBackend(t, "two")];
    const address = "127.0.0.1";
    await rig.register("api", "one", { address, port: one, weight: 30 });
    const example = readExample("HAProxy", { "127.0.0.1:8600": `127.0.0.1:${rig.port}` });
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
  });

  test("finds all of a large service where packets may be large, and some where not", async (t: TestContext) => {
    const count = 30;
    for (let n = 1; n <= count; n++)
      await rig.register("large", `l${n}`, { address: `10.1.0.${n}`, port: 80, weight: n });
    const server = `127.0.0.1:${rig.port}`;
    const template = `server-template s 40 _large._tcp.rollcall resolve-prefer ipv4 init-addr none resolvers`;
    const example = `resolvers small
    nameserver rollcall ${server}
    accepted_payload_size 512
resolvers large
    nameserver rollcall ${server}
    accepted_payload_size 8192
resolvers stream
    nameserver rollcall tcp@${server}
backend small
    ${template} small
backend large
    ${template} large
backend stream
    ${template} stream
`;
    const peer = await startHaproxy(t, haproxy.path, "small", example);
    const all = Array.from({ length: count }, (_, at) => `10.1.0.${at + 1}:80 ${at + 1}`);
    await Promise.all([waitForServers(peer, "stream", all), assertSome(peer, count)]);
    // What does not fit is cut: this many go over UDP only where the server may send that much.
    const large = await until(async () => {
      const servers = await peer.servers("large");
      return servers.length > 20 && servers;
    });
    assert.ok(large.length <= count);
  });
});

/** With 512 bytes a part of the service is served: an empty answer would be no service at all. */
async function assertSome(peer: Haproxy, count: number): Promise<void> {
  const servers = await until(async () => {
    const found = await peer.servers("small");
    return found.length > 8 && found;
  });
  for (const { address, port, weight } of servers) assert.equal(address, `10.1.0.${weight}`, `${port}`);
  assert.ok(servers.length <= count);
}

test("nginx finds addresses anew when the TTL is over", { skip: nginx.skip }, async (t: TestContext) => {
  const port = await freeDnsPort();
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
});
