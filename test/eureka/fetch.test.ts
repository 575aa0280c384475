/** Fetches: what is committed is in the next one, in every form, and strict clients can read it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { request } from "../harness/requests.ts";
import { beat, cancel, fetchAll, fetchInstance, getJson, register, type Shown, startEureka } from "./rig.ts";

const eureka = await startEureka({ after });
const native = `${eureka.rollcall.url}/v2/default`;

async function put(service: string, id: string, body: Record<string, unknown>, account = "default"): Promise<void> {
  const url = `${eureka.rollcall.url}/v2/${account}/services/${service}/instances/${id}`;
  const answer = await request(url, { method: "PUT", body });
  assert.ok(answer.status === 200 || answer.status === 201, answer.text);
}

function countsOf(instances: Iterable<Shown>): string {
  const counts = new Map<string, number>();
  for (const { status } of instances) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .sort()
    .map(([status, count]) => `${status}_${count}_`)
    .join("");
}

test("an empty registry is a list without applications and an empty hash", async () => {
  const { text } = await getJson(`${eureka.apps}/`);
  assert.equal(text, '{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}');
  const xml = await request(`${eureka.apps}/`);
  assert.equal(
    xml.text,
    "<applications><versions__delta>1</versions__delta><apps__hashcode></apps__hashcode></applications>",
  );
});

test("what was answered is in the next fetch, in every form", async () => {
  const forms = [{}, { "accept-encoding": "gzip" }, { accept: "application/json" }];
  const forms4 = [...forms, { accept: "application/json", "accept-encoding": "gzip" }] as Record<string, string>[];
  const all = async (): Promise<string[]> =>
    Promise.all(
      forms4.map(async (headers) => {
        const answer = await request(`${eureka.apps}/`, { headers });
        assert.equal(answer.status, 200);
        const packed = headers["accept-encoding"] === "gzip";
        assert.equal(answer.headers["content-encoding"], packed ? "gzip" : undefined);
        return packed ? gunzipSync(answer.bytes).toString() : answer.text;
      }),
    );
  for (let round = 0; round < 8; round++) {
    const id = `fresh-${round}`;
    await register(eureka, round % 2 === 0 ? "FRESH" : "FRESHER", id, { status: round === 3 ? "STARTING" : "UP" });
    for (const text of await all()) assert.ok(text.includes(id), `${id} is missing`);
    if (round > 4) {
      await cancel(eureka, round % 2 === 0 ? "FRESH" : "FRESHER", id);
      for (const text of await all()) assert.ok(!text.includes(id), `${id} is still there`);
    }
  }
  const [xml, packedXml, json, packedJson] = await all();
  assert.deepEqual([packedXml, packedJson], [xml, json]);
});

test("the hash counts every instance by its status, sorted", async () => {
  await register(eureka, "HASH", "a", { status: "DOWN" });
  await register(eureka, "HASH", "b", { status: "OUT_OF_SERVICE" });
  await register(eureka, "HASH", "c", { status: "nonsense" });
  const fetched = await fetchAll(eureka);
  assert.equal(fetched.hashcode, countsOf(fetched.instances.values()));
  assert.match(fetched.hashcode, /^DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UNKNOWN_1_UP_\d+_$/);
  assert.equal(fetched.version, "1");
});

test("heartbeats change no answer: the same bytes are sent again", async () => {
  await register(eureka, "BEATEN", "b1");
  const first = await getJson(`${eureka.apps}/`);
  assert.equal((await beat(eureka, "BEATEN", "b1")).status, 200);
  assert.deepEqual((await getJson(`${eureka.apps}/`)).bytes, first.bytes);
});

test("regions= changes nothing: there is this one", async () => {
  await register(eureka, "REGIONS", "r1");
  const plain = await getJson(`${eureka.apps}/`);
  assert.deepEqual((await getJson(`${eureka.apps}/?regions=us-east-1,eu-west-1`)).bytes, plain.bytes);
});

test("an instance of another dialect has all that strict clients need, and nothing they do not know", async () => {
  const body = { address: "10.7.0.1", ports: { default: 80, secure: 443 }, zone: "z1", version: "2.1", ttl: "20s" };
  await put("Billing", "n1", { ...body, meta: { team: "money" } });
  const shown = (await fetchAll(eureka)).instances.get("BILLING/n1") as Shown;
  assert.deepEqual(
    Object.keys(shown).sort(),
    [
      "actionType",
      "app",
      "countryId",
      "dataCenterInfo",
      "healthCheckUrl",
      "homePageUrl",
      "hostName",
      "instanceId",
      "ipAddr",
      "isCoordinatingDiscoveryServer",
      "lastDirtyTimestamp",
      "lastUpdatedTimestamp",
      "leaseInfo",
      "metadata",
      "overriddenStatus",
      "port",
      "secureVipAddress",
      "securePort",
      "status",
      "statusPageUrl",
      "vipAddress",
    ].sort(),
  );
  assert.deepEqual(shown.port, { $: 80, "@enabled": "true" });
  assert.deepEqual(shown.securePort, { $: 443, "@enabled": "true" });
  assert.deepEqual(shown.dataCenterInfo, {
    "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
    name: "MyOwn",
  });
  assert.deepEqual([shown.hostName, shown.ipAddr, shown.app], ["10.7.0.1", "10.7.0.1", "BILLING"]);
  assert.deepEqual([shown.leaseInfo.durationInSecs, shown.countryId, shown.vipAddress], [20, 1, "Billing"]);
  assert.deepEqual(shown.metadata, { team: "money", zone: "z1", version: "2.1" });
  assert.equal(shown.homePageUrl, "http://10.7.0.1:80/");
});

test("services that differ by their letters' case are one application; an id counts once", async () => {
  await put("mixed", "m1", { address: "10.0.0.1", port: 1 });
  await put("Mixed", "m2", { address: "10.0.0.2", port: 2 });
  await put("MIXED", "m1", { address: "10.0.0.3", port: 3 });
  const { instances } = await fetchAll(eureka);
  assert.deepEqual([...instances.keys()].filter((key) => key.startsWith("MIXED/")).sort(), ["MIXED/m1", "MIXED/m2"]);
  assert.equal(instances.get("MIXED/m1")?.ipAddr, "10.0.0.1");
  const one = await getJson(`${eureka.apps}/mixed`);
  assert.equal(one.json().application.instance.length, 2);
  assert.equal((await fetchAll(eureka)).hashcode, countsOf((await fetchAll(eureka)).instances.values()));
  assert.equal((await beat(eureka, "MIXED", "m2")).status, 200);
  assert.equal((await request(`${native}/services/mixed/instances/m1`, { method: "DELETE" })).status, 200);
  assert.equal((await fetchInstance(eureka, "MIXED", "m1"))?.ipAddr, "10.0.0.3");
});

test("an instance of Eureka's is found through the native API with its ports, metadata and status", async () => {
  await register(eureka, "SHOWN", "s1", { status: "OUT_OF_SERVICE", metadata: { zone: "z9", color: "blue" } });
  const answer = await request(`${native}/services/shown/instances/s1`);
  assert.equal(answer.status, 200, answer.text);
  const { address, ports, zone, status, meta, via } = answer.json();
  assert.deepEqual([address, ports, zone, status, via], ["10.1.2.3", { default: 8080 }, "z9", "draining", "eureka"]);
  assert.deepEqual([meta.color, meta["eureka.homePageUrl"]], ["blue", "http://10.1.2.3:8080/"]);
});

test("an application is never listed empty", async () => {
  await register(eureka, "BRIEF", "b1");
  await cancel(eureka, "BRIEF", "b1");
  assert.ok(!(await getJson(`${eureka.apps}/`)).text.includes("BRIEF"));
  assert.equal((await getJson(`${eureka.apps}/BRIEF`)).status, 404);
});

test("a change encodes its own application again and leaves the others' texts as they are", async () => {
  await register(eureka, "STILL", "s1");
  await register(eureka, "MOVING", "m1");
  const textOf = async (app: string) => {
    const { applications } = (await getJson(`${eureka.apps}/`)).json();
    return JSON.stringify(applications.application.find((one: Shown) => one.name === app));
  };
  const [still, moving] = [await textOf("STILL"), await textOf("MOVING")];
  // Its time is in the text, but a text is as of its encoding.
  await beat(eureka, "STILL", "s1");
  await register(eureka, "MOVING", "m1", { status: "DOWN", lastDirtyTimestamp: "1700000000001" });
  assert.equal(await textOf("STILL"), still);
  assert.notEqual(await textOf("MOVING"), moving);
});

test("thousands of instances are one answer that unpacks to the same bytes", async () => {
  const jobs: Promise<void>[] = [];
  for (let i = 0; i < 600; i++) jobs.push(register(eureka, `LARGE-${i % 30}`, `large-${i}`));
  await Promise.all(jobs);
  const plain = await getJson(`${eureka.apps}/`);
  const packed = await getJson(`${eureka.apps}/`, { "accept-encoding": "gzip" });
  assert.deepEqual(gunzipSync(packed.bytes), plain.bytes);
  assert.ok(packed.bytes.length < plain.bytes.length / 5, `${packed.bytes.length} of ${plain.bytes.length} bytes`);
  const fetched = await fetchAll(eureka);
  assert.equal(fetched.ids.filter((id) => id.startsWith("LARGE-")).length, 600);
  assert.equal(fetched.hashcode, countsOf(fetched.instances.values()));
});

test("a gzip that is refused is not sent", async () => {
  for (const coding of ["identity", "gzip;q=0", "br"]) {
    const answer = await getJson(`${eureka.apps}/`, { "accept-encoding": coding });
    assert.equal(answer.headers["content-encoding"], undefined, coding);
  }
});
