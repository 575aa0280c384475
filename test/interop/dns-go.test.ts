/** Go's own resolver, and miekg/dns, which CoreDNS and many others are made with. `go/dns-client`. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { KEYS, startKeyed } from "../dns/transfer-rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { buildModule } from "./go-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const module = await buildModule("dns-client", requirePackage("golang-go", "go"));
const MANY = 60;

test("Go resolves, transfers and updates", { skip: module.skip, timeout: 60_000 }, async (t: TestContext) => {
  const rig = await startKeyed(t);
  await rig.register("api", "a1", { address: "10.0.0.1", port: 8080, meta: { build: "7" } });
  await rig.register("api", "a2", { address: "fd00::2", port: 8081, weight: 1 });
  await rig.register("six", "s1", { address: "fd00::6", port: 80 });
  for (let n = 1; n <= MANY; n++) await rig.register("many", `m${n}`, { address: `10.1.0.${n}`, port: 80 });
  const { name, secret } = KEYS.writer;
  const program = module.start(t, [String(rig.port), name, secret]);
  const [line] = await waitForLine(program, /^\{.*\}$/);
  const { axfr, ixfr, ...found } = JSON.parse(line);
  const resolved = {
    services: ["a1.id.api.rollcall.:8080 25600", "a2.id.api.rollcall.:8081 256"],
    many: MANY,
    none: "not found",
    hosts: ["10.0.0.1", "fd00::2"],
    six: ["fd00::6"],
    manyHosts: MANY,
    absent: "not found",
    // REFUSED, which another server might not say.
    elsewhere: "failed",
    texts: ["build=7"],
    names: ["a1.id.api.rollcall."],
    servers: ["ns.rollcall."],
  };
  const updated = { added: "NOERROR", signed: true, target: "d1.id.dyn.rollcall.", removed: "NOERROR" };
  assert.deepEqual(found, { udp: resolved, tcp: resolved, updateUdp: updated, updateTcp: updated });
  assert.ok(axfr > 5 * MANY && ixfr >= axfr, `${axfr} records by AXFR, ${ixfr} by IXFR`);
});
