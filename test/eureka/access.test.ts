/** Who may do what: Basic authentication as clients send it, bearers, roles, accounts, rates. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { readSettings } from "../../packages/registry/src/dialects/eureka/settings.ts";
import { type Answer, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { type Eureka, fetchAll, register, registrationOf, startEureka, toFetched } from "./rig.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

const CONFIG = {
  accounts: {
    default: {
      tokens: [
        { name: "writes", role: "writer", sha256: sha256("default-writes") },
        { name: "reads", role: "reader", sha256: sha256("default-reads") },
      ],
    },
    acme: { tokens: [{ name: "writes", role: "writer", sha256: sha256("acme-writes") }] },
  },
  tokens: [{ name: "root", role: "admin", sha256: sha256("root") }],
};

const closed = await startEureka({ after }, { config: CONFIG });

function ask(eureka: Eureka, authorization: string | undefined, path = "/apps/", method = "GET", body?: unknown) {
  const headers = { accept: "application/json", ...(authorization === undefined ? {} : { authorization }) };
  return request(`${eureka.base}/eureka${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
}

const register1 = (eureka: Eureka, authorization: string | undefined, id: string) =>
  ask(eureka, authorization, "/apps/API", "POST", { instance: registrationOf("API", id) });

/** A body here would be taken for an instance by Java's clients. */
function assertBare(answer: Answer, status: number): void {
  assert.deepEqual([answer.status, answer.text], [status, ""]);
}

test("without credentials nothing is answered, and a browser is asked for them", async () => {
  const eureka = closed;
  const wrong = [undefined, "", "Basic", "Basic ####", basic("a", "b"), basic("default-write", ""), "Bearer nobody"];
  for (const authorization of wrong)
    for (const path of ["/apps/", "/apps/delta", "/", "/lastn", "/status", "/serverinfo/statusoverrides"]) {
      const answer = await ask(eureka, authorization, path);
      assertBare(answer, 401);
      assert.match(String(answer.headers["www-authenticate"]), /^Basic realm="rollcall"/);
    }
  assertBare(await register1(eureka, undefined, "a1"), 401);
  assertBare(await ask(eureka, undefined, "/apps/API/a1", "PUT"), 401);
  // What is not there is not there for anybody.
  assertBare(await ask(eureka, undefined, "/nothing"), 404);
});

test("a token is the password, the user, or a bearer's; its account is the one acted on", async () => {
  const eureka = closed;
  const writers = [basic("eureka", "default-writes"), basic("default-writes", "x"), basic("default-writes", "")];
  for (const [i, writer] of [...writers, "Bearer default-writes", basic("", "default-writes")].entries())
    assertBare(await register1(eureka, writer, `d${i}`), 204);
  assertBare(await register1(eureka, basic("u", "acme-writes"), "x1"), 204);
  // One for all accounts acts on the account of the settings.
  assertBare(await register1(eureka, basic("u", "root"), "r1"), 204);
  const idsFor = async (authorization: string) => toFetched(await ask(eureka, authorization)).ids;
  const ofDefault = ["API/d0", "API/d1", "API/d2", "API/d3", "API/d4", "API/r1"];
  assert.deepEqual(await idsFor(basic("u", "default-reads")), ofDefault);
  assert.deepEqual(await idsFor("Bearer root"), ofDefault);
  assert.deepEqual(await idsFor(basic("u", "acme-writes")), ["API/x1"]);
  const delta = toFetched(await ask(eureka, basic("u", "acme-writes"), "/apps/delta"));
  assert.deepEqual([delta.ids, delta.hashcode], [["API/x1"], "UP_1_"]);
});

test("two credentials that differ are refused, one said twice is one", async () => {
  const pair = (authorization: string, token: string) =>
    request(`${closed.base}/eureka/apps/`, {
      headers: { accept: "application/json", authorization, "x-auth-token": token },
    });
  assertBare(await pair("Bearer default-reads", "default-writes"), 400);
  assertBare(await pair("Bearer nobody", "default-reads"), 400);
  assertBare(await pair(basic("u", "default-reads"), "nobody"), 400);
  assert.equal((await pair("Bearer default-reads", "default-reads")).status, 200);
  assertBare(await ask(closed, basic("default-reads", "acme-writes")), 400);
  assert.equal((await ask(closed, basic("default-reads", "default-reads"))).status, 200);
});

test("a reader may look and nothing else", async () => {
  const eureka = closed;
  const [reader, writer] = [basic("u", "default-reads"), basic("u", "default-writes")];
  assertBare(await register1(eureka, writer, "a1"), 204);
  assertBare(await register1(eureka, reader, "a2"), 403);
  for (const [method, path] of [
    ["PUT", "/apps/API/a1"],
    ["DELETE", "/apps/API/a1"],
    ["PUT", "/apps/API/a1/status?value=DOWN"],
    ["DELETE", "/apps/API/a1/status"],
    ["PUT", "/apps/API/a1/metadata?a=b"],
    ["POST", "/peerreplication/batch/"],
  ] as const)
    assertBare(await ask(eureka, reader, path, method, method === "POST" ? { replicationList: [] } : undefined), 403);
  assert.ok(toFetched(await ask(eureka, reader)).ids.includes("API/a1"));
  assert.ok(!toFetched(await ask(eureka, reader)).ids.includes("API/a2"));
  assertBare(await ask(eureka, writer, "/apps/API/a1", "PUT"), 200);
});

test("a token that is removed lets nobody in any more, however often it did", async () => {
  const eureka = closed;
  const headers = { authorization: "Bearer root" };
  const made = await request(`${eureka.rollcall.url}/v2/_/tokens`, {
    headers,
    body: { account: "default", role: "writer", name: "brief" },
  });
  assert.ok(made.status < 300, made.text);
  const { id, token } = made.json();
  const authorization = basic("eureka", token);
  assertBare(await register1(eureka, authorization, "a1"), 204);
  assertBare(await ask(eureka, authorization, "/apps/API/a1", "PUT"), 200);
  const removed = await request(`${eureka.rollcall.url}/v2/_/tokens/${id}`, { method: "DELETE", headers });
  assert.ok(removed.status < 300, removed.text);
  await until(async () => (await ask(eureka, authorization, "/apps/API/a1", "PUT")).status === 401);
});

test("in open mode credentials that mean nothing are as good as none", async (t) => {
  const eureka = await startEureka(t);
  for (const authorization of [basic("user", "password"), "Bearer x", "Basic ###"])
    assertBare(await register1(eureka, authorization, "a1"), 204);
  assert.deepEqual((await fetchAll(eureka)).ids, ["API/a1"]);
});

test("the settings name the account", async (t) => {
  const eureka = await startEureka(t, { settings: { account: "team" } });
  await register(eureka, "API", "a1");
  const answer = await request(`${eureka.rollcall.url}/v2/team/services/api/instances/a1`);
  assert.equal(answer.status, 200, answer.text);
});

test("more requests than the account may make are 503, at which clients try the next server", async (t) => {
  const eureka = await startEureka(t, { config: { limits: { requestsPerSecondMax: 5 } } });
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(eureka, undefined)));
  const refused = answers.filter(({ status }) => status === 503);
  assert.ok(refused.length > 5, `${refused.length} were refused`);
  for (const answer of refused) {
    assert.equal(answer.text, "");
    assert.equal(answer.headers["retry-after"], "1");
  }
  // An instance must not be lost because somebody else asked too much.
  await until(async () => (await register1(eureka, undefined, "a1")).status === 204);
  const beats = await Promise.all(Array.from({ length: 30 }, () => ask(eureka, undefined, "/apps/API/a1", "PUT")));
  for (const one of beats) assertBare(one, 200);
});

test("limits of the account are 503, too", async (t) => {
  const eureka = await startEureka(t, { config: { limits: { instancesMax: 1 } } });
  await register(eureka, "API", "a1");
  assertBare(await register1(eureka, undefined, "a2"), 503);
  assertBare(await register1(eureka, undefined, "a1"), 204);
});

test("settings that mean nothing end the start with a sentence", async (t) => {
  for (const [settings, sentence] of [
    [{ account: "a/b" }, /eureka\.account must be an account's name/],
    [{ peers: ["ftp://x"] }, /eureka\.peers must hold URLs/],
    [{ peers: ["http://x/?a=b"] }, /has neither a query nor a fragment/],
    [{ peers: 7 }, /eureka\.peers must be a list/],
    [{ dataCenter: "Mine" }, /eureka\.dataCenter must be one of/],
    [{ deltaMs: 10 }, /eureka\.deltaMs must be a whole number/],
    [{ region: "" }, /eureka\.region must be a text/],
  ] as const)
    assert.throws(() => readSettings(settings), sentence);
  assert.deepEqual(readSettings({ peers: "http://a:1/eureka, http://b:2/eureka/" }).peers, [
    "http://a:1/eureka/",
    "http://b:2/eureka/",
  ]);
  await assert.rejects(startEureka(t, { settings: { colour: 1 } }), /eureka knows no setting colour/);
});
