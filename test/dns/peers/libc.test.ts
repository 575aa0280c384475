/** The resolver of the C library, which asks only port 53 of what stands in /etc/resolv.conf: in a network of its own. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { until } from "../../harness/scope.ts";
import { readExample } from "../../peers-rig.ts";
import { explainNoNamespace, type Namespace, openNamespace, startInside } from "./namespace.ts";

const curl = requirePackage("curl", "curl");
const getent = requirePackage("libc-bin", "getent");
const ip = requirePackage("iproute2", "ip");
const skip = curl.skip || getent.skip || ip.skip || explainNoNamespace();

/** More than fits without EDNS, so that glibc asks again by TCP. */
const MANY = 60;

/** The addresses that getent prints, sorted, each once; none where it ends with 2, for "not found". */
async function addressesOf(namespace: Namespace, database: string, name: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await namespace.tryRun(getent.path, database, name);
  if (code === 2) return [];
  assert.equal(code, 0, `getent ${database} ${name} ended with ${code}: ${stdout}${stderr}`);
  const lines = stdout.trim().split("\n");
  return [...new Set(lines.map((line) => line.split(/\s+/)[0] ?? ""))].sort();
}

test("glibc finds services by short names, both families at once", { skip }, async (t: TestContext) => {
  const namespace = await openNamespace(t, `${readExample("resolv.conf")}options timeout:2 attempts:1\n`);
  const inside = await startInside(t, namespace);
  await Promise.all([
    inside.register("api", "a1", { address: "10.0.0.1", port: 8080 }),
    inside.register("api", "a2", { address: "fd00::2", port: 8080 }),
    inside.register("four", "f1", { address: "10.0.0.4", port: 80 }),
    inside.register("six", "s1", { address: "fd00::6", port: 80 }),
    inside.register("named", "n1", { address: "four.rollcall", port: 80 }),
    inside.register("api", "shop1", { address: "10.7.0.1", port: 80 }, "shop"),
    ...Array.from({ length: MANY }, (_, n) =>
      inside.register("many", `m${n}`, { address: `10.1.0.${n + 1}`, port: 80 }),
    ),
  ]);
  const find = (name: string, database = "ahosts") => addressesOf(namespace, database, name);
  assert.deepEqual(await find("api"), ["10.0.0.1", "fd00::2"]);
  assert.deepEqual(await find("api.rollcall."), ["10.0.0.1", "fd00::2"]);
  assert.deepEqual(await find("api.shop.rollcall"), ["10.7.0.1"]);
  assert.deepEqual(await find("api", "ahostsv4"), ["10.0.0.1"]);
  assert.deepEqual(await find("api", "ahostsv6"), ["fd00::2"]);
  assert.deepEqual(await find("named"), ["10.0.0.4"]);
  assert.deepEqual(await find("absent"), []);
  assert.deepEqual(await find("example.com"), []);

  // A family that is not there is no error, and no reason to wait or to look elsewhere.
  const startMs = performance.now();
  assert.deepEqual(await find("four"), ["10.0.0.4"]);
  assert.deepEqual(await find("six"), ["fd00::6"]);
  assert.ok(performance.now() - startMs < 1500, "a missing family takes no timeout");

  assert.equal((await find("many")).length, MANY);
  assert.match(await namespace.run(getent.path, "hosts", "10.0.0.4"), /^10\.0\.0\.4\s+f1\.id\.four\.rollcall/);

  // Nothing stands between: a change is in the next answer.
  await inside.register("four", "f2", { address: "10.0.0.5", port: 80 });
  assert.deepEqual(await find("four"), ["10.0.0.4", "10.0.0.5"]);
  await inside.deregister("four", "f1");
  assert.deepEqual(await find("four"), ["10.0.0.5"]);
  await inside.deregister("four", "f2");
  assert.deepEqual(await find("four"), []);

  // A second search domain is reached when the first has no such name.
  namespace.setResolver("nameserver 127.0.0.1\nsearch shop.rollcall rollcall\noptions edns0 timeout:2 attempts:1\n");
  assert.deepEqual(await find("api"), ["10.7.0.1"]);
  assert.deepEqual(await find("six"), ["fd00::6"]);
  assert.equal((await find("many")).length, MANY);
});

test("programs that call getaddrinfo find services", { skip }, async (t: TestContext) => {
  const namespace = await openNamespace(t, `${readExample("resolv.conf")}options timeout:2 attempts:1\n`);
  const inside = await startInside(t, namespace);
  // A name of a service in a URL, and the registry itself behind it.
  await inside.register("registry", "r1", { address: "127.0.0.1", port: 7070 });
  const body = await namespace.run(curl.path, "-sS", "--fail", "http://registry:7070/healthz");
  assert.notEqual(body, "");
  const script = `
    const { lookup, resolveSrv } = require("node:dns").promises;
    Promise.all([lookup("registry", { all: true }), resolveSrv("_registry._tcp.rollcall")])
      .then(([addresses, [{ name, port, weight }]]) => console.log(JSON.stringify([addresses, [name, port, weight]])));
  `;
  const [addresses, service] = JSON.parse(await namespace.run(process.execPath, "-e", script));
  assert.deepEqual(addresses, [{ address: "127.0.0.1", family: 4 }]);
  assert.deepEqual(service, ["r1.id.registry.rollcall", 7070, 25600]);
  await inside.deregister("registry", "r1");
  const gone = await until(async () => {
    const tried = await namespace.tryRun(curl.path, "-sS", "http://registry:7070/healthz");
    return tried.code !== 0 && tried;
  });
  assert.match(gone.stderr, /Could not resolve host: registry/);
});
