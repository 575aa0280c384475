/** The HTTP API of SkyDNS 1: services, lists, regions, environments; over real sockets. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Answer, rawRequest, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { SERVICE, startSky } from "./rig.ts";

const sky = await startSky({ after });
const { rollcall, call, add, get } = sky;
const native = (path: string) => `${rollcall.url}/v2/default${path}`;

const NOT_EXISTS = "Service does not exist in registry\n";
const TEXT = "text/plain; charset=utf-8";

function assertWord(answer: Answer, status: number, text: string): void {
  assert.equal(answer.text, text);
  assert.equal(answer.status, status);
  assert.equal(answer.headers["content-type"], TEXT);
  assert.equal(answer.headers["content-length"], String(answer.bytes.length));
}

function assertEmpty(answer: Answer, status: number): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.bytes.length, 0);
  assert.equal(answer.headers["content-type"], undefined);
}

test("while nothing is there, lists are 404 and counts are an empty object without a line's end", async () => {
  assertWord(await call("GET", "/services/"), 404, NOT_EXISTS);
  assertWord(await call("GET", "/services/?query=*"), 404, NOT_EXISTS);
  assertWord(await call("GET", "/regions/"), 200, "{}");
  assertWord(await call("GET", "/environments/"), 200, "{}");
});

test("a service is added, shown with what is left of its time, and removed", async () => {
  assertEmpty(await add("1001"), 201);
  assertWord(await add("1001"), 409, "Service already exists in registry\n");
  assertWord(await add("1001", { Name: "Other" }), 409, "Service already exists in registry\n");
  const answer = await get("1001");
  const { TTL, Expires } = answer.json();
  assertWord(
    answer,
    200,
    `{"UUID":"1001","Name":"TestService","Version":"1.0.0","Environment":"Production","Region":"Test",` +
      `"Host":"web1.site.com","Port":9000,"TTL":${TTL},"Expires":"${Expires}","NoExpire":false}\n`,
  );
  assert.ok(TTL === 59 || TTL === 58, String(TTL));
  assert.match(Expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.parse(Expires) - Date.now() - 60_000) < 2000, Expires);
  assertEmpty(await call("DELETE", "/services/1001"), 200);
  assertWord(await call("DELETE", "/services/1001"), 404, NOT_EXISTS);
  assertWord(await get("1001"), 404, NOT_EXISTS);
});

test("of many that add one UUID at once exactly one wins", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `Race${index}`);
  const answers = await Promise.all(names.map((Name) => add("race", { Name })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array<number>(19).fill(409)]);
  const shown = (await get("race")).json().Name;
  assert.equal(answers[names.indexOf(shown)]?.status, 201);
  await call("DELETE", "/services/race");
});

test("a heartbeat with the same TTL writes nothing; another TTL holds from then on", async () => {
  assertEmpty(await add("beat", { TTL: 100 }), 201);
  const read = async () => (await request(native("/services/TestService/instances/beat"))).json();
  const before = await read();
  assertEmpty(await call("PATCH", "/services/beat", { TTL: 100 }), 200);
  assertEmpty(await call("PATCH", "/services/beat", `{"TTL":100} and more`), 200);
  assert.equal((await read()).mod_revision, before.mod_revision);
  assertEmpty(await call("PATCH", "/services/beat", { TTL: 10 }), 200);
  assert.ok((await get("beat")).json().TTL <= 10);
  assertEmpty(await call("PATCH", "/services/beat", { TTL: 5000 }), 200);
  assert.ok((await get("beat")).json().TTL >= 4998);
  assertWord(await call("PATCH", "/services/nobody", { TTL: 5 }), 404, NOT_EXISTS);
  await call("DELETE", "/services/beat");
});

test("a TTL runs out, a heartbeat keeps it from that, and no TTL ends at once", async () => {
  assertEmpty(await add("short", { TTL: 1 }), 201);
  assertEmpty(await add("none", { TTL: 0 }), 201);
  assertEmpty(await add("kept", { TTL: 1 }), 201);
  assert.equal((await get("short")).json().TTL, 1);
  const startMs = performance.now();
  const end = until(async () => (await get("short")).status === 404, { timeoutMs: 4000 });
  const beats = setInterval(() => void call("PATCH", "/services/kept", { TTL: 1 }), 200);
  await end;
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs > 800 && tookMs < 2300, `ended after ${tookMs} ms`);
  await until(async () => (await get("none")).status === 404, { timeoutMs: 2000 });
  assert.equal((await get("kept")).status, 200);
  clearInterval(beats);
  // A TTL of 0 in a heartbeat ends it, as in the original.
  await call("PATCH", "/services/kept", { TTL: 1000 });
  assertEmpty(await call("PATCH", "/services/kept", {}), 200);
  await until(async () => (await get("kept")).status === 404, { timeoutMs: 3000 });
});

test("one that does not expire stays, whatever its TTL", async () => {
  assertEmpty(await add("stays", { TTL: 1, noexpire: true }), 201);
  const instance = (await request(native("/services/TestService/instances/stays"))).json();
  assert.equal(instance.ttl ?? null, null);
  const shown = (await get("stays")).json();
  assert.equal(shown.NoExpire, true);
  assert.equal(shown.TTL, 1);
  assertEmpty(await call("PATCH", "/services/stays", { TTL: 30 }), 200);
  assert.equal((await get("stays")).json().TTL, 30);
  assertEmpty(await call("PATCH", "/services/stays", { TTL: 1 }), 200);
  assertEmpty(await add("goes", { TTL: 1 }), 201);
  await until(async () => (await get("goes")).status === 404, { timeoutMs: 4000 });
  assert.equal((await get("stays")).status, 200);
  await call("DELETE", "/services/stays");
});

test("the longest TTL is a week", async () => {
  assertEmpty(await add("long", { TTL: 4_294_967_295 }), 201);
  const { TTL } = (await get("long")).json();
  assert.ok(TTL <= 604_800 && TTL > 604_790, String(TTL));
  await call("DELETE", "/services/long");
});

test("what is wrong is said in the original's words", async () => {
  const put = (body: unknown) => call("PUT", "/services/bad", body);
  assertWord(await put({ ...SERVICE, Host: "" }), 400, "Host and Port required\n");
  assertWord(await put({ ...SERVICE, Port: 0 }), 400, "Host and Port required\n");
  assertWord(await put("null"), 400, "Host and Port required\n");
  assertWord(await put(""), 500, "EOF\n");
  assertWord(await put("{"), 500, "unexpected EOF\n");
  assertWord(await put("<a>"), 500, "invalid character '<' looking for beginning of value\n");
  const port = "json: cannot unmarshal string into Go struct field Service.Port of type uint16\n";
  assertWord(await put({ ...SERVICE, Port: "80" }), 500, port);
  assertWord(
    await call("PATCH", "/services/bad", "[]"),
    500,
    "json: cannot unmarshal array into Go value of type msg.Service\n",
  );
  // And in ours, where the original has none.
  assertWord(await put({ ...SERVICE, Region: "a\u0007b" }), 400, "Region has control characters\n");
  assertWord(await put({ ...SERVICE, Version: "1".repeat(256) }), 400, "Version is longer than 255 characters\n");
  assert.equal((await put({ ...SERVICE, Name: "" })).status, 400);
  assert.equal((await put({ ...SERVICE, Name: "a/b" })).status, 400);
  assert.equal((await call("PUT", "/services/%20", SERVICE)).status, 400);
  assert.equal((await call("PUT", `/services/${"u".repeat(600)}`, SERVICE)).status, 400);
  const large = await put(JSON.stringify({ ...SERVICE, More: "x".repeat(70_000) }));
  assertWord(large, 413, "http: request body too large\n");
  assert.equal((await get("bad")).status, 404);
});

test("pages that are not there are 404, other methods 405", async () => {
  const missing = [
    "/services",
    "/regions",
    "/services/a/b",
    "/services/a%2Fb",
    "/services/%zz",
    "/callbacks/",
    "/raft/join",
    "/x/",
  ];
  for (const path of missing) assertWord(await call("GET", path), 404, "404 page not found\n");
  const port = rollcall.port("skydns");
  assertWord(await request(`http://127.0.0.1:${port}/`), 404, "404 page not found\n");
  const methods: readonly [string, string, string][] = [
    ["POST", "/services/1", "PUT, PATCH, GET, DELETE, HEAD, OPTIONS"],
    ["PUT", "/services/", "GET, HEAD, OPTIONS"],
    ["GET", "/callbacks/1", "PUT, OPTIONS"],
    ["DELETE", "/regions/", "GET, HEAD, OPTIONS"],
    ["POST", "/environments/", "GET, HEAD, OPTIONS"],
  ];
  for (const [method, path, allow] of methods) {
    const answer = await call(method, path);
    assertEmpty(answer, 405);
    assert.equal(answer.headers.allow, allow);
  }
  const head = await rawRequest(port, `HEAD /skydns/regions/ HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
  assert.match(head.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(head.text.endsWith("\r\n\r\n"));
});

test("a UUID is taken as it is written, escapes and all", async () => {
  const uuids: readonly [string, string][] = [
    ["with%20blank", "with blank"],
    ["%C3%A9", "é"],
    ["a%3Fb%23c", "a?b#c"],
    ["UPPER-x.y_z~", "UPPER-x.y_z~"],
  ];
  for (const [path, uuid] of uuids) {
    assertEmpty(await add(path, { Region: "<&>" }), 201);
    const answer = await get(path);
    assert.equal(answer.json().UUID, uuid);
    assert.ok(answer.text.includes('"Region":"\\u003c\\u0026\\u003e"'), answer.text);
    assertEmpty(await call("DELETE", `/services/${path}`), 200);
  }
});

const WEB: readonly [string, Readonly<Record<string, unknown>>][] = [
  ["1001", { Region: "East", Host: "web1.site.com", Port: 80 }],
  ["1002", { Region: "East", Host: "web2.site.com", Port: 8080 }],
  ["1003", { Region: "West", Host: "web3.site.com", Port: 80 }],
  ["1005", { Region: "North", Host: "server24", Port: 9000, Version: "1.0.1" }],
  ["1011", { Region: "West", Host: "10.0.0.11", Name: "rails", Environment: "dev" }],
  ["1012", { Region: "", Host: "::1", Name: "rails", Environment: "" }],
];

test("lists follow the pattern of names in DNS; regions and environments are counted", async () => {
  for (const [uuid, more] of WEB) assertEmpty(await add(uuid, more), 201);
  const list = async (query: string): Promise<string[]> => {
    const answer = await call("GET", `/services/${query === "" ? "" : `?query=${query}`}`);
    if (answer.status !== 200) {
      assertWord(answer, 404, NOT_EXISTS);
      return [];
    }
    assert.match(answer.text, /^\[\{"UUID":.*\}\]\n$/);
    return (answer.json() as { UUID: string }[]).map(({ UUID }) => UUID).sort();
  };
  const all = WEB.map(([uuid]) => uuid);
  for (const query of ["", "*", "*.", "*.*.*.*.*.*", "&other=1"]) assert.deepEqual(await list(query), all, query);
  assert.deepEqual(await list("production"), all.slice(0, 4));
  assert.deepEqual(await list("TESTSERVICE.Production."), all.slice(0, 4));
  assert.deepEqual(await list("east.*.testservice.production"), ["1001", "1002"]);
  assert.deepEqual(await list("1-0-1.testservice.production"), ["1005"]);
  assert.deepEqual(await list("1%5C.0%5C.1.testservice.production"), ["1005"]);
  assert.deepEqual(await list("web3-site-com.*.*.*.*"), ["1003"]);
  assert.deepEqual(await list("--1.*.*.rails.*"), ["1012"]);
  assert.deepEqual(await list("west.*.*.*"), ["1003", "1011"]);
  assert.deepEqual(await list("1011.*.*.*.*.*"), ["1011"]);
  assert.deepEqual(await list("1011.*.*.*.*.production"), []);
  for (const none of ["1011", "south.*.*.*", "a.b.c.d.e.f.g", "testservice..production", "."])
    assert.deepEqual(await list(none), [], none);
  assertWord(await call("GET", "/regions/"), 200, '{"":1,"East":2,"North":1,"West":2}\n');
  assertWord(await call("GET", "/environments/"), 200, '{"":1,"Production":4,"dev":1}\n');
  for (const [uuid] of WEB) await call("DELETE", `/services/${uuid}`);
});

test("instances of other protocols are services here, if they may be found", async () => {
  const put = async (id: string, body: object) => {
    const answer = await request(native(`/services/api/instances/${id}`), { method: "PUT", body });
    assert.equal(answer.status, 201, answer.text);
  };
  await put("a1", { address: "10.0.0.1", ports: { http: 80, admin: 9 }, zone: "z1", version: "2", ttl: "100s" });
  await put("a2", { address: "10.0.0.2", port: 81, ttl: 0, meta: { environment: "staging" } });
  await put("a3", { address: "10.0.0.3", port: 82, status: "critical" });
  const { Expires: _, ...a1 } = (await get("a1")).json();
  const common = { UUID: "a1", Name: "api", Environment: "production", NoExpire: false };
  assert.deepEqual({ ...a1, TTL: 99 }, { ...common, Version: "2", Region: "z1", Host: "10.0.0.1", Port: 9, TTL: 99 });
  const a2 = (await get("a2")).json();
  assert.deepEqual([a2.Environment, a2.NoExpire, a2.TTL], ["staging", true, 604_800]);
  assert.equal((await call("GET", "/services/?query=api.*")).json().length, 2);
  assert.equal((await get("a3")).status, 200);
  assertWord(await call("GET", "/environments/"), 200, '{"production":1,"staging":1}\n');
  assertWord(await add("a1"), 409, "Service already exists in registry\n");
  assertEmpty(await call("PATCH", "/services/a1", { TTL: 200 }), 200);
  assert.ok((await get("a1")).json().TTL > 190);
  assertEmpty(await call("PATCH", "/services/a2", { TTL: 200 }), 200);
  assert.equal((await get("a2")).json().TTL, 604_800);
  for (const id of ["a1", "a2", "a3"]) assertEmpty(await call("DELETE", `/services/${id}`), 200);
});

test("a service is an instance for the others", async () => {
  await add("seen", { Region: "East" });
  const instance = (await request(native("/services/TestService/instances/seen"))).json();
  const { address, ports, zone, version, meta, via, status } = instance;
  assert.deepEqual(
    { address, ports, zone, version, meta, via, status },
    {
      address: "web1.site.com",
      ports: { default: 9000 },
      zone: "East",
      version: "1.0.0",
      meta: { "skydns.environment": "Production" },
      via: "skydns",
      status: "passing",
    },
  );
  await call("DELETE", "/services/seen");
});

test("a long list arrives whole, also when its reader is slow", async () => {
  const count = 1700;
  const body = (index: number) => ({ ...SERVICE, Name: "many", Host: `h${index}`, Environment: "big" });
  for (let from = 0; from < count; from += 100) {
    const adds = Array.from({ length: 100 }, (_, i) => call("PUT", `/services/many-${from + i}`, body(from + i)));
    for (const answer of await Promise.all(adds)) assertEmpty(answer, 201);
  }
  const answer = await call("GET", "/services/?query=big");
  assert.equal(answer.headers["content-type"], TEXT);
  const list = answer.json() as { UUID: string }[];
  assert.equal(new Set(list.map(({ UUID }) => UUID)).size, count);
  assert.ok(answer.text.endsWith("}]\n"));
  assertWord(await call("GET", "/environments/"), 200, `{"big":${count}}\n`);
});
