/** Tokens, roles, accounts and their limits over the native API; administration. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, test } from "node:test";
import { ROUTES } from "../../packages/registry/src/dialects/http/server/routes.ts";
import { startRollcall } from "../harness/program.ts";
import { openStream, request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { nameRoute, openApi } from "./rig.ts";

const scratch = temporaryDirectory({ after });
const rollcall = await startRollcall({ after }, { env: { TMPDIR: scratch } });
const open = openApi(rollcall.url);
const bearer = (token: string) => openApi(rollcall.url, { authorization: `Bearer ${token}` });

const { token: adminToken } = await open.ok("POST", "/v2/_/tokens", { name: "root", role: "admin" });
const admin = bearer(adminToken);
const tokenOf = async (account: string | null, role: string) =>
  (await admin.ok("POST", "/v2/_/tokens", { name: `${role} of ${account}`, role, account })).token;
const reader = bearer(await tokenOf("acme", "reader"));
const writer = bearer(await tokenOf("acme", "writer"));
const owner = bearer(await tokenOf("acme", "admin"));
const stranger = bearer(await tokenOf("other", "admin"));

/** A path of the route in account `acme`. */
const pathOf = (pattern: string) =>
  pattern
    .replace(":account", "acme")
    .replace(/:[a-z]+/g, "x")
    .replace("*", "x");

test("without a token nothing is answered but what is open to all", async () => {
  for (const { method, pattern } of ROUTES) {
    const answer = await open.call(method, pathOf(pattern));
    assert.equal(answer.status, 401, nameRoute({ method, pattern }));
    assert.equal(answer.headers["www-authenticate"], 'Bearer realm="rollcall"');
    assert.equal((await bearer("wrong").call(method, pathOf(pattern))).status, 401);
  }
  for (const path of ["/", "/healthz", "/readyz", "/metrics", "/openapi.json"])
    assert.equal((await open.call("GET", path)).status, 200, path);
});

test("two tokens that differ are refused by every route, whichever of them is good; one said twice is one", async () => {
  const both = (one: string, other: string) =>
    openApi(rollcall.url, { authorization: `Bearer ${one}`, "x-auth-token": other });
  for (const { method, pattern } of ROUTES)
    for (const pair of [both(adminToken, "wrong"), both("wrong", adminToken)]) {
      const detail = await pair.refused(400, "invalid", method, pathOf(pattern));
      assert.match(detail, /Authorization and X-Auth-Token say different things/, nameRoute({ method, pattern }));
    }
  const basic = openApi(rollcall.url, { authorization: "Basic YTpi", "x-auth-token": adminToken });
  await basic.refused(400, "invalid", "GET", "/v2/acme/services");
  await both(adminToken, adminToken).ok("GET", "/v2/acme/services");
  await openApi(rollcall.url, { authorization: adminToken, "x-auth-token": adminToken }).ok("GET", "/v2/acme/services");
});

test("each route wants its role, and a token of its account", async () => {
  const ranks = ["reader", "writer", "admin"];
  for (const { method, pattern, role } of ROUTES) {
    if (!pattern.includes(":account")) continue;
    const name = nameRoute({ method, pattern });
    for (const [rank, who] of [reader, writer, owner].entries()) {
      if (rank >= ranks.indexOf(role)) continue;
      assert.equal((await who.call(method, pathOf(pattern))).status, 403, `${name} as ${ranks[rank]}`);
    }
    assert.equal((await stranger.call(method, pathOf(pattern))).status, 403, `${name} as a stranger`);
  }
  for (const { method, pattern } of ROUTES) {
    if (pattern.includes(":account") || /\/(status|whoami|members|metrics\/history)$/.test(pattern)) continue;
    const body = method === "POST" || method === "PUT" ? {} : undefined;
    assert.equal((await owner.call(method, pathOf(pattern), body)).status, 403, nameRoute({ method, pattern }));
  }
});

test("a role may do what it is for", async () => {
  const at = "/v2/acme/services/web/instances/w1";
  await writer.ok("PUT", at, { address: "h", ttl: 0 });
  assert.equal((await reader.ok("GET", at)).id, "w1");
  await admin.ok("GET", at);
  const token = await tokenOf("acme", "reader");
  assert.equal((await request(`${rollcall.url}${at}`, { headers: { "x-auth-token": token } })).status, 200);
  assert.equal((await request(`${rollcall.url}${at}`, { headers: { authorization: `bearer ${token}` } })).status, 200);
});

test("an account is found by its tenant id too, and each token sees its own accounts only", async () => {
  const { tenant } = await admin.ok("PUT", "/v2/_/accounts/acme", {});
  assert.match(tenant, /^[0-9]+$/);
  assert.equal((await reader.ok("GET", `/v2/${tenant}/services/web`)).instances.length, 1);
  await stranger.ok("PUT", "/v2/other/config/k", "v");
  const names = async (who: typeof admin) =>
    (await who.ok("GET", "/v2/_/status")).accounts.map((one: { account: string }) => one.account);
  assert.deepEqual(await names(reader), ["acme"]);
  assert.deepEqual((await names(admin)).sort(), ["acme", "other"]);
  const listed = await admin.ok("GET", "/v2/_/accounts");
  assert.ok(listed.accounts.some((one: { account: string }) => one.account === "acme"));
});

test("a token is shown once, listed without its secret, and can be taken back", async () => {
  const created = await admin.ok("POST", "/v2/_/tokens", { name: "short", role: "reader", account: "acme" });
  const who = bearer(created.token);
  await who.ok("GET", "/v2/acme/services");
  const listed = await admin.call("GET", "/v2/_/tokens");
  assert.ok(!listed.text.includes(created.token));
  assert.ok(listed.json().tokens.some((one: { id: string }) => one.id === created.id));
  await admin.ok("DELETE", `/v2/_/tokens/${created.id}`);
  assert.equal((await who.call("GET", "/v2/acme/services")).status, 401);
  await admin.refused(404, "not-found", "DELETE", `/v2/_/tokens/${created.id}`);
  for (const body of [{}, { name: "x" }, { name: "x", role: "king" }, { name: "x", role: "reader", account: "../x" }])
    await admin.refused(400, "invalid", "POST", "/v2/_/tokens", body);
});

test("limits of an account are kept to, and refused with the time to try again", async () => {
  await admin.refused(400, "invalid", "PUT", "/v2/_/accounts/small", { keysMax: "many" });
  await admin.refused(400, "invalid", "PUT", "/v2/_/accounts/..", {});
  const set = await admin.ok("PUT", "/v2/_/accounts/small", { keysMax: 1, instancesMax: 1 });
  assert.equal(set.limits.keysMax, 1);
  await admin.ok("PUT", "/v2/small/config/a", "1");
  await admin.refused(429, "limit", "PUT", "/v2/small/config/b", "1");
  await admin.ok("PUT", "/v2/small/services/web/instances/w1", { address: "h", ttl: 0 });
  await admin.refused(429, "limit", "PUT", "/v2/small/services/web/instances/w2", { address: "h", ttl: 0 });
  await admin.ok("PUT", "/v2/_/accounts/slow", { requestsPerSecondMax: 5 });
  const answers = await Promise.all(Array.from({ length: 40 }, () => admin.call("GET", "/v2/slow/services")));
  const refused = answers.filter((answer) => answer.status === 429);
  assert.ok(refused.length > 0);
  assert.equal(refused[0]?.headers["retry-after"], "1");
  assert.equal((await admin.call("GET", "/v2/small/services")).status, 200, "another account is not held up");
});

test("a backup comes with its length, and leaves nothing behind", async () => {
  const answer = await admin.call("GET", "/v2/_/backup");
  assert.equal(answer.status, 200, answer.text.slice(0, 200));
  assert.equal(answer.bytes.length, Number(answer.headers["content-length"]));
  assert.ok(answer.bytes.length > 0);
  await until(() => readdirSync(scratch).filter((name) => name.startsWith("rollcall-backup-")).length === 0);
});

test("what a token keeps open ends with the token", { timeout: 30_000 }, async (t) => {
  const made = await admin.ok("POST", "/v2/_/tokens", { name: "passing", role: "writer", account: "acme" });
  const kept = await admin.ok("POST", "/v2/_/tokens", { name: "staying", role: "writer", account: "acme" });
  const headers = { authorization: `Bearer ${made.token}` };
  const at = `${rollcall.url}/v2/acme`;
  await owner.ok("POST", "/v2/acme/leases", { lease: "passing", ttl: "1s" });
  const watch = await openStream(t, `${at}/watch`, { headers: { ...headers, accept: "text/event-stream" } });
  const session = await openStream(t, `${at}/leases/passing/session`, { headers });
  const other = await openStream(t, `${at}/watch`, { headers: { authorization: `Bearer ${kept.token}` } });
  for (const stream of [watch, session, other]) await stream.find(({ event }) => event === "ready");
  const poll = request(`${at}/services/passing?wait=25s&after=999999999`, { headers });
  const events = request(`${at}/events?wait=25s`, { headers });
  // Both waits are there, beside the three streams.
  const watchers = async (): Promise<string> => (await request(`${rollcall.url}/metrics`)).text;
  await until(async () => /rollcall_watchers\{[^}]*"http"[^}]*\} 5\b/.test(await watchers()));
  await admin.ok("DELETE", `/v2/_/tokens/${made.id}`);
  for (const stream of [watch, session]) {
    const bye = await stream.find(({ event }) => event === "bye");
    assert.ok(bye.json().revision > 0);
    await until(() => stream.ended);
  }
  for (const answer of [await poll, await events]) {
    assert.equal(answer.status, 401);
    assert.equal(answer.json().type, "https://rollcall.dev/problems/unauthorized");
  }
  await until(async () => (await owner.call("GET", "/v2/acme/leases/passing")).status === 404, { timeoutMs: 5000 });
  await owner.ok("PUT", "/v2/acme/services/after/instances/a", { address: "h", ttl: 0 });
  await other.find(({ data }) => data.includes('"after"'));
  assert.ok(!watch.events.some(({ data }) => data.includes('"after"')));
  assert.equal(other.ended, false);
});

test("what open mode let in ends with open mode", { timeout: 30_000 }, async (t) => {
  const { url } = await startRollcall(t);
  const anyone = openApi(url);
  const watch = await openStream(t, `${url}/v2/acme/watch`);
  await watch.find(({ event }) => event === "ready");
  await anyone.ok("POST", "/v2/_/tokens", { name: "root", role: "admin" });
  await watch.find(({ event }) => event === "bye");
  await until(() => watch.ended);
});
