/** A store that may hold only so many bytes: what adds to it is refused through every dialect, all else goes on. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as eurekaRig from "../eureka/rig.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import * as rackspace from "../rackspace/rig.ts";
import { SERVICE as ANNOUNCED } from "../skydns/rig.ts";
import { ask, each, notHeldUp, registerFat, startBystander, startSmall } from "./rig.ts";

const MIB = 1024 * 1024;
const FULL = /full: it holds about \d+ bytes and may hold \d+/;

async function storeOf(registry: Rollcall): Promise<{ readonly bytes: number; readonly bytesMax: number }> {
  const { bytes, bytesMax } = (await ask(`${registry.url}/v2/_/status`)).json().store;
  const { text } = await ask(`${registry.url}/metrics`);
  const number = (name: string): number => Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
  const told = [number("rollcall_store_bytes"), number("rollcall_store_bytes_max")];
  assert.deepEqual([bytes, bytesMax], told);
  return { bytes, bytesMax };
}

/** Fills what is left with keys, the last ones tiny. */
async function fillUp(url: string): Promise<void> {
  for (const bytes of [10_000, 1])
    for (let nth = 0, status = 201; status === 201; nth++) {
      const put = ask(`${url}/v2/filler/config/${bytes}/${nth}`, "PUT", Buffer.alloc(bytes, "v"));
      ({ status } = await put);
    }
}

async function refusesMore(registry: Rollcall, eureka: { apps: string }, tenant: rackspace.Tenant): Promise<void> {
  const native = await ask(`${registry.url}/v2/default/services/api/instances/b`, "PUT", { address: "10.0.0.1" });
  assert.equal(native.status, 429);
  assert.match(native.json().detail, FULL);
  assert.equal((await ask(`${registry.url}/v2/newcomer/config/k`, "PUT", "v".repeat(1000))).status, 429);
  const registered = await eurekaRig.post(eureka, "WEB", { instance: eurekaRig.registrationOf("WEB", "w2") });
  assert.equal(registered.status, 503, registered.text);
  const posted = await tenant.call("POST", "/services", { id: "dfw-more", heartbeat_timeout: 60 });
  rackspace.assertFault(posted, { status: posted.status, type: "limitReached", details: FULL });
  const announced = await ask(`${skydnsOf(registry)}/1002`, "PUT", { ...ANNOUNCED });
  assert.equal(announced.status, 429);
  assert.match(announced.text, FULL);
}

function skydnsOf(registry: Rollcall): string {
  return `http://127.0.0.1:${registry.port("skydns")}/skydns/services`;
}

test("a full registry refuses what adds to it in the words of each protocol, and takes all else", async (t) => {
  const registry = await startSmall(t, { store: { bytesMax: "8MiB" } });
  const { url } = registry;
  const own = `${url}/v2/default`;
  const api = `${own}/services/api/instances/a`;
  const said = { address: "10.0.0.1", ttl: "1h", meta: { a: "1" }, checks: [{ id: "c", kind: "reported" }] };
  assert.equal((await ask(api, "PUT", said)).status, 201);
  const apps = `http://127.0.0.1:${registry.port("eureka")}/eureka/apps`;
  const eureka = { apps };
  await eurekaRig.register(eureka, "WEB", "w1");
  const tenant = await rackspace.openTenant(url);
  const token = await rackspace.register(tenant, "dfw-web");
  const skydns = skydnsOf(registry);
  assert.equal((await ask(`${skydns}/1001`, "PUT", { ...ANNOUNCED })).status, 201);
  assert.equal((await ask(`${own}/config/large`, "PUT", "v".repeat(10_000))).status, 201);
  const bystander = await startBystander(t, registry);

  const taken = await registerFat(url, "fat", 200);
  assert.ok(taken > 80 && taken < 130, `${taken} of 64 kB in 8 MiB`);
  await fillUp(url);
  const { bytes, bytesMax } = await storeOf(registry);
  // A new account takes some bytes beside what is put there.
  assert.ok(bytes <= bytesMax + 10_000 && bytes > bytesMax - 1000, `${bytes} of ${bytesMax}`);

  await refusesMore(registry, eureka, tenant);

  // Renewals, statuses, what is as large or smaller, and reads.
  assert.equal((await ask(`${own}/leases/renew`, "POST", { leases: ["api/a"] })).status, 200);
  assert.equal((await eurekaRig.beat(eureka, "WEB", "w1")).status, 200);
  assert.equal((await ask(`${apps}/WEB/w1/status?value=OUT_OF_SERVICE`, "PUT")).status, 200);
  assert.equal((await ask(`${apps}/WEB/w1/status?value=UP`, "PUT")).status, 200);
  assert.equal((await ask(`${apps}/WEB/w1/status?value=UP`, "DELETE")).status, 200);
  assert.equal((await rackspace.beat(tenant, "dfw-web", token)).status, 200);
  assert.equal((await ask(`${skydns}/1001`, "PATCH", { TTL: 120 })).status, 200);
  const report = await ask(`${api}/checks/c`, "PUT", { status: "critical", output: "o".repeat(4000) });
  assert.equal(report.status, 200, report.text);
  assert.equal((await ask(`${api}/override`, "PUT", { status: "draining" })).status, 200);
  const shown = (await ask(api)).json();
  assert.equal(shown.status, "draining");
  assert.equal(shown.checks[0].status, "critical");
  assert.match(shown.checks[0].output, /^o{80}$/, "a few words are kept");
  assert.equal((await ask(api, "PUT", { ...said, meta: { a: "2" } })).status, 200);
  assert.equal((await ask(`${own}/config/large`, "PUT", "less")).status, 200);
  await fillUp(url);

  // What was deleted makes room.
  assert.equal((await eurekaRig.cancel(eureka, "WEB", "w1")).status, 200);
  assert.equal((await ask(`${own}/services/fat/instances/i000`, "DELETE")).status, 200);
  assert.equal((await ask(`${own}/services/api/instances/b`, "PUT", { address: "10.0.0.1" })).status, 201);
  await notHeldUp(bystander);

  await registry.restart();
  assert.equal((await storeOf(registry)).bytes > 7 * MIB, true);
  assert.equal((await ask(`${own}/services/fat`)).json().instances.length, taken - 1, "nothing acknowledged is lost");
});

test("a store that holds more than it may opens, says so once, and takes what makes it smaller", async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  const taken = await registerFat(url, "fat", 40);
  assert.equal(taken, 40);
  await registry.restart({ flags: ["--store-bytes-max", "1MiB", "--log-level", "warn"] });
  const lines = registry.logs.filter(({ msg }) => String(msg).startsWith("the store is full"));
  assert.equal(lines.length, 1);
  assert.match(String(lines[0]?.msg), /--max-old-space-size.*store\.bytesMax/);
  const own = `${url}/v2/default`;
  assert.equal((await ask(`${own}/services/fat`)).json().instances.length, 40);
  assert.equal((await ask(`${own}/config/k`, "PUT", "v")).status, 429);
  await each(30, async (nth) => {
    const gone = await ask(`${own}/services/fat/instances/i${String(nth).padStart(3, "0")}`, "DELETE");
    assert.equal(gone.status, 200);
  });
  assert.equal((await ask(`${own}/config/k`, "PUT", "v")).status, 201);
});

test("an account has a bound of its own, and the registry's may change while it runs", async (t: Scope) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  const write = (bytesMax: string): void => writeFileSync(file, `store: {bytesMax: ${bytesMax}}\n`);
  write("1MiB");
  const registry = await startRollcall(t, { flags: ["--config", file, "--dialects", "http"] });
  const { url } = registry;
  const put = (account: string, key: string) => ask(`${url}/v2/${account}/config/${key}`, "PUT", "v".repeat(60_000));
  await ask(`${url}/v2/_/accounts/small`, "PUT", { bytesMax: 102_400 });
  assert.equal((await put("small", "a")).status, 201);
  const refused = await put("small", "b");
  assert.equal(refused.status, 429);
  assert.match(refused.json().detail, /^the account is full: it holds about 6\d{4} bytes and may hold 102400/);
  await ask(`${url}/v2/_/accounts/tiny`, "PUT", { bytesMax: 50_000 });
  assert.deepEqual([(await put("tiny", "a")).status, (await put("other", "a")).status], [429, 201]);
  for (let nth = 0; nth < 20; nth++) await put("other", `${nth}`);
  assert.match((await put("other", "more")).json().detail, /^the registry is full/);
  write("2MiB");
  process.kill(registry.pid, "SIGHUP");
  await until(() => registry.logs.some(({ taken }) => Array.isArray(taken) && taken.includes("store")));
  assert.equal((await put("other", "more")).status, 201);
});
