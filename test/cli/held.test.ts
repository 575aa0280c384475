/** Leases that lapse together are held, shown as held everywhere, and let go by an operator. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient, type ExplainBody, type LeasesBody, type ServicesBody } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { commandLine } from "./rig.ts";

const MANY = 12;

test("an operator sees held leases with the reason and lets them go", async () => {
  const server = await startRollcall({ after });
  const rollcall = createClient({ url: server.url });
  const { cli, json } = commandLine(server.url);
  const ids = Array.from({ length: MANY }, (_, i) => `i-${i}`);
  await Promise.all(ids.map((id) => rollcall.registerOnce({ service: "api", id, address: "h", port: 1, ttl: "2s" })));
  await until(async () => (await rollcall.leases.held()).leases.length === MANY, { what: "all leases to be held" });

  assert.match((await cli(["held"])).stdout, /^LEASE +TTL +HELD FOR +WHY\n(api\/i-\d+ +2s +\d+s +\S.*\n){12}$/);
  assert.equal((await json<ServicesBody>(["services"])).services[0]?.held, MANY);
  assert.match((await cli(["services"])).stdout, /12 passing, 12 held/);
  assert.match((await cli(["instances", "api"])).stdout, /^i-0 +h:1 +passing \(held\)/m);
  assert.match((await cli(["leases"])).stdout, /held: /);
  assert.match(
    (await cli(["explain", "api", "i-0"])).stdout,
    /^ends +held for \d+s; let go in \dm without a heartbeat$/m,
  );

  const first = (await json<LeasesBody>(["held"])).leases[0]?.lease as string;
  assert.equal((await cli(["held", "release", first])).stdout, "1 lease released\n");
  await until(async () => (await rollcall.service("api")).instances.length === MANY - 1, {
    what: "the released one to go",
  });
  assert.equal((await cli(["held", "release"])).stdout, "11 leases released\n");
  await until(async () => (await rollcall.service("api")).instances.length === 0, { what: "all to go" });
  const gone = await json<ExplainBody>(["explain", "api", "i-5"]);
  assert.equal(gone.gone?.cause, "expired");
  assert.ok(gone.keptAliveBy?.expiresAt);
  const explained = (await cli(["explain", "api", "i-5"])).stdout;
  assert.match(explained, /^gone +\d+s ago: expired/m);
  assert.doesNotMatch(explained, /^ends /m, "it has ended already");
});
