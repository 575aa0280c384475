/** musl's resolver, which Alpine has: it asks for both families at once, and takes REFUSED for silence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { ROOT } from "../../harness/root.ts";
import { temporaryDirectory } from "../../harness/scope.ts";
import { readExample, startPeer, unboundServer, writeConfig } from "../../peers-rig.ts";
import { runForOutput } from "./lookup.ts";
import { explainNoNamespace, openNamespace, startInside } from "./namespace.ts";

const curl = requirePackage("curl", "curl");
const dig = requirePackage("bind9-dnsutils", "dig");
const ip = requirePackage("iproute2", "ip");
const gcc = requirePackage("gcc", "gcc");
const musl = requirePackage("musl-tools", "musl-gcc");
const unbound = requirePackage("unbound", "unbound");
const skip = curl.skip || dig.skip || ip.skip || gcc.skip || musl.skip || unbound.skip || explainNoNamespace();

/** More than fits without EDNS. Until 1.2.4 musl does not come back by TCP, but makes do with what came. */
const MANY = 60;
/** The number of addresses that fit. */
const FIT = 30;
/** musl waits 5 s for an answer after one that does not count. */
const NO_WAIT_MS = 4000;

/** A server with one host, which answers NXDOMAIN for all other names. */
const UPSTREAM = `${unboundServer(5353)}
  local-zone: "." static
  local-data: "db.example.net. 60 A 192.0.2.7"
`;

test("musl finds services, hosts outside and nothing, without waiting", { skip }, async (t: TestContext) => {
  const program = join(temporaryDirectory(t, "musl"), "lookup");
  await runForOutput(musl.path, ["-O1", "-o", program, join(ROOT, "test/dns/peers/musl.c")]);
  const namespace = await openNamespace(t, `${readExample("resolv.conf")}options ndots:3\n`);
  // In place of a company's own servers.
  const { file } = writeConfig(t, "unbound", UPSTREAM);
  const isReady = async () => (await namespace.tryRun(dig.path, "@127.0.0.1", "-p", "5353", "+tries=1")).code === 0;
  await startPeer(t, { ...namespace.enter(unbound.path, ["-d", "-c", file]), isReady });
  const inside = await startInside(t, namespace, { forward: "127.0.0.1:5353" });
  await Promise.all([
    inside.register("api", "a1", { address: "10.0.0.1", port: 8080 }),
    inside.register("api", "a2", { address: "fd00::2", port: 8080 }),
    inside.register("four", "f1", { address: "10.0.0.4", port: 80 }),
    inside.register("six", "s1", { address: "fd00::6", port: 80 }),
    inside.register("db", "d1", { address: "db.example.net", port: 5432 }),
    ...Array.from({ length: MANY }, (_, n) =>
      inside.register("many", `m${n}`, { address: `10.1.0.${n + 1}`, port: 80 }),
    ),
  ]);
  const look = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await namespace.run(program, ...words)).trim().split("\n");

  const startMs = performance.now();
  assert.deepEqual(await look("find", "four", "six", "absent", "absent.rollcall", "no.example.net"), [
    "four.rollcall 10.0.0.4",
    "six.rollcall fd00::6",
    ...Array(3).fill("Name does not resolve"),
  ]);
  assert.deepEqual(await look("find", "db", "db.example.net"), ["db.rollcall 192.0.2.7", "db.example.net 192.0.2.7"]);
  // The search list is for names of fewer dots than `ndots` alone; the others are asked for as they are.
  assert.deepEqual(await look("find", "a1.id.api", "a1.id.api.rollcall"), [
    "a1.id.api.rollcall 10.0.0.1",
    "a1.id.api.rollcall 10.0.0.1",
  ]);
  const [api = ""] = await look("find", "API");
  assert.deepEqual(api.split(" ").sort(), ["10.0.0.1", "API.rollcall", "fd00::2"]);
  assert.deepEqual(await look("name", "10.0.0.4", "10.9.9.9"), ["f1.id.four.rollcall", "Name does not resolve"]);
  assert.deepEqual(await look("services", "_api._tcp.rollcall", "_absent._tcp.rollcall"), ["2", "h_errno 1"]);
  assert.ok(performance.now() - startMs < NO_WAIT_MS, "no answer was waited for in vain");

  const [many = ""] = await look("find", "many");
  const found = new Set(many.split(" ").slice(1));
  assert.ok(found.size >= FIT, many);
  await inside.deregister("four", "f1");
  assert.deepEqual(await look("find", "four.rollcall"), ["Name does not resolve"]);
});
