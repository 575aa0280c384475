/** Leases whose instances fall silent together are held, shown as held everywhere, and let go by an operator. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient, type ExplainBody, type LeasesBody, type ServicesBody } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { commandLine } from "./rig.ts";

const MANY = 12;

test("an operator sees held leases with the reason and lets them go: one, those of a service, all", async () => {
  const server = await startRollcall({ after });
  const rollcall = createClient({ url: server.url });
  const { cli, json } = commandLine(server.url);
  const register = (service: string, id: string, ttl: string) =>
    rollcall.registerOnce({ service, id, address: `${service}-${id}`, port: 1, ttl });
  const ids = Array.from({ length: MANY }, (_, i) => `i-${i}`);
  await Promise.all(["api", "db"].flatMap((service) => ids.map((id) => register(service, id, "6s"))));
  await register("well", "w", "10m");
  await until(async () => (await rollcall.leases.held()).leases.length === 2 * MANY, { what: "all leases to be held" });

  assert.match(
    (await cli(["held"])).stdout,
    /^LEASE +TTL +HELD FOR +WHY\n((api|db)\/i-\d+ +6s +\S+ +\d+ of \d+ instances of \S.*\n){24}$/,
  );
  const { services } = await json<ServicesBody>(["services"]);
  assert.deepEqual([services[0]?.held, services[0]?.statuses], [MANY, {}], "told apart from those that are well");
  assert.deepEqual([services[2]?.held, services[2]?.statuses], [0, { passing: 1 }]);
  assert.match((await cli(["services"])).stdout, /^api +12 +12 held/m);
  assert.match((await cli(["instances", "api"])).stdout, /^i-0 +api-i-0:1 +passing \(held\)/m);
  assert.match((await cli(["leases"])).stdout, /held: /);
  assert.match(
    (await cli(["explain", "api", "i-0"])).stdout,
    /^ends +held for \S+; let go in \dm without a heartbeat$/m,
  );

  const protection = await rollcall.protection();
  assert.deepEqual([protection.state, protection.held, protection.live], ["holding", 2 * MANY, 1]);
  assert.deepEqual(
    protection.services.map(({ service, held, instances, usable }) => [service, held, instances, usable]),
    [
      ["api", MANY, MANY, MANY],
      ["db", MANY, MANY, MANY],
    ],
  );
  assert.match(protection.services[0]?.reason ?? "", /fell silent together/);
  assert.ok(Date.parse(protection.until ?? "") > Date.parse(protection.since ?? "") + 60_000);
  assert.match((await cli(["protection"])).stdout, /^protection +holds 24 since \S+\nlets go +in \S+ at the latest$/m);
  assert.equal((await cli(["held", "release", "--service", "api", "--dry"])).stdout, "12 leases would be released\n");

  const first = (await json<LeasesBody>(["held"])).leases[0]?.lease as string;
  assert.equal((await cli(["held", "release", first])).stdout, "1 lease released\n");
  await until(async () => (await rollcall.service("api")).instances.length === MANY - 1, {
    what: "the released one to go",
  });
  assert.equal((await cli(["held", "release", "--service", "api"])).stdout, "11 leases released\n");
  assert.equal((await rollcall.service("db")).instances.length, MANY);
  await rollcall.leases.renew("db/i-0");
  await until(async () => (await rollcall.leases.held()).leases.length === MANY - 1, { what: "one to be let go" });
  // Calls of the command line may take longer than its ttl.
  await register("db", "i-0", "10m");
  assert.equal((await cli(["held", "release"])).stdout, "11 leases released\n");
  assert.equal((await rollcall.service("db")).instances.length, 1, "the one that was heard stays");
  assert.equal((await rollcall.service("well")).instances.length, 1);
  const gone = await json<ExplainBody>(["explain", "api", "i-5"]);
  assert.equal(gone.gone?.cause, "expired");
  assert.ok(gone.keptAliveBy?.expiresAt);
  const explained = (await cli(["explain", "api", "i-5"])).stdout;
  assert.match(explained, /^gone +\S+ ago: expired/m);
  assert.doesNotMatch(explained, /^ends /m, "it has ended already");
});

test("what is not held is not there: exit code 4", async () => {
  const server = await startRollcall({ after });
  const rollcall = createClient({ url: server.url });
  const { cli } = commandLine(server.url);
  await Promise.all(
    Array.from({ length: MANY }, (_, i) =>
      rollcall.registerOnce({ service: "api", id: `i${i}`, address: "h", ttl: "4s" }),
    ),
  );
  await rollcall.registerOnce({ service: "well", id: "w", address: "h", ttl: "10m" });
  await until(async () => (await rollcall.leases.held()).leases.length === MANY, { what: "all leases to be held" });
  assert.match((await cli(["held", "release", "nobody"], 4)).stderr, /lease nobody is not held/);
  assert.match((await cli(["held", "release", "well/w"], 4)).stderr, /lease well\/w is not held/);
  assert.match((await cli(["held", "release", "--service", "none"], 4)).stderr, /no instance of service none is held/);
  assert.match((await cli(["held", "release", "--service", "well"], 4)).stderr, /no instance of service well is held/);
  const some = await cli(["held", "release", "api/i0", "nobody", "api/i1"], 4);
  assert.equal(some.stdout, "2 leases released\n", "what is there goes all the same");
  assert.match(some.stderr, /lease nobody is not held/);
  assert.match((await cli(["held", "release", "api/i2", "--service", "api"], 2)).stderr, /not both/);
  assert.equal((await rollcall.service("api")).instances.length, MANY - 2);
});
