/** A ttl that is said anew counts from then, whichever door it is said at; what is refused is no sign of life. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { leaseOf, registrationOf } from "../eureka/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { type Answer, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { openTenant, register as registerService } from "../rackspace/rig.ts";

const rollcall = await startRollcall({ after }, { dialects: "http,rackspace,skydns,eureka" });
const native = `${rollcall.url}/v2/default`;
const eureka = `http://127.0.0.1:${rollcall.port("eureka")}/eureka/apps`;
const skydns = `http://127.0.0.1:${rollcall.port("skydns")}/skydns/services`;

async function done(answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer;
  assert.ok(status < 300, `${status} ${text}`);
}

function send(method: string, url: string, body: unknown, headers = {}): Promise<Answer> {
  return request(url, { method, body, headers });
}

interface Lease {
  readonly lease: string;
  readonly ttlMs: number;
  readonly expiresAt: string;
  readonly beats: number;
}

async function leasesIn(account = "default"): Promise<readonly Lease[]> {
  return (await request(`${rollcall.url}/v2/${account}/leases?limit=10000`)).json().leases;
}

/** What is left of the only lease whose name ends so, in seconds. */
async function leftOf(name: string, account?: string): Promise<number> {
  const found = (await leasesIn(account)).filter(({ lease }) => lease.endsWith(name));
  assert.equal(found.length, 1, `${name}: ${JSON.stringify(found)}`);
  return (Date.parse((found[0] as Lease).expiresAt) - Date.now()) / 1000;
}

/** What says that the thing lives for so many seconds. */
type Say = (ttlS: number) => Promise<void>;

const SERVICE = { Name: "Sky", Version: "1.0.0", Environment: "Test", Region: "East", Host: "h", Port: 1 };

const DOORS: Readonly<Record<string, { readonly lease: string; readonly say: Say }>> = {
  "native PUT": {
    lease: "web/put",
    say: (ttl) => done(send("PUT", `${native}/services/web/instances/put`, { address: "h", ttl })),
  },
  "native PATCH": {
    lease: "web/patch",
    say: async (ttl) => {
      const at = `${native}/services/web/instances/patch`;
      if ((await request(at)).status === 404) await done(send("PUT", at, { address: "h", ttl }));
      else await done(send("PATCH", at, { ttl }));
    },
  },
  register: {
    lease: "trio/http@h:1",
    say: (ttl) => done(send("POST", `${native}/register`, { application: "trio", protocol: "http", addr: "h:1", ttl })),
  },
  leases: { lease: "shared", say: (ttl) => done(send("POST", `${native}/leases`, { lease: "shared", ttl })) },
  Eureka: {
    lease: "e1",
    say: (ttl) => done(send("POST", `${eureka}/PAY`, { instance: registrationOf("PAY", "e1", leaseOf(ttl)) })),
  },
  SkyDNS: {
    lease: "sky1",
    say: async (TTL) => {
      const there = (await request(`${skydns}/sky1`)).status === 200;
      await done(send(there ? "PATCH" : "PUT", `${skydns}/sky1`, { ...SERVICE, TTL }));
    },
  },
};

for (const [door, { lease, say }] of Object.entries(DOORS))
  test(`${door}: a ttl said anew counts from then`, async () => {
    for (const ttl of [60, 60, 3, 3, 60, 3]) {
      await say(ttl);
      const left = await leftOf(lease);
      assert.ok(left > ttl - 2 && left < ttl + 0.5, `${left} s left of ${ttl}`);
    }
    const isThere = async (): Promise<boolean> => (await leasesIn()).some(({ lease: name }) => name.endsWith(lease));
    await until(async () => !(await isThere()), { timeoutMs: 6000, what: "its end" });
  });

test("Rackspace: a changed timeout counts, and the next token says so", async () => {
  const tenant = await openTenant(rollcall.url);
  let token = await registerService(tenant, "service", 60);
  const timeOf = (uuid: string): number => {
    const [low = "", middle = "", high = ""] = uuid.split("-");
    return Number(BigInt(`0x${high.slice(1)}${middle}${low}`) / 10_000n) - 12_219_292_800_000;
  };
  for (const timeout of [60, 3, 60, 3]) {
    await done(tenant.call("PUT", "/services/service", { heartbeat_timeout: timeout }));
    // A longer one counts at once, a shorter one from the next heartbeat.
    assert.ok((await leftOf("service", tenant.id)) > timeout - 2);
    const answer = await tenant.call("POST", "/services/service/heartbeat", { token });
    assert.equal(answer.status, 200, answer.text);
    assert.notEqual(answer.json().token, token);
    token = answer.json().token;
    for (const [what, left] of [
      ["the lease", await leftOf("service", tenant.id)],
      ["the token", (timeOf(token) - Date.now()) / 1000],
    ] as const)
      assert.ok(left > timeout - 2 && left < timeout + 0.5, `${what}: ${left} s left of ${timeout}`);
  }
});

test("a registration that is refused is no sign of life", async () => {
  const at = `${native}/services/web/instances/refused`;
  const put = (headers: Record<string, string>, more = {}) =>
    send("PUT", at, { address: "h", ttl: 60, ...more }, headers);
  await done(put({}));
  const beats = async (): Promise<number> =>
    (await leasesIn()).find(({ lease }) => lease === "web/refused")?.beats ?? -1;
  await done(put({}));
  assert.equal(await beats(), 1);
  assert.equal((await put({ "if-match": '"1000000"' })).status, 412);
  assert.equal((await put({ "if-none-match": "*" })).status, 412);
  assert.equal((await put({}, { ttl: 0.001 })).status, 400);
  assert.equal((await send("PATCH", at, { ttl: 60 }, { "if-match": '"1000000"' })).status, 412);
  assert.equal((await send("POST", `${native}/leases`, { lease: "web/refused", ttl: 0.001 })).status, 400);
  assert.equal(await beats(), 1);
});
