/** c-ares, the resolver of Node and curl among others, through Node: what its users see of each kind of record. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { after, test } from "node:test";
import { startDns } from "../rig.ts";

const MANY = 60;

const rig = await startDns({ after });
await rig.register("api", "a1", {
  address: "10.0.0.1",
  port: 8080,
  tags: ["blue"],
  meta: { build: "7", note: "a b=c" },
});
await rig.register("api", "a2", { address: "fd00::2", port: 8081, weight: 1 });
await rig.register("four", "f1", { address: "10.0.0.4", port: 80 });
await rig.register("front", "w1", { address: "four.rollcall", port: 80 });
for (let n = 1; n <= MANY; n++) await rig.register("many", `m${n}`, { address: `10.1.0.${n}`, port: 80 });

const resolver = new Resolver({ timeout: 2000, tries: 2 });
resolver.setServers([`127.0.0.1:${rig.port}`]);

test("c-ares finds addresses and services", async () => {
  // By name: newer versions of Node tell the type as well.
  const services = (await resolver.resolveSrv("_api._tcp.rollcall")).sort((a, b) => a.port - b.port);
  assert.deepEqual(
    services.map(({ name, port, priority, weight }) => ({ name, port, priority, weight })),
    [
      { name: "a1.id.api.rollcall", port: 8080, priority: 0, weight: 25600 },
      { name: "a2.id.api.rollcall", port: 8081, priority: 0, weight: 256 },
    ],
  );
  assert.deepEqual(await resolver.resolve4("api.rollcall", { ttl: true }), [{ address: "10.0.0.1", ttl: 5 }]);
  assert.deepEqual(await resolver.resolve6("API.Rollcall"), ["fd00::2"]);
  assert.deepEqual(await resolver.resolve4("front.rollcall"), ["10.0.0.4"]);
  // Too much for UDP: it comes back by TCP.
  assert.equal((await resolver.resolveSrv("_many._tcp.rollcall")).length, MANY);
  assert.equal((await resolver.resolve4("many.rollcall")).length, MANY);
  await rig.register("four", "f2", { address: "10.0.0.5", port: 80 });
  assert.deepEqual((await resolver.resolve4("four.rollcall")).sort(), ["10.0.0.4", "10.0.0.5"], "a change at once");
});

test("c-ares reads all other records", async () => {
  const texts = await resolver.resolveTxt("api.rollcall");
  assert.deepEqual(texts.sort(), [[""], ["build=7", "note=a b=c"]]);
  assert.deepEqual(await resolver.resolveNs("rollcall"), ["ns.rollcall"]);
  const soa = await resolver.resolveSoa("rollcall");
  assert.deepEqual([soa.nsname, soa.hostmaster], ["ns.rollcall", "hostmaster.rollcall"]);
  assert.deepEqual([soa.refresh, soa.retry, soa.expire, soa.minttl], [60, 10, 604_800, 1]);
  assert.ok(soa.serial > 0);
  assert.deepEqual(await resolver.reverse("10.0.0.1"), ["a1.id.api.rollcall"]);
  assert.deepEqual(await resolver.reverse("fd00::2"), ["a2.id.api.rollcall"]);
  assert.deepEqual(await resolver.resolvePtr("_blue._sub._api._tcp.rollcall"), ["a1._api._tcp.rollcall"]);
});

test("c-ares tells apart no such name, no such record and not ours", async () => {
  await assert.rejects(resolver.resolve4("absent.rollcall"), { code: "ENOTFOUND" });
  await assert.rejects(resolver.resolveSrv("_absent._tcp.rollcall"), { code: "ENOTFOUND" });
  await assert.rejects(resolver.resolve6("four.rollcall"), { code: "ENODATA" });
  await assert.rejects(resolver.resolve6("front.rollcall"), { code: "ENODATA" });
  await assert.rejects(resolver.resolveMx("api.rollcall"), { code: "ENODATA" });
  await assert.rejects(resolver.reverse("10.9.9.9"), { code: "ENOTFOUND" });
  await assert.rejects(resolver.resolve4("example.com"), { code: "EREFUSED" });
});
