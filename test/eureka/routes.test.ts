/** Every operation under every prefix, with the exact statuses and the bodies that must not be there. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Answer, rawRequest, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import {
  beat,
  cancel,
  fetchAll,
  fetchInstance,
  getJson,
  post,
  register,
  registrationOf,
  startEureka,
  toFetched,
} from "./rig.ts";

const eureka = await startEureka({ after });

const PREFIXES = ["", "/v2", "/V2", "/v1", "/eureka", "/eureka/v2", "/eureka/v1"];
const JSON_TYPE = { "content-type": "application/json" };

/** The answers that Java's clients would otherwise try to parse. */
function assertEmpty(answer: Answer, status: number): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.text, "");
  assert.equal(answer.headers["content-type"], undefined);
  assert.equal(answer.headers["transfer-encoding"], undefined);
  if (status !== 204) assert.equal(answer.headers["content-length"], "0");
}

for (const prefix of PREFIXES) {
  for (const slash of ["", "/"]) {
    test(`every operation works below "${prefix}" with "${slash}" at the end`, async () => {
      const app = `APP-${PREFIXES.indexOf(prefix)}-${slash.length}`;
      const at = `${eureka.base}${prefix}`;
      const body = { instance: registrationOf(app, "host:app:1", { vipAddress: `vip-${app}` }) };
      assertEmpty(await request(`${at}/apps/${app}${slash}`, { body }), 204);
      assertEmpty(await request(`${at}/apps/${app}/host:app:1${slash}`, { method: "PUT" }), 200);
      for (const path of ["apps", "apps/delta", `vips/vip-${app}`, `svips/${app.toLowerCase()}`]) {
        const fetched = toFetched(await getJson(`${at}/${path}${slash}`));
        assert.ok(fetched.ids.includes(`${app}/host:app:1`), path);
      }
      const one = await getJson(`${at}/apps/${app}${slash}`);
      assert.equal(one.json().application.instance[0].instanceId, "host:app:1");
      for (const path of [`apps/${app}/host:app:1`, "instances/host:app:1"]) {
        const single = await getJson(`${at}/${path}${slash}`);
        assert.equal(single.json().instance.instanceId, "host:app:1", path);
      }
      const status = `${at}/apps/${app}/host:app:1/status`;
      assertEmpty(await request(`${status}${slash}?value=OUT_OF_SERVICE`, { method: "PUT" }), 200);
      assert.equal((await fetchInstance(eureka, app, "host:app:1"))?.status, "OUT_OF_SERVICE");
      const overrides = await getJson(`${at}/serverinfo/statusoverrides${slash}`);
      assert.equal(overrides.json()["host:app:1"], "OUT_OF_SERVICE");
      assertEmpty(await request(`${status}${slash}?value=UP`, { method: "DELETE" }), 200);
      assert.equal((await fetchInstance(eureka, app, "host:app:1"))?.status, "UP");
      assertEmpty(await request(`${at}/apps/${app}/host:app:1/metadata${slash}?k=v&k=w`, { method: "PUT" }), 200);
      assert.equal((await fetchInstance(eureka, app, "host:app:1"))?.metadata.k, "v");
      assertEmpty(await request(`${at}/asg/group/status${slash}?value=ENABLED`, { method: "PUT" }), 400);
      const batch = await request(`${at}/peerreplication/batch${slash}`, { body: { replicationList: [] } });
      assert.deepEqual([batch.status, batch.json()], [200, { responseList: [] }]);
      assert.equal((await getJson(`${at}/status${slash}`)).json().instanceInfo.app, "EUREKA");
      for (const path of [slash, `/lastn${slash}`])
        assert.match(String((await request(`${at}${path}`)).headers["content-type"]), /^text\/html/, path);
      assertEmpty(await request(`${at}/apps/${app}/host:app:1${slash}`, { method: "DELETE" }), 200);
    });
  }
}

test("a slash too many in a service URL makes no difference", async () => {
  await register(eureka, "SLASHES", "s1");
  assertEmpty(await request(`${eureka.base}/eureka//apps//SLASHES/s1`, { method: "PUT" }), 200);
});

test("an application is the same whatever its letters' case, an instance is not", async () => {
  await register(eureka, "CASE", "c1");
  assertEmpty(await beat(eureka, "case", "c1"), 200);
  assertEmpty(await beat(eureka, "Case", "C1"), 404);
  assertEmpty(await post(eureka, "cAsE", { instance: registrationOf("CASE", "c2") }), 204);
  assertEmpty(await cancel(eureka, "casE", "c2"), 200);
});

test("ids are decoded once", async () => {
  await register(eureka, "ESCAPES", "a:b%41 c");
  assertEmpty(await request(`${eureka.apps}/ESCAPES/a%3Ab%2541%20c`, { method: "PUT" }), 200);
  assertEmpty(await request(`${eureka.apps}/ESCAPES/a%3AbA%20c`, { method: "PUT" }), 404);
  assertEmpty(await request(`${eureka.apps}/%45SCAPES/a:b%2541%20c`, { method: "PUT" }), 200);
});

test("what is not there is 404 without a word", async () => {
  for (const path of ["/apps/NOBODY", "/apps/NOBODY/n1", "/instances/n1", "/nothing", "/eureka/nothing/at/all/here"])
    assertEmpty(await getJson(`${eureka.base}${path}`), 404);
  assertEmpty(await beat(eureka, "NOBODY", "n1"), 404);
  assertEmpty(await beat(eureka, "NOBODY", "n1", "?status=UP&lastDirtyTimestamp=1"), 404);
  assertEmpty(await cancel(eureka, "NOBODY", "n1"), 404);
  for (const method of ["PUT", "DELETE"])
    assertEmpty(await request(`${eureka.apps}/NOBODY/n1/status?value=UP`, { method }), 404);
  assertEmpty(await request(`${eureka.apps}/NOBODY/n1/status?value=NONSENSE`, { method: "PUT" }), 404);
  assertEmpty(await request(`${eureka.apps}/NOBODY/n1/metadata?k=v`, { method: "PUT" }), 404);
});

test("an unknown vip is an empty list, never 404", async () => {
  for (const path of ["vips", "svips"]) {
    const fetched = toFetched(await getJson(`${eureka.base}/eureka/${path}/nobody`));
    assert.deepEqual([fetched.ids, fetched.hashcode], [[], ""]);
  }
});

test("a vip address is one of a list, whole", async () => {
  await register(eureka, "VIPS", "v1", { vipAddress: "one,two:80", secureVipAddress: "three" });
  await register(eureka, "VIPS", "v2", { vipAddress: "two:80", status: "DOWN" });
  const two = toFetched(await getJson(`${eureka.base}/eureka/vips/two:80`));
  assert.deepEqual([two.ids, two.hashcode], [["VIPS/v1", "VIPS/v2"], "DOWN_1_UP_1_"]);
  assert.deepEqual(toFetched(await getJson(`${eureka.base}/eureka/vips/tw`)).ids, []);
  assert.deepEqual(toFetched(await getJson(`${eureka.base}/eureka/vips/three`)).ids, []);
  assert.deepEqual(toFetched(await getJson(`${eureka.base}/eureka/svips/three`)).ids, ["VIPS/v1"]);
  await cancel(eureka, "VIPS", "v1");
  assert.deepEqual(toFetched(await getJson(`${eureka.base}/eureka/svips/three`)).ids, []);
});

test("an override with a word that is none is 500, as a time that is none", async () => {
  await register(eureka, "OVERRIDES", "o1");
  const at = `${eureka.apps}/OVERRIDES/o1/status`;
  assertEmpty(await request(`${at}?value=NONSENSE`, { method: "PUT" }), 500);
  assertEmpty(await request(at, { method: "PUT" }), 500);
  assertEmpty(await request(`${at}?value=NONSENSE`, { method: "DELETE" }), 500);
  assertEmpty(await request(`${at}?value=UP&lastDirtyTimestamp=soon`, { method: "PUT" }), 500);
  assertEmpty(await beat(eureka, "OVERRIDES", "o1", "?lastDirtyTimestamp=soon"), 400);
  assertEmpty(await beat(eureka, "OVERRIDES", "o1", "?lastDirtyTimestamp=null"), 200);
});

test("a method that is not possible is 405 and says which are", async () => {
  const answer = await request(`${eureka.apps}`, { method: "POST", body: "", headers: JSON_TYPE });
  assertEmpty(answer, 405);
  assert.equal(answer.headers.allow, "GET, HEAD, OPTIONS");
  assert.equal(
    (await request(`${eureka.apps}/A/b`, { method: "PATCH" })).headers.allow,
    "GET, PUT, DELETE, HEAD, OPTIONS",
  );
  assertEmpty(await request(`${eureka.apps}/A/b/status`, { method: "GET" }), 405);
});

test("a heartbeat may bring a body, also one that comes late, and keeps its connection", async (t) => {
  await register(eureka, "BODIES", "b1");
  const head = (bytes: number) =>
    `PUT /eureka/apps/BODIES/b1?status=UP HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;
  const whole = await rawRequest(eureka.port, `${head(2)}{}${head(2)}{}`);
  assert.equal(whole.text.match(/HTTP\/1\.1 200 OK/g)?.length, 2, whole.text);
  const socket = connect(eureka.port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  for (let beats = 1; beats <= 3; beats++) {
    socket.write(head(2));
    // The server has the head alone when it reads this far.
    await new Promise((resolve) => setTimeout(resolve, 60));
    socket.write("{}");
    await until(() => text.split("HTTP/1.1 200 OK").length === beats + 1, { what: `answer ${beats}` });
  }
  assert.doesNotMatch(text, /Connection: close/i);
});

test("HEAD is GET without the body", async () => {
  await register(eureka, "HEADS", "h1");
  const head = await request(`${eureka.apps}/`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
  assert.ok(Number(head.headers["content-length"]) > 500);
});

test("lists are JSON when Accept speaks of it and XML otherwise; a single instance is negotiated", async () => {
  await register(eureka, "FORMATS", "f1");
  const typeOf = async (path: string, accept?: string) =>
    (await request(`${eureka.apps}${path}`, { headers: accept === undefined ? {} : { accept } })).headers[
      "content-type"
    ];
  for (const path of ["/", "/delta", "/FORMATS"]) {
    assert.equal(await typeOf(path), "application/xml");
    assert.equal(await typeOf(path, "*/*"), "application/xml");
    assert.equal(await typeOf(path, "application/json"), "application/json");
    assert.equal(await typeOf(path, "application/xml, application/json;q=0.1"), "application/json");
  }
  const one = "/FORMATS/f1";
  assert.equal(await typeOf(one), "application/xml");
  assert.equal(await typeOf(one, "*/*"), "application/xml");
  assert.equal(await typeOf(one, "application/xml, application/json"), "application/xml");
  assert.equal(await typeOf(one, "application/json, application/xml"), "application/json");
  assert.equal(await typeOf(one, "application/json, text/plain, */*"), "application/json", "as axios sends it");
  assert.equal(await typeOf(one, "*/*, application/json"), "application/json");
  assert.equal(await typeOf(one, "application/xml;q=0.5, application/json"), "application/json");
  assert.equal(await typeOf(one, "application/json, */*;q=0.1"), "application/json");
  assert.equal(await typeOf(one, "application/*+json, application/json"), "application/json");
});

test("a registration may be XML, and packed", async () => {
  const xml =
    "<instance><instanceId>x1</instanceId><hostName>h</hostName><app>PACKED</app><ipAddr>10.0.0.9</ipAddr>" +
    '<port enabled="true">80</port><dataCenterInfo class="com.netflix.appinfo.MyDataCenterInfo"><name>MyOwn</name>' +
    "</dataCenterInfo></instance>";
  const xmlType = { "content-type": "application/xml" };
  assertEmpty(await post(eureka, "PACKED", xml, { headers: xmlType }), 204);
  assert.equal((await fetchInstance(eureka, "PACKED", "x1"))?.port.$, 80);
  const packed = gzipSync(JSON.stringify({ instance: registrationOf("PACKED", "x2") }));
  const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
  assertEmpty(await post(eureka, "PACKED", packed, { headers }), 204);
  assert.ok((await fetchAll(eureka)).instances.has("PACKED/x2"));
  assertEmpty(await post(eureka, "PACKED", packed.subarray(0, 40), { headers }), 400);
});

test("a registration that lacks something is 400 with the original's words", async () => {
  const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ hostName: "" }, "Missing hostname"],
    [{ ipAddr: "" }, "Missing ip address"],
    [{ app: "" }, "Missing appName"],
    [{ app: "OTHER" }, "Mismatched appName, expecting WRONG but was OTHER"],
    [{ dataCenterInfo: undefined }, "Missing dataCenterInfo"],
    [{ instanceId: "", hostName: "" }, "Missing instanceId"],
  ];
  for (const [more, words] of wrong) {
    const answer = await post(eureka, "wrong", { instance: registrationOf("WRONG", "w1", more) });
    assert.deepEqual([answer.status, answer.text], [400, words]);
  }
  assertEmpty(await beat(eureka, "WRONG", "w1"), 404);
});

test("what no registry could keep is refused, and the next registration works", async () => {
  const bad: readonly unknown[] = [
    registrationOf("BAD", "has/slash"),
    registrationOf("BAD", "b", { metadata: { k: "x".repeat(9000) } }),
    registrationOf("BAD", "b", { metadata: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, "v"])) }),
  ];
  for (const instance of bad) assert.equal((await post(eureka, "BAD", { instance })).status, 400);
  const texts = ["", "{", "[]", "null", '{"instance":7}', "<instance", `{"a":${"[".repeat(5000)}`];
  for (const body of texts) assert.equal((await post(eureka, "BAD", body, { headers: JSON_TYPE })).status, 400, body);
  const bomb =
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><instance><instanceId>&b;</instanceId></instance>';
  const external =
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><instance><instanceId>&a;</instanceId></instance>';
  for (const body of [bomb, external, `${"<a>".repeat(5000)}`])
    assert.equal((await post(eureka, "BAD", body, { headers: { "content-type": "application/xml" } })).status, 400);
  assertEmpty(await post(eureka, "BAD", Buffer.alloc(600_000, 0x20), { headers: JSON_TYPE }), 413);
  const zeros = gzipSync(Buffer.alloc(50_000_000, 0x20));
  assertEmpty(await post(eureka, "BAD", zeros, { headers: { ...JSON_TYPE, "content-encoding": "gzip" } }), 413);
  await register(eureka, "BAD", "good");
});

test("other types than JSON and XML are 415: no form of another site's page can register", async () => {
  const body = JSON.stringify({ instance: registrationOf("TYPES", "t1") });
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "text/plain;application/json",
    "application/json\xa0",
  ])
    assertEmpty(await post(eureka, "TYPES", body, { headers: { "content-type": type } }), 415);
  assertEmpty(await post(eureka, "TYPES", body), 415);
  assertEmpty(
    await post(eureka, "TYPES", body, { headers: { "content-type": "application/json;charset=UTF-8" } }),
    204,
  );
  for (const coding of ["br", "identity\xa0"])
    assertEmpty(await post(eureka, "TYPES", body, { headers: { ...JSON_TYPE, "content-encoding": coding } }), 415);
});

test("metadata is merged; too much of it is 400 and changes nothing", async () => {
  await register(eureka, "META", "m1", { metadata: { a: "1", b: "2" } });
  assertEmpty(await request(`${eureka.apps}/META/m1/metadata?b=3&c=%20d+e&empty`, { method: "PUT" }), 200);
  const expected = { a: "1", b: "3", c: " d e", empty: "" };
  assert.deepEqual((await fetchInstance(eureka, "META", "m1"))?.metadata, expected);
  const huge = Array.from({ length: 200 }, (_, i) => `k${i}=v`).join("&");
  assert.equal((await request(`${eureka.apps}/META/m1/metadata?${huge}`, { method: "PUT" })).status, 400);
  assert.deepEqual((await fetchInstance(eureka, "META", "m1"))?.metadata, expected);
  assertEmpty(await request(`${eureka.apps}/META/m1/metadata?__proto__=x`, { method: "PUT" }), 200);
  const withName = JSON.parse('{"a":"1","b":"3","c":" d e","empty":"","__proto__":"x"}');
  assert.deepEqual((await fetchInstance(eureka, "META", "m1"))?.metadata, withName, "a name of JavaScript's own");
});

test("a path of too many segments leads nowhere, and is not cut to one that leads elsewhere", async () => {
  await register(eureka, "LONG", "l1");
  const slashes = "/".repeat(14);
  assertEmpty(await request(`${eureka.apps}/LONG/l1${slashes}status?value=UP`, { method: "DELETE" }), 404);
  assertEmpty(await request(`${eureka.apps}/LONG/l1${slashes}`, { method: "DELETE" }), 404);
  assertEmpty(await beat(eureka, "LONG", "l1"), 200);
});

test("a batch is carried out line by line, each with its own status", async () => {
  const line = (action: string, id: string, more: Record<string, unknown> = {}) => ({
    appName: "BATCH",
    id,
    action,
    lastDirtyTimestamp: 1700000000000,
    ...more,
  });
  const lines = [
    line("Register", "b1", { instanceInfo: registrationOf("BATCH", "b1") }),
    line("Heartbeat", "b1", { status: "UP" }),
    line("Heartbeat", "b2", { status: "UP" }),
    line("StatusUpdate", "b1", { status: "OUT_OF_SERVICE" }),
    line("Register", "b3", { instanceInfo: registrationOf("BATCH", "b3") }),
    line("Cancel", "b3"),
    line("Cancel", "b3"),
    line("Nonsense", "b1"),
    line("Heartbeat", "b1", { lastDirtyTimestamp: 1600000000000 }),
    7,
  ];
  const answer = await request(`${eureka.base}/eureka/peerreplication/batch/`, { body: { replicationList: lines } });
  assert.equal(answer.status, 200);
  const { responseList } = answer.json();
  const statuses = responseList.map((one: { statusCode: number }) => one.statusCode);
  assert.deepEqual(statuses, [204, 200, 404, 200, 204, 200, 404, 400, 409, 400]);
  assert.equal(responseList[8].responseEntity.instanceId, "b1");
  assert.equal((await fetchInstance(eureka, "BATCH", "b1"))?.status, "OUT_OF_SERVICE");
});

test("a batch is refused as a whole when it is none", async () => {
  const at = `${eureka.base}/eureka/peerreplication/batch/`;
  assert.equal((await request(at, { body: "{}", headers: JSON_TYPE })).status, 400);
  assert.equal((await request(at, { body: "<x/>", headers: { "content-type": "application/xml" } })).status, 415);
  const many = { replicationList: Array.from({ length: 1001 }, () => ({ appName: "A", id: "b", action: "Cancel" })) };
  assert.equal((await request(at, { body: many })).status, 400);
  const full = { replicationList: [{ more: Array.from({ length: 100_000 }, () => ({})) }] };
  const answer = await request(at, { body: full });
  assert.deepEqual([answer.status, answer.text], [400, "too many values"]);
});

test("a heartbeat from another server that knows an older copy is answered with ours", async () => {
  await register(eureka, "PEERED", "p1", { lastDirtyTimestamp: "1700000000500" });
  const headers = { "x-netflix-discovery-replication": "true", accept: "application/json" };
  const at = `${eureka.apps}/PEERED/p1?status=UP&lastDirtyTimestamp=`;
  const older = await request(`${at}1700000000499`, { method: "PUT", headers });
  assert.deepEqual([older.status, older.json().instance.lastDirtyTimestamp], [409, "1700000000500"]);
  assertEmpty(await request(`${at}1700000000500`, { method: "PUT", headers }), 200);
  assertEmpty(await request(`${at}1700000000501`, { method: "PUT", headers }), 404);
  assertEmpty(await request(`${at}1700000000499`, { method: "PUT" }), 200);
  assertEmpty(await request(`${at}1700000000501`, { method: "PUT" }), 404);
});
