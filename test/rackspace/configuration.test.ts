/** Configuration of the Rackspace dialect: values, namespaces, lists, limits. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import {
  assertFault,
  events,
  missing,
  openTenant,
  startRackspace,
  type Tenant,
  wrongField,
  wrongParameter,
} from "./rig.ts";

const rollcall = await startRackspace({ after });
const { url } = rollcall;

async function set(tenant: Tenant, id: string, value = `value of ${id}`): Promise<void> {
  const answer = await tenant.call("PUT", `/configuration/${id}`, { value });
  assert.equal(answer.status, 204, `${id}: ${answer.text}`);
}

async function list(tenant: Tenant, path: string): Promise<string[]> {
  const answer = await tenant.call("GET", `/configuration${path}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().values.map((one: { id: string }) => one.id);
}

const VALID = [
  "abc",
  "key.with.dots",
  "/production/cassandra",
  "/abc//def",
  "/ns1/key.with.dots",
  `${"/ns-".padEnd(51, "x").repeat(8)}/key`,
  "/aaa/bbb/ccc/ddd/eee/fff/ggg/hhh/iii/jjj/key",
  "k".repeat(170),
  "UPPER_case-1",
];

test("every valid id is set, read, listed and removed; Location leads to the value", async () => {
  const tenant = await openTenant(url);
  for (const id of VALID) {
    const answer = await tenant.call("PUT", `/configuration/${id}`, { value: "v" });
    assert.equal(answer.status, 204, `${id}: ${answer.text}`);
    const location = String(answer.headers.location);
    assert.equal(location, `${tenant.base}/configuration/${id}`);
    const read = await request(location, { headers: { "X-Auth-Token": tenant.token } });
    assert.equal(read.text, JSON.stringify({ id, value: "v" }, null, 4));
  }
  assert.deepEqual(await list(tenant, ""), [...VALID].sort());
  assert.deepEqual(await list(tenant, "/"), [...VALID].sort());
  for (const id of VALID) {
    assert.equal((await tenant.call("DELETE", `/configuration/${id}`)).status, 204);
    assertFault(await tenant.call("GET", `/configuration/${id}`), missing("ConfigurationValue", id));
    assertFault(await tenant.call("DELETE", `/configuration/${id}`), missing("ConfigurationValue", id));
  }
});

const LENGTH = "String is not in range (3..500)";
const CHARACTERS = "Invalid characters";
const INVALID: readonly [path: string, details: string][] = [
  ["ab", LENGTH],
  ["/ab", CHARACTERS],
  ["production/cassandra", CHARACTERS],
  ["//xyz/abc", CHARACTERS],
  ["/production.foo/test", CHARACTERS],
  ["/a/b", CHARACTERS],
  ["k".repeat(171), CHARACTERS],
  ["k".repeat(501), LENGTH],
  [`/${"n".repeat(51)}/key`, CHARACTERS],
  ["/aaa/bbb/ccc/ddd/eee/fff/ggg/hhh/iii/jjj/kkk/key", CHARACTERS],
  ["caf%C3%A9", CHARACTERS],
  ["with%20space", CHARACTERS],
  ["a%2Fb", CHARACTERS],
];

test("every invalid id is refused by every method", async () => {
  const tenant = await openTenant(url);
  for (const [path, details] of INVALID) {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await tenant.call(method, `/configuration/${path}`, method === "PUT" ? { value: "v" } : undefined);
      assertFault(answer, wrongParameter("configurationId", details), `${method} ${path}`);
    }
  }
  assert.deepEqual(await list(tenant, ""), []);
});

test("a key that ends in a slash cannot be set or removed", async () => {
  const tenant = await openTenant(url);
  await set(tenant, "/production/cassandra");
  await set(tenant, "abc");
  for (const path of ["abc/", "/production/cassandra/", "production/", "/production/"]) {
    for (const method of ["PUT", "DELETE"]) {
      const body = method === "PUT" ? { value: "v" } : undefined;
      assertFault(await tenant.call(method, `/configuration/${path}`, body), wrongParameter("configurationId", /./));
    }
  }
  assert.deepEqual(await list(tenant, ""), ["/production/cassandra", "abc"]);
  for (const method of ["PUT", "DELETE", "POST"]) {
    for (const path of ["/configuration", "/configuration/"]) {
      assertFault(await tenant.call(method, path), { status: 404, type: "notFoundError" });
    }
  }
});

test("values have 1 to 1024 characters", async () => {
  const tenant = await openTenant(url);
  const put = (body: unknown) => tenant.call("PUT", "/configuration/abc", body);
  assertFault(await put({}), wrongField("value", "Missing required key (value)"));
  assertFault(await put(undefined), wrongField("value", "Missing required key (value)"));
  assertFault(await put({ value: "" }), wrongField("value", "String is not in range (1..1024)"));
  assertFault(await put({ value: "v".repeat(1025) }), wrongField("value", "String is not in range (1..1024)"));
  for (const value of [5, null, ["v"], { v: 1 }, true])
    assertFault(await put({ value }), wrongField("value", "Not a string"));
  for (const value of ["v".repeat(1024), "\u{1f600}".repeat(1024), "\0\n\t\u00e9\ufffd", " "]) {
    assert.equal((await put({ value })).status, 204);
    assert.equal((await tenant.call("GET", "/configuration/abc")).json().value, value);
  }
});

test("a namespace lists itself, its own and those within, and nothing else", async () => {
  const tenant = await openTenant(url);
  const inside = ["/prod/cass", "/prod/cass/ipv4", "/prod/cass/rpc/type", "/prod/cass/zzz"];
  const outside = [
    "/prod/cass-2",
    "/prod/cass.x",
    "/prod/cassandra2/ipv4",
    "/prod/other",
    "cass",
    "prod",
    "/stage/cass/ipv4",
  ];
  for (const id of [...inside, ...outside]) await set(tenant, id);
  assert.deepEqual(await list(tenant, "/prod/cass/"), inside);
  assert.deepEqual(await list(tenant, "//prod/cass/"), inside);
  assert.deepEqual(await list(tenant, "/prod/cass/rpc/"), ["/prod/cass/rpc/type"]);
  assert.deepEqual(
    await list(tenant, "/prod/"),
    [...inside, ...outside].filter((id) => id.startsWith("/prod/")).sort(),
  );
  assert.deepEqual(await list(tenant, "/unknown/"), []);
  assertFault(await tenant.call("GET", "/configuration//prod"), missing("ConfigurationValue", "/prod"));
  assertFault(await tenant.call("DELETE", "/configuration//prod"), missing("ConfigurationValue", "/prod"));
  assertFault(
    await tenant.call("GET", "/configuration/prod/cass"),
    wrongParameter("configurationId", "Invalid characters"),
  );
  // A marker outside of the namespace leaks nothing of others.
  assert.deepEqual(await list(tenant, "/prod/cass/?marker=/prod/cassandra2/ipv4"), []);
  assert.deepEqual(await list(tenant, "/prod/cass/?marker=/aaa"), inside);
});

test("pages of a namespace follow one another by next_href", async () => {
  const tenant = await openTenant(url);
  const ids = Array.from({ length: 7 }, (_, i) => `/pages/${"k".repeat(150)}.key-${i}`);
  for (const id of ids) await set(tenant, id);
  await set(tenant, "/pages2/key");
  const seen: string[] = [];
  let href: string | null = `${tenant.base}/configuration/pages/?limit=3`;
  while (href !== null) {
    const answer = await request(href, { headers: { "X-Auth-Token": tenant.token } });
    const { values, metadata } = answer.json();
    seen.push(...values.map((one: { id: string }) => one.id));
    assert.equal(metadata.next_marker, ids[seen.length] ?? null);
    href = metadata.next_href;
  }
  assert.deepEqual(seen, ids);
});

test("an identical value makes no event; removing does once", async () => {
  const tenant = await openTenant(url);
  await set(tenant, "abc", "one");
  await set(tenant, "abc", "one");
  await set(tenant, "abc", "two");
  await tenant.call("DELETE", "/configuration/abc");
  await tenant.call("DELETE", "/configuration/abc");
  const feed = await events(tenant);
  assert.deepEqual(
    feed.map(({ type, payload }) => [type, payload]),
    [
      ["configuration_value.update", { old_value: null, new_value: "one", configuration_value_id: "abc" }],
      ["configuration_value.update", { old_value: "one", new_value: "two", configuration_value_id: "abc" }],
      ["configuration_value.remove", { old_value: "two", configuration_value_id: "abc" }],
    ],
  );
});

test("the 1001st value is refused, exactly; changing one of the 1000 is not", async () => {
  const tenant = await openTenant(url);
  let refused = 0;
  for (let start = 0; start < 1010; start += 101) {
    const answers = await Promise.all(
      Array.from({ length: 101 }, (_, i) => tenant.call("PUT", `/configuration/key-${start + i}`, { value: "v" })),
    );
    for (const answer of answers) {
      if (answer.status === 204) continue;
      const details = "Limit for resource configuration_value has been reached. Maximum allowed objects: 1000";
      assertFault(answer, { status: 400, type: "limitReached", details });
      refused++;
    }
  }
  assert.equal(refused, 10);
  const all = await list(tenant, "?limit=1000");
  assert.equal(all.length, 1000);
  const one = String(all[0]);
  await set(tenant, one, "changed");
  await tenant.call("DELETE", `/configuration/${one}`);
  await set(tenant, "another");
});
