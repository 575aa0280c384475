/** The pages for people, in a browser's terms; and what scripts read at /status. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { beat, cancel, type Eureka, getJson, leaseOf, register, startEureka } from "./rig.ts";

const eureka = await startEureka({ after });

async function pageOf({ base }: Eureka, path: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await request(`${base}${path}`, { headers });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers["content-type"], "text/html; charset=utf-8");
  assert.match(String(answer.headers["content-security-policy"]), /^default-src 'none'/);
  assert.match(answer.text, /^<!doctype html>/);
  assert.doesNotMatch(answer.text, /<script|src=|@import|url\(/);
  return answer.text;
}

/** What a reader sees. */
function wordsOf(page: string): string {
  const body = page.slice(page.indexOf("<body>"));
  return body
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

test("the dashboard lists applications, instances, statuses and what an operator said", async () => {
  await register(eureka, "ORDERS", "orders-1", { metadata: { zone: "eu-1" } });
  await register(eureka, "ORDERS", "orders-2", { status: "DOWN" });
  await request(`${eureka.apps}/ORDERS/orders-1/status?value=OUT_OF_SERVICE`, { method: "PUT" });
  const words = wordsOf(await pageOf(eureka, "/"));
  assert.match(words, /Instances 1 DOWN 1 OUT_OF_SERVICE/);
  assert.match(words, /ORDERS \(2\) orders-1 OUT_OF_SERVICE said by an operator 10\.1\.2\.3:8080 eu-1 eureka/);
  assert.match(words, /orders-2 DOWN 10\.1\.2\.3:8080/);
  assert.match(words, /2 instances 1 applications 2 leases 0 held/);
  assert.match(words, /Peers None are configured/);
});

test("what clients say is text and never HTML, and only links to pages are links", async () => {
  await register(eureka, "EVIL", 'x"><b>1', {
    status: "UP",
    metadata: { zone: "<i>z" },
    statusPageUrl: "javascript:alert(1)",
    ipAddr: "<u>",
  });
  const page = await pageOf(eureka, "/");
  for (const raw of ["<b>1", "<i>z", "<u>:", "javascript:"]) assert.ok(!page.includes(raw), raw);
  assert.ok(page.includes("x&quot;&gt;&lt;b&gt;1"));
  assert.match(page, /<a href="http:\/\/10\.1\.2\.3:8080\/actuator\/info" rel="noreferrer noopener">orders-1<\/a>/);
  await cancel(eureka, "EVIL", 'x"><b>1');
  assert.ok(!(await pageOf(eureka, "/lastn")).includes("<b>1"));
});

test("an instance that has sent no heartbeat shows its registration, and one without a lease a dash", async (t) => {
  const own = await startEureka(t);
  assert.match(wordsOf(await pageOf(own, "/")), /Protection is not active\. There are no leases now\./);
  await register(own, "MUTE", "m1");
  const services = `${own.rollcall.url}/v2/default/services`;
  const body = { address: "2001:db8::7", ports: { default: 80 }, ttl: 0 };
  assert.equal((await request(`${services}/lasting/instances/l1`, { method: "PUT", body })).status, 201);
  await own.rollcall.restart();
  const page = await pageOf(own, "/");
  assert.match(wordsOf(page), /m1 UP 10\.1\.2\.3:8080 eureka registered \d+ s ago/);
  assert.match(wordsOf(page), /l1 UP .* http –/);
  // Lines end between an address's groups.
  assert.ok(page.includes(">[2001:<wbr>db8:<wbr>:<wbr>7]:<wbr>80<"), page);
  assert.match(wordsOf(page), /Every lease here was renewed in time\./);
  assert.equal((await beat(own, "MUTE", "m1")).status, 200);
  assert.match(wordsOf(await pageOf(own, "/")), /m1 UP 10\.1\.2\.3:8080 eureka \d+ s ago/);
});

test("in a quiet registry protection says that it is not active, and when it would be", async () => {
  const words = wordsOf(await pageOf(eureka, "/"));
  assert.match(words, /Protection is not active\./);
  assert.match(words, /at least ten would go and fewer than half would stay/);
});

test("where many fall silent together the page says that they are held, since when, why, and what that means", async (t) => {
  const own = await startEureka(t);
  await Promise.all(Array.from({ length: 12 }, (_, i) => register(own, "SILENT", `s${i}`, leaseOf(1))));
  await register(own, "ALIVE", "a1");
  const words = await until(async () => {
    const seen = wordsOf(await pageOf(own, "/"));
    return seen.includes("12 of 13 leases are held") && seen;
  });
  assert.match(words, /Protection is active: 12 of 13 leases are held since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  assert.match(words, /12 of 1[23] instances of (service silent|account default) fell silent together/);
  assert.match(words, /let go when it sends a heartbeat, when an operator says so/);
  assert.match(words, /s0 UP held/);
  assert.match(words, /Their instances stay listed, marked held , and may or may not still be there\./);
  assert.doesNotMatch(words, /a1 UP held/);
});

test("/lastn has what came and what went, newest first, also after a restart", async (t) => {
  const own = await startEureka(t);
  await register(own, "LAST", "one");
  await register(own, "LAST", "two");
  await cancel(own, "LAST", "one");
  await register(own, "LAST", "short", leaseOf(1));
  await until(async () => (await pageOf(own, "/lastn")).includes("expired"));
  await own.rollcall.restart();
  const words = wordsOf(await pageOf(own, "/lastn"));
  const [cancelled = "", registered = ""] = words
    .slice(words.indexOf("Last cancelled leases"))
    .split("Last registrations");
  assert.match(cancelled, /LAST short expired .*LAST one deregistered/);
  assert.match(registered, /LAST short registered .*LAST two registered .*LAST one registered/);
});

test("/status says how the server is, in JSON and in XML", async () => {
  const { generalStats, applicationStats, instanceInfo, isHeathly } = (
    await getJson(`${eureka.base}/v2/status`)
  ).json();
  assert.match(generalStats["server-uptime"], /^\d\d:\d\d$/);
  assert.deepEqual(Object.keys(applicationStats), [
    "registered-replicas",
    "available-replicas",
    "unavailable-replicas",
  ]);
  assert.deepEqual([instanceInfo.port.$, instanceInfo.status, isHeathly], [eureka.port, "UP", true]);
  const xml = await request(`${eureka.base}/eureka/status`);
  assert.match(
    xml.text,
    /^<com\.netflix\.eureka\.util\.StatusInfo><generalStats>.*<\/com\.netflix\.eureka\.util\.StatusInfo>$/,
  );
  assert.match(xml.text, /<instanceInfo><instanceId>[^<]+:eureka:\d+<\/instanceId>/);
});

test("the dump of overrides has the operator's words alone", async () => {
  const overrides = await request(`${eureka.base}/serverinfo/statusoverrides`);
  assert.deepEqual(overrides.json(), { "orders-1": "OUT_OF_SERVICE" });
});

test("with accounts everybody sees the own one, and who may see all can choose", async (t) => {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const config = {
    accounts: {
      acme: { tokens: [{ name: "w", role: "writer", sha256: sha256("acme") }] },
      other: { tokens: [{ name: "w", role: "writer", sha256: sha256("other") }] },
    },
    tokens: [{ name: "root", role: "admin", sha256: sha256("root") }],
  };
  const own = await startEureka(t, { config });
  const as = (token: string) => ({ authorization: `Basic ${Buffer.from(`u:${token}`).toString("base64")}` });
  await register(own, "ACME-APP", "a1", {}, { headers: as("acme") });
  await register(own, "OTHER-APP", "o1", {}, { headers: as("other") });
  for (const path of ["/", "/?account=other", "/lastn", "/lastn?account=other"]) {
    const page = await pageOf(own, path, as("acme"));
    assert.ok(page.includes("ACME-APP") && !page.includes("OTHER-APP") && !page.includes("account=other"), path);
  }
  const first = await pageOf(own, "/", as("root"));
  assert.ok(first.includes('href="/?account=acme"') && first.includes('href="/?account=other"'));
  assert.match(await pageOf(own, "/?account=other", as("root")), /OTHER-APP/);
  assert.equal((await request(`${own.base}/?account=other`)).status, 401);
});
