/** Services of the Rackspace dialect: the validation table, create, read, update, delete, lists, limits. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import {
  assertFault,
  events,
  missing,
  openTenant,
  register,
  startRackspace,
  wrongField,
  wrongParameter,
} from "./rig.ts";

const rollcall = await startRackspace({ after });
const { url } = rollcall;

const id = (length: number) => "i".repeat(length);
const service = (more: object) => ({ id: "valid-id", heartbeat_timeout: 30, ...more });

const refused: readonly [body: object, key: string, details: string][] = [
  [{}, "id", "Missing required key (id)"],
  [{ id: "valid-id" }, "heartbeat_timeout", "Missing required key (heartbeat_timeout)"],
  [service({ id: id(1) }), "id", "String is not in range (3..65)"],
  [service({ id: id(66) }), "id", "String is not in range (3..65)"],
  [service({ id: "" }), "id", "String is not in range (3..65)"],
  [service({ id: "a b c" }), "id", "Invalid characters"],
  [service({ id: "ünïcödé" }), "id", "Invalid characters"],
  [service({ id: "\u{1f600}\u{1f600}" }), "id", "String is not in range (3..65)"],
  [service({ id: 5 }), "id", "Not a string"],
  [service({ id: null }), "id", "Not a string"],
  [service({ heartbeat_timeout: 2 }), "heartbeat_timeout", "Value out of range (3..120)"],
  [service({ heartbeat_timeout: 121 }), "heartbeat_timeout", "Value out of range (3..120)"],
  [service({ heartbeat_timeout: "x" }), "heartbeat_timeout", "Invalid integer"],
  [service({ heartbeat_timeout: 3.5 }), "heartbeat_timeout", "Invalid integer"],
  [service({ heartbeat_timeout: null }), "heartbeat_timeout", "Invalid integer"],
  [service({ heartbeat_timeout: true }), "heartbeat_timeout", "Invalid integer"],
  [service({ heartbeat_timeout: "0x1e" }), "heartbeat_timeout", "Invalid integer"],
  [service({ heartbeat_timeout: {} }), "heartbeat_timeout", "Invalid integer"],
  [service({ tags: "x" }), "tags", "Not an array"],
  [service({ tags: { a: "b" } }), "tags", "Not an array"],
  [service({ tags: [1] }), "tags", "Not a string"],
  [service({ tags: [""] }), "tags", "String is not in range (1..55)"],
  [service({ tags: [id(56)] }), "tags", "String is not in range (1..55)"],
  [
    service({ tags: Array(11).fill("a") }),
    "tags",
    "Object needs to have between 0 and 10 items (duplicates are allowed)",
  ],
  [service({ metadata: "x" }), "metadata", "Not a hash"],
  [service({ metadata: [] }), "metadata", "Not a hash"],
  [service({ metadata: 5 }), "metadata", "Not a hash"],
  [
    service({ metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, "v"])) }),
    "metadata",
    "Object needs to have between 0 and 20 items",
  ],
  [service({ metadata: { a: 1 } }), "metadata", "Value for key 'a': Not a string"],
  [service({ metadata: { a: "" } }), "metadata", "Value for key 'a': String is not in range (1..255)"],
  [service({ metadata: { a: id(256) } }), "metadata", "Value for key 'a': String is not in range (1..255)"],
  [service({ metadata: { "": "v" } }), "metadata", "Key : String is not in range (1..255)"],
  [service({ metadata: { [id(256)]: "v" } }), "metadata", `Key ${id(256)}: String is not in range (1..255)`],
  // The first error in the order id, tags, metadata, heartbeat_timeout.
  [{ id: 1, tags: 1, metadata: 1, heartbeat_timeout: 1 }, "id", "Not a string"],
  [{ heartbeat_timeout: 1, metadata: 1, tags: 1, id: "valid-id" }, "tags", "Not an array"],
  [{ heartbeat_timeout: 1, metadata: 1, id: "valid-id" }, "metadata", "Not a hash"],
];
for (const [index, [body, key, details]] of refused.entries()) {
  test(`the validation table: refused ${index}: ${key}: ${details.slice(0, 60)}`, async () => {
    const tenant = await openTenant(url);
    assertFault(await tenant.call("POST", "/services", body), wrongField(key, details));
    assert.deepEqual((await tenant.call("GET", "/services")).json().values, []);
    // An update has the same rules, but nothing is required and the id is not looked at.
    if (key === "id" || details.startsWith("Missing")) return;
    await register(tenant, "valid-id");
    assertFault(await tenant.call("PUT", "/services/valid-id", body), wrongField(key, details));
  });
}

const accepted: readonly [more: object, shown: object][] = [
  [{ heartbeat_timeout: "30" }, { heartbeat_timeout: 30 }],
  [{ heartbeat_timeout: "30.0" }, { heartbeat_timeout: 30 }],
  [{ heartbeat_timeout: [30] }, { heartbeat_timeout: 30 }],
  [{ heartbeat_timeout: 3 }, { heartbeat_timeout: 3 }],
  [{ heartbeat_timeout: 120 }, { heartbeat_timeout: 120 }],
  [{ tags: null }, { tags: [] }],
  [{ metadata: null }, { metadata: {} }],
  [{ tags: Array(10).fill("twice") }, { tags: Array(10).fill("twice") }],
  [{ tags: ["\u{1f600}".repeat(55)] }, { tags: ["\u{1f600}".repeat(55)] }],
  [{ metadata: { [id(255)]: id(255) } }, { metadata: { [id(255)]: id(255) } }],
  [{ last_seen: "junk", other: [1], token: 5 }, {}],
];
for (const [more, shown] of accepted) {
  test(`the validation table: accepted ${JSON.stringify(more).slice(0, 60)}`, async () => {
    const tenant = await openTenant(url);
    const answer = await tenant.call("POST", "/services", service(more));
    assert.equal(answer.status, 201, answer.text);
    const expected = { id: "valid-id", tags: [], metadata: {}, heartbeat_timeout: 30, last_seen: null, ...shown };
    const stored = await tenant.call("GET", "/services/valid-id");
    assert.deepEqual(stored.json(), expected);
    assert.deepEqual(Object.keys(stored.json()), ["id", "tags", "metadata", "heartbeat_timeout", "last_seen"]);
  });
}

test("the validation table: a metadata key named __proto__ is a key like any other", async () => {
  const tenant = await openTenant(url);
  const body = '{"id":"valid-id","heartbeat_timeout":30,"metadata":{"__proto__":"v","constructor":"w"}}';
  assert.equal((await tenant.call("POST", "/services", body)).status, 201);
  assert.match((await tenant.call("GET", "/services/valid-id")).text, /"__proto__": "v",\s+"constructor": "w"/);
});

test("create: answers 201 with a token and an absolute Location whose seventh part is the id", async () => {
  const tenant = await openTenant(url);
  const answer = await tenant.call("POST", "/services", service({ id: "dfw1-db1" }));
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.location, `${tenant.base}/services/dfw1-db1`);
  assert.equal(String(answer.headers.location).split("/")[6], "dfw1-db1");
  assert.match(answer.text, /^\{\n {4}"token": "[0-9a-f-]{36}"\n\}$/);
  assert.equal(answer.headers["content-length"], String(answer.bytes.length));
  assert.equal(answer.headers["transfer-encoding"], undefined);
});

test("create: an id that exists is refused by name", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "valid-id");
  const text = "Service with id valid-id already exists.";
  const fault = { status: 400, type: "serviceWithThisIdExists", message: text, details: text };
  assertFault(await tenant.call("POST", "/services", service({})), fault);
});

test("create: of many parallel creates of one id exactly one wins", async () => {
  const tenant = await openTenant(url);
  const answers = await Promise.all(Array.from({ length: 40 }, () => tenant.call("POST", "/services", service({}))));
  assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
  for (const answer of answers) {
    if (answer.status !== 201) assertFault(answer, { status: 400, type: "serviceWithThisIdExists" });
  }
  assert.equal((await events(tenant)).length, 1);
});

test("create: the 201st service is refused, exactly, also in parallel; an existing id beats the limit", async () => {
  const tenant = await openTenant(url);
  const ids = Array.from({ length: 210 }, (_, i) => `svc-${i}`);
  const answers = await Promise.all(ids.map((one) => tenant.call("POST", "/services", service({ id: one }))));
  assert.equal(answers.filter((answer) => answer.status === 201).length, 200);
  const details = "Limit for resource service has been reached. Maximum allowed objects: 200";
  for (const answer of answers) {
    if (answer.status !== 201) assertFault(answer, { status: 400, type: "limitReached", details });
  }
  const first = ids[answers.findIndex((answer) => answer.status === 201)] as string;
  const again = await tenant.call("POST", "/services", service({ id: first }));
  assertFault(again, { status: 400, type: "serviceWithThisIdExists" });
  assert.equal((await tenant.call("DELETE", `/services/${first}`)).status, 204);
  assert.equal((await tenant.call("POST", "/services", service({ id: first }))).status, 201);
});

test("update: is partial, replaces tags and metadata as a whole, answers Location and makes no event", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "valid-id", 30, { tags: ["a", "b"], metadata: { x: "1", y: "2" } });
  const answer = await tenant.call("PUT", "/services/valid-id", { metadata: { z: "3" } });
  assert.equal(answer.status, 204);
  assert.equal(answer.text, "");
  assert.equal(answer.headers.location, `${tenant.base}/services/valid-id`);
  const shown = async () => (await tenant.call("GET", "/services/valid-id")).json();
  assert.deepEqual((await shown()).metadata, { z: "3" });
  assert.deepEqual((await shown()).tags, ["a", "b"]);
  await tenant.call("PUT", "/services/valid-id", { tags: null, metadata: null, heartbeat_timeout: "40" });
  assert.deepEqual(await shown(), {
    id: "valid-id",
    tags: [],
    metadata: {},
    heartbeat_timeout: 40,
    last_seen: null,
  });
  assert.deepEqual(
    (await events(tenant)).map(({ type }) => type),
    ["service.join"],
  );
});

test("update: {} and no body change nothing; an id in the body is ignored", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "valid-id", 30, { tags: ["a"] });
  for (const body of [{}, undefined, "", { id: "other-id" }, { id: 5 }]) {
    const answer = await tenant.call("PUT", "/services/valid-id", body);
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.headers.location, `${tenant.base}/services/valid-id`);
  }
  const { values } = (await tenant.call("GET", "/services")).json();
  assert.deepEqual(
    values.map((one: { id: string }) => one.id),
    ["valid-id"],
  );
});

test("update: checks the id, then the body, then that it exists", async () => {
  const tenant = await openTenant(url);
  assertFault(
    await tenant.call("PUT", "/services/a", { tags: 5 }),
    wrongParameter("serviceId", "String is not in range (3..65)"),
  );
  assertFault(await tenant.call("PUT", "/services/unknown", { tags: 5 }), wrongField("tags", "Not an array"));
  for (const body of [{ tags: [] }, {}, undefined]) {
    assertFault(await tenant.call("PUT", "/services/unknown", body), missing("Service", "unknown"));
  }
});

test("update: of many parallel updates none is lost, and a removed service stays so", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "valid-id", 30, { tags: ["t"], metadata: { m: "0" } });
  const updates = [{ tags: ["u"] }, { metadata: { m: "1" } }, { heartbeat_timeout: 50 }];
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => tenant.call("PUT", "/services/valid-id", updates[i % 3])),
  );
  assert.ok(answers.every((answer) => answer.status === 204));
  const { tags, metadata, heartbeat_timeout } = (await tenant.call("GET", "/services/valid-id")).json();
  assert.deepEqual({ tags, metadata, heartbeat_timeout }, { tags: ["u"], metadata: { m: "1" }, heartbeat_timeout: 50 });
  const mixed = Array.from({ length: 30 }, (_, i) =>
    i === 10
      ? tenant.call("DELETE", "/services/valid-id")
      : tenant.call("PUT", "/services/valid-id", { tags: [`t${i}`] }),
  );
  await Promise.all(mixed);
  assertFault(await tenant.call("GET", "/services/valid-id"), missing("Service", "valid-id"));
});

test("delete: answers 204 once, then 404", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "valid-id");
  const answers = await Promise.all([1, 2, 3].map(() => tenant.call("DELETE", "/services/valid-id")));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 404, 404]);
  assertFault(await tenant.call("DELETE", "/services/valid-id"), missing("Service", "valid-id"));
  assertFault(await tenant.call("DELETE", "/services/a%2Fb"), wrongParameter("serviceId", "Invalid characters"));
});

test("lists: pages are sorted bytewise, markers are inclusive and need not exist", async () => {
  const tenant = await openTenant(url);
  const ids = ["srv-x", "cv-1", "Zeta", "alpha", "srv.a", "a_b", "a-b", "100"];
  for (const one of ids) await register(tenant, one, 30, { tags: ["db1"] });
  const sorted = [...ids].sort();
  const list = async (query: string) => (await tenant.call("GET", `/services${query}`)).json();
  const all = await list("");
  assert.deepEqual(
    all.values.map((one: { id: string }) => one.id),
    sorted,
  );
  assert.deepEqual(all.metadata, { count: 8, limit: 100, marker: null, next_marker: null, next_href: null });
  const seen: string[] = [];
  let href: string | null = `${tenant.base}/services?limit=3&tag=db1`;
  let pages = 0;
  while (href !== null) {
    const answer = await request(href, { headers: { "X-Auth-Token": tenant.token } });
    assert.equal(answer.status, 200, answer.text);
    const page = answer.json();
    seen.push(...page.values.map((one: { id: string }) => one.id));
    assert.equal(page.metadata.limit, 3);
    assert.equal(page.metadata.count, page.values.length);
    href = page.metadata.next_href;
    if (href !== null) {
      assert.equal(page.metadata.next_marker, sorted[seen.length]);
      assert.equal(href, `${tenant.base}/services?limit=3&tag=db1&marker=${sorted[seen.length]}`);
    }
    pages++;
  }
  assert.deepEqual(seen, sorted);
  assert.equal(pages, 3);
  assert.equal((await list("?marker=srv-x")).values[0].id, "srv-x");
  assert.equal((await list("?marker=srv-b")).values[0].id, "srv-x");
  assert.equal((await list("?marker=cv")).values[0].id, "cv-1");
  assert.equal((await list("?marker=srv-b")).metadata.marker, "srv-b");
  assert.deepEqual((await list("?marker=zzz")).values, []);
});

test("lists: limits and markers that are none", async () => {
  const tenant = await openTenant(url);
  for (const path of ["/services", "/configuration", "/events", "/sessions"]) {
    for (const limit of ["abc", "", "1.5", "1e2", "5&limit=6"]) {
      assertFault(
        await tenant.call("GET", `${path}?limit=${limit}`),
        { status: 400, type: "invalidLimit", message: "Invalid limit", details: "Limit must be a number" },
        limit,
      );
    }
    for (const limit of [0, -1, 1001]) {
      const details = `Invalid limit ${limit}. Minimum limit is 1 and maximum limit is 1000.`;
      const fault = { status: 400, type: "invalidLimit", message: "Invalid limit", details };
      assertFault(await tenant.call("GET", `${path}?limit=${limit}`), fault);
    }
    assert.equal((await tenant.call("GET", `${path}?limit=1000`)).json().metadata.limit, 1000);
  }
  assertFault(await tenant.call("GET", "/services?marker=a%20b"), wrongParameter("marker", "Invalid characters"));
  assertFault(
    await tenant.call("GET", `/services?marker=${"a".repeat(256)}`),
    wrongParameter("marker", "String is not in range (0..255)"),
  );
});

test("lists: the tag filter selects, shows last_seen, and has the rule of ids", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "svc-1", 30, { tags: ["www", "x"] });
  await register(tenant, "svc-2", 30, { tags: ["www2"] });
  await tenant.call("POST", "/services/svc-1/heartbeat", { token });
  const { values } = (await tenant.call("GET", "/services?tag=www")).json();
  assert.equal(values.length, 1);
  assert.equal(values[0].id, "svc-1");
  assert.equal(values[0].last_seen, (await tenant.call("GET", "/services/svc-1")).json().last_seen);
  assert.equal(typeof values[0].last_seen, "number");
  const bad = ["", "x", "%22ab%22", "%3Cabc%3E", "ab%0D%0A", "a:b", "a%27b", "i".repeat(66), "abc&tag=def"];
  for (const tag of bad) {
    assertFault(await tenant.call("GET", `/services?tag=${tag}`), wrongParameter("tag", /./), tag);
  }
});

test("lists: ids in the path are checked", async () => {
  const tenant = await openTenant(url);
  assertFault(await tenant.call("GET", "/services/ab"), wrongParameter("serviceId", "String is not in range (3..65)"));
  assertFault(await tenant.call("GET", "/services/a%20b%20c"), wrongParameter("serviceId", "Invalid characters"));
  assertFault(await tenant.call("GET", "/services/unknown"), missing("Service", "unknown"));
});
