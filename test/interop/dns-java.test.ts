/** Java finds services by DNS: InetAddress, which asks the C library, and JNDI, which asks /etc/resolv.conf's servers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runForOutput } from "../dns/peers/lookup.ts";
import { explainNoNamespace, openNamespace, startInside } from "../dns/peers/namespace.ts";
import { requirePackage } from "../harness/packages.ts";
import { ROOT } from "../harness/root.ts";
import { readExample } from "../peers-rig.ts";

const curl = requirePackage("curl", "curl");
const ip = requirePackage("iproute2", "ip");
const java = requirePackage("default-jdk-headless", "java");
const skip = java.skip || curl.skip || ip.skip || explainNoNamespace();

const LOOKUP = join(ROOT, "test/interop/java/dns-lookup/Lookup.java");
const COMPILE_MS = 30_000;
/** More than fits without EDNS, which Java has not. */
const MANY = 60;

test("InetAddress and JNDI find services", { skip, timeout: 60_000 }, async (t: TestContext) => {
  const namespace = await openNamespace(t, readExample("resolv.conf"));
  // JNDI lists a zone by AXFR, from the server that its SOA names.
  const inside = await startInside(t, namespace, { allowTransfer: "127.0.0.1", addresses: "127.0.0.1" });
  await Promise.all([
    inside.register("api", "a1", { address: "10.0.0.1", port: 8080, meta: { build: "7" } }),
    inside.register("api", "a2", { address: "fd00::2", port: 8081, weight: 1 }),
    inside.register("front", "f1", { address: "api.rollcall", port: 443 }),
    ...Array.from({ length: MANY }, (_, n) =>
      inside.register("many", `m${n}`, { address: `10.1.0.${n + 1}`, port: 80 }),
    ),
  ]);
  const expected: Readonly<Record<string, string>> = {
    "all:api": "10.0.0.1,fd00:0:0:0:0:0:0:2",
    "all:front.rollcall": "10.0.0.1,fd00:0:0:0:0:0:0:2",
    "all:absent.rollcall": "UnknownHostException",
    "name:10.0.0.1": "a1.id.api.rollcall",
    "SRV:_api._tcp.rollcall": "0 256 8081 a2.id.api.rollcall.,0 25600 8080 a1.id.api.rollcall.",
    "A:api.rollcall": "10.0.0.1",
    "AAAA:api.rollcall": "fd00::2",
    "AAAA:many.rollcall": "",
    "TXT:a1.id.api.rollcall": "build=7",
    "PTR:1.0.0.10.in-addr.arpa": "a1.id.api.rollcall.",
    "A:absent.rollcall": "NameNotFoundException",
    "A:example.com": "OperationNotSupportedException",
    "list:api.rollcall": "_tcp,id",
  };
  const entered = namespace.enter(java.path, [
    "-XX:TieredStopAtLevel=1",
    LOOKUP,
    ...Object.keys(expected),
    "SRV:_many._tcp.rollcall",
    "all:many",
  ]);
  const lines = (await runForOutput(entered.path, entered.args, COMPILE_MS)).trim().split("\n");
  const found = Object.fromEntries(lines.map((line) => line.split(" = ") as [string, string]));
  const { "SRV:_many._tcp.rollcall": services = "", "all:many": addresses = "", ...rest } = found;
  assert.deepEqual(rest, expected);
  assert.equal(services.split(",").length, MANY, "by TCP");
  assert.equal(addresses.split(",").length, MANY);
});
