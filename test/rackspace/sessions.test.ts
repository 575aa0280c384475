/** The session era of the Rackspace dialect, beside v1.0. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../harness/scope.ts";
import {
  assertFault,
  beat,
  events,
  eventsOf,
  missing,
  openTenant,
  register,
  startRackspace,
  type Tenant,
  wrongField,
} from "./rig.ts";

const rollcall = await startRackspace({ after });
const { url } = rollcall;

async function openSession(tenant: Tenant, timeoutS = 60, metadata: object = {}) {
  const answer = await tenant.call("POST", "/sessions", { heartbeat_timeout: timeoutS, metadata });
  assert.equal(answer.status, 201, answer.text);
  const id = String(answer.headers.location).split("/")[6] as string;
  return { id, token: answer.json().token as string, answer };
}

async function join(tenant: Tenant, session: string, id: string, more: object = {}) {
  const answer = await tenant.call("POST", "/services", { id, session_id: session, ...more });
  assert.equal(answer.status, 201, answer.text);
  return answer;
}

test("create answers Location and a token; list, read and update show the session", async () => {
  const tenant = await openTenant(url);
  const { id, answer } = await openSession(tenant, 30, { region: "dfw" });
  assert.equal(answer.headers.location, `${tenant.base}/sessions/${id}`);
  assert.match(id, /^se[A-Za-z0-9]{8}$/);
  assert.deepEqual(Object.keys(answer.json()), ["token"]);
  const shown = { id, metadata: { region: "dfw" }, heartbeat_timeout: 30, last_seen: null };
  assert.equal((await tenant.call("GET", `/sessions/${id}`)).text, JSON.stringify(shown, null, 4));
  const list = (await tenant.call("GET", "/sessions")).json();
  assert.deepEqual(list.values, [shown]);
  assert.deepEqual(list.metadata, { count: 1, limit: 100, marker: null, next_marker: null, next_href: null });
  const updated = await tenant.call("PUT", `/sessions/${id}`, { metadata: { region: "ord" }, heartbeat_timeout: "40" });
  assert.equal(updated.status, 204);
  assert.equal(updated.headers.location, `${tenant.base}/sessions/${id}`);
  const after = (await tenant.call("GET", `/sessions/${id}`)).json();
  assert.deepEqual(after, { ...shown, metadata: { region: "ord" }, heartbeat_timeout: 40 });
  assert.equal((await tenant.call("PUT", `/sessions/${id}`)).status, 204);
  assertFault(await tenant.call("DELETE", `/sessions/${id}`), { status: 404, type: "notFoundError" });
});

test("what is no session is refused", async () => {
  const tenant = await openTenant(url);
  const post = (body: unknown) => tenant.call("POST", "/sessions", body);
  assertFault(await post({}), wrongField("heartbeat_timeout", "Missing required key (heartbeat_timeout)"));
  assertFault(await post({ heartbeat_timeout: 2 }), wrongField("heartbeat_timeout", "Value out of range (3..120)"));
  assertFault(await post({ heartbeat_timeout: 30, metadata: [] }), wrongField("metadata", "Not a hash"));
  assertFault(await tenant.call("GET", "/sessions/seNotFound"), missing("Session", "seNotFound"));
  assertFault(await tenant.call("PUT", "/sessions/seNotFound", {}), missing("Session", "seNotFound"));
  assertFault(await tenant.call("GET", "/sessions/no%20such-one/"), missing("Session", "no such-one"));
  const token = await register(tenant, "svc-1");
  assertFault(await beat(tenant, "seNotFound", token, "sessions"), missing("Session", "seNotFound"));
});

test("a session's services show it, have no timeout of their own, and cannot change it", async () => {
  const tenant = await openTenant(url);
  const { id, token } = await openSession(tenant);
  const created = await join(tenant, id, "dfw1-api", { tags: ["api"], metadata: { ip: "10.0.0.1" } });
  assert.equal(created.headers.location, `${tenant.base}/services/dfw1-api`);
  assert.equal(created.text, "{}");
  const shown = {
    id: "dfw1-api",
    session_id: id,
    tags: ["api"],
    metadata: { ip: "10.0.0.1" },
    heartbeat_timeout: null,
    last_seen: null,
  };
  assert.deepEqual((await tenant.call("GET", "/services/dfw1-api")).json(), shown);
  assert.deepEqual((await tenant.call("GET", "/services")).json().values, [shown]);
  const changed = await tenant.call("PUT", "/services/dfw1-api", { tags: ["www"], session_id: id });
  assert.equal(changed.status, 204);
  assertFault(
    await tenant.call("PUT", "/services/dfw1-api", { session_id: "seOther" }),
    wrongField("session_id", "Attempted to mutate immutable field"),
  );
  assert.deepEqual((await tenant.call("GET", "/services/dfw1-api")).json(), { ...shown, tags: ["www"] });
  assertFault(await beat(tenant, "dfw1-api", token), missing("HeartbeatMarker", token));
});

test("an unknown session is refused by name, as is what cannot be one", async () => {
  const tenant = await openTenant(url);
  const post = (session_id: unknown) => tenant.call("POST", "/services", { id: "svc-1", session_id });
  assertFault(await post("seUnknown"), wrongField("session_id", /seUnknown/));
  assertFault(await post(""), wrongField("session_id", "String is not in range (1..15)"));
  assertFault(await post("s".repeat(16)), wrongField("session_id", "String is not in range (1..15)"));
  assertFault(await post(5), wrongField("session_id", "Not a string"));
  assertFault(await post(null), wrongField("session_id", "Not a string"));
  assertFault(await tenant.call("GET", "/services/svc-1"), missing("Service", "svc-1"));
});

test("session tokens follow the rules of service tokens", async () => {
  const tenant = await openTenant(url);
  const [one, two] = [await openSession(tenant), await openSession(tenant)];
  const send = (token: string, id = one.id) => beat(tenant, id, token, "sessions");
  const second = (await send(one.token)).json().token;
  assert.equal((await send(one.token)).json().token, second);
  const third = (await send(second)).json().token;
  assertFault(await send(one.token), missing("HeartbeatMarker", one.token));
  assert.equal((await send(second)).json().token, third);
  assertFault(await send(third, two.id), missing("HeartbeatMarker", third));
  assertFault(await send("x"), wrongField("token", "Invalid UUID"));
  assert.equal(typeof (await tenant.call("GET", `/sessions/${one.id}`)).json().last_seen, "number");
});

test("a session that ends takes all its services with it, in one event; the others stay", async () => {
  const tenant = await openTenant(url);
  const dying = await openSession(tenant, 3);
  const living = await openSession(tenant, 60);
  await join(tenant, dying.id, "dfw1-db1", { tags: ["db"] });
  await join(tenant, dying.id, "dfw1-db2");
  await join(tenant, living.id, "dfw1-api");
  await register(tenant, "own-life", 3);
  await beat(tenant, dying.id, dying.token, "sessions");
  const [timeout] = await eventsOf(tenant, "services.timeout");
  assert.deepEqual(timeout?.payload, [
    { id: "dfw1-db1", session_id: dying.id, heartbeat_timeout: null, tags: ["db"], metadata: {} },
    { id: "dfw1-db2", session_id: dying.id, heartbeat_timeout: null, tags: [], metadata: {} },
  ]);
  await eventsOf(tenant, "service.timeout");
  const feed = await events(tenant);
  assert.deepEqual(
    feed.filter(({ type }) => type === "service.timeout").map(({ payload }) => payload.id),
    ["own-life"],
  );
  assert.equal(feed.filter(({ type }) => type === "services.timeout").length, 1);
  assert.equal(feed.filter(({ type }) => type === "service.join").length, 4);
  assert.deepEqual(await events(tenant, "?type=services.timeout"), [timeout]);
  assertFault(await tenant.call("GET", `/sessions/${dying.id}`), missing("Session", dying.id));
  assertFault(await beat(tenant, dying.id, dying.token, "sessions"), missing("Session", dying.id));
  const left = (await tenant.call("GET", "/services")).json().values;
  assert.deepEqual(
    left.map(({ id }: { id: string }) => id),
    ["dfw1-api"],
  );
});

test("the overview shows each session with its services, in pages", async () => {
  const tenant = await openTenant(url);
  const sessions = [await openSession(tenant), await openSession(tenant), await openSession(tenant)];
  const ids = sessions.map(({ id }) => id).sort();
  for (const id of ids) for (const name of ["b", "a"]) await join(tenant, id, `${name}-of-${id}`);
  await register(tenant, "no-session");
  const seen: string[] = [];
  let query = "?limit=2";
  for (;;) {
    const { values, metadata } = (await tenant.call("GET", `/views/overview${query}`)).json();
    for (const { session, services } of values) {
      seen.push(session.id);
      assert.deepEqual(Object.keys(session), ["id", "metadata", "heartbeat_timeout", "last_seen"]);
      assert.deepEqual(
        services.map((service: { id: string; session_id: string }) => [service.id, service.session_id]),
        [
          [`a-of-${session.id}`, session.id],
          [`b-of-${session.id}`, session.id],
        ],
      );
    }
    if (metadata.next_marker === null) break;
    query = `?limit=2&marker=${metadata.next_marker}`;
  }
  assert.deepEqual(seen, ids);
});

test("the 101st session is refused, exactly, also in parallel; one that ended makes room", async () => {
  const tenant = await openTenant(url);
  const post = () => tenant.call("POST", "/sessions", { heartbeat_timeout: 60 });
  const short = await openSession(tenant, 3);
  const answers = await Promise.all(Array.from({ length: 105 }, post));
  assert.equal(answers.filter(({ status }) => status === 201).length, 99);
  const details = "Limit for resource session has been reached. Maximum allowed objects: 100";
  for (const answer of answers)
    if (answer.status !== 201) assertFault(answer, { status: 400, type: "limitReached", details });
  await until(async () => (await tenant.call("GET", `/sessions/${short.id}`)).status === 404);
  assert.equal((await post()).status, 201);
});

test("sessions and their chains outlive a crash", async (t) => {
  const own = await startRackspace(t);
  const tenant = await openTenant(own.url);
  const { id, token } = await openSession(tenant, 30, { region: "dfw" });
  await join(tenant, id, "dfw1-api");
  const second = (await beat(tenant, id, token, "sessions")).json().token;
  await own.restart();
  assert.equal((await tenant.call("GET", "/services/dfw1-api")).json().session_id, id);
  assert.equal((await beat(tenant, id, second, "sessions")).status, 200);
  assert.equal((await tenant.call("GET", `/sessions/${id}`)).json().metadata.region, "dfw");
});
