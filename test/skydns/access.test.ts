/** The SkyDNS dialect's secret, tokens, accounts and settings. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { request } from "../harness/requests.ts";
import { SERVICE, type SkyRig, startSky } from "./rig.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const ACCOUNTS = {
  accounts: {
    acme: {
      tokens: [
        { name: "writes", role: "writer", sha256: sha256("acme-writes") },
        { name: "reads", role: "reader", sha256: sha256("acme-reads") },
      ],
    },
    other: { tokens: [{ name: "writes", role: "writer", sha256: sha256("other-writes") }] },
  },
};

function ask(sky: SkyRig, authorization: string | undefined, method = "GET", path = "/regions/", body?: unknown) {
  return sky.call(method, path, body, authorization === undefined ? {} : { headers: { authorization } });
}

async function assertStatus(answer: ReturnType<typeof ask>, status: number, text?: string | RegExp): Promise<void> {
  const { status: actual, text: body } = await answer;
  assert.equal(actual, status, body);
  if (typeof text === "string") assert.equal(body, text);
  else if (text !== undefined) assert.match(body, text);
}

test("with accounts a token is the secret, and tells whose services they are", async (t) => {
  const sky = await startSky(t, { config: ACCOUNTS });
  for (const wrong of [undefined, "", "unknown", "Bearer unknown", "Basic YTpi"]) {
    await assertStatus(ask(sky, wrong), 401, "Unauthorized\n");
    await assertStatus(ask(sky, wrong, "PUT", "/services/1", SERVICE), 401, "Unauthorized\n");
    await assertStatus(ask(sky, wrong, "PUT", "/callbacks/1", {}), 401, "Unauthorized\n");
  }
  // Pages come first, as in the original.
  await assertStatus(ask(sky, undefined, "GET", "/nothing"), 404, "404 page not found\n");
  await assertStatus(ask(sky, undefined, "POST", "/services/1"), 405, "");
  await assertStatus(ask(sky, "acme-writes", "PUT", "/services/1", SERVICE), 201);
  await assertStatus(ask(sky, "Bearer other-writes", "PUT", "/services/1", { ...SERVICE, Region: "o" }), 201);
  await assertStatus(ask(sky, "acme-reads"), 200, '{"Test":1}\n');
  const pair = (authorization: string, token: string) =>
    sky.call("GET", "/regions/", undefined, { headers: { authorization, "x-auth-token": token } });
  await assertStatus(pair("acme-reads", "other-writes"), 400, /differ/);
  await assertStatus(pair("Bearer unknown", "acme-reads"), 400, /differ/);
  await assertStatus(pair("Bearer acme-reads", "acme-reads"), 200, '{"Test":1}\n');
  await assertStatus(ask(sky, "other-writes"), 200, '{"o":1}\n');
  for (const [method, body] of [
    ["PUT", SERVICE],
    ["PATCH", { TTL: 1 }],
    ["DELETE", undefined],
  ] as const) {
    await assertStatus(ask(sky, "acme-reads", method, "/services/1", body), 403);
  }
  await assertStatus(ask(sky, "other-writes", "DELETE", "/services/1"), 200);
  await assertStatus(ask(sky, "acme-reads", "GET", "/services/1"), 200);
});

test("clients with a fixed secret are of the account that the settings name", async (t) => {
  const settings = { secret: "my secret", account: "acme" };
  const sky = await startSky(t, { settings, config: ACCOUNTS });
  for (const wrong of [undefined, "my secre", "my secret2", "MY SECRET", "Bearer my secret"]) {
    await assertStatus(ask(sky, wrong), 401, "Unauthorized\n");
  }
  await assertStatus(ask(sky, "my secret", "PUT", "/services/1", SERVICE), 201);
  await assertStatus(ask(sky, "acme-reads", "GET", "/services/1"), 200);
  await assertStatus(ask(sky, "other-writes", "GET", "/services/1"), 404);
});

test("a secret is needed in open mode too; without one the header means nothing", async (t) => {
  const [closed, open] = [await startSky(t, { settings: { secret: "s3", account: "a" } }), await startSky(t)];
  await assertStatus(ask(closed, undefined), 401, "Unauthorized\n");
  await assertStatus(ask(closed, "other"), 401, "Unauthorized\n");
  await assertStatus(ask(closed, "s3", "PUT", "/services/1", SERVICE), 201);
  const native = await request(`${closed.rollcall.url}/v2/a/services/TestService/instances/1`);
  assert.equal(native.status, 200, native.text);
  for (const any of [undefined, "", "whatever", "Bearer x"]) await assertStatus(ask(open, any), 200, "{}");
});

test("settings that mean nothing are refused at the start", async (t) => {
  const wrong: readonly [object, RegExp][] = [
    [{ secrets: "x" }, /skydns knows no setting secrets/],
    [{ secret: "" }, /skydns\.secret must be/],
    [{ secret: "a\nb" }, /skydns\.secret must be/],
    [{ account: "a b" }, /skydns\.account must be/],
    [{ environment: 5 }, /skydns\.environment must be/],
    [{ callbacksMax: -1 }, /skydns\.callbacksMax must be/],
    [{ callbackHosts: "any" }, /skydns\.callbackHosts: must be a list/],
    [{ callbackHosts: ["10.0.0.0/33"] }, /skydns\.callbackHosts: "10\.0\.0\.0\/33" is no address/],
  ];
  await Promise.all(
    wrong.map(([settings, reason]) =>
      assert.rejects(startSky(t, { settings: settings as Record<string, unknown> }), reason),
    ),
  );
});

test("a rate limit refuses requests, but no heartbeats", async (t) => {
  const sky = await startSky(t, { config: { limits: { requestsPerSecondMax: 5 } } });
  assert.equal((await sky.add("1")).status, 201);
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push((await sky.get("1")).status);
  assert.ok(statuses.includes(429), statuses.join());
  for (let i = 0; i < 30; i++) assert.equal((await sky.call("PATCH", "/services/1", { TTL: 60 })).status, 200);
});
