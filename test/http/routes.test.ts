/** Each route does what it is for. The table of routes says which there are: one without a good path fails here. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ROUTES } from "../../packages/registry/src/dialects/http/server/routes.ts";
import { startRollcall } from "../harness/program.ts";
import { openStream } from "../harness/requests.ts";
import { covered, nameRoute, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);
const A = "/v2/acme";
const W = `${A}/services/web/instances/w1`;
const endpoint = { application: "shop", protocol: "http", addr: "h:1" };

type Step = readonly [method: string, path: string, body?: unknown];

const steps: readonly Step[] = [
  ["POST", `${A}/leases`, { lease: "l1", ttl: "60s" }],
  ["GET", `${A}/leases`],
  ["GET", `${A}/leases/l1`],
  ["POST", `${A}/leases/l1/renew`],
  ["POST", `${A}/leases/renew`, { leases: ["l1"] }],
  ["PUT", W, { address: "h", checks: [{ id: "c" }] }],
  ["PATCH", W, { zone: "z" }],
  ["GET", W],
  ["POST", `${W}/heartbeat`],
  ["PUT", `${W}/checks/c`, { status: "passing" }],
  ["PUT", `${W}/override`, { status: "draining" }],
  ["DELETE", `${W}/override`],
  ["POST", `${A}/overrides`, { filter: { service: "web" }, status: "draining", dry: true }],
  ["GET", `${W}/explain`],
  ["GET", `${W}/history`],
  ["POST", `${A}/histories`, { instances: [{ service: "web", id: "w1" }] }],
  ["GET", `${A}/services/web/history`],
  ["GET", `${A}/services/web/gone`],
  ["GET", `${A}/events/histogram`],
  ["GET", `${A}/revisions?at=-1m`],
  ["GET", `${A}/search?q=w`],
  ["GET", `${A}/changes?from=0`],
  ["GET", `${A}/services`],
  ["GET", `${A}/services/web`],
  ["GET", `${A}/instances`],
  ["GET", "/sd/prometheus/acme"],
  ["GET", "/sd/prometheus/acme/web"],
  ["DELETE", W],
  ["POST", `${A}/register`, endpoint],
  ["POST", `${A}/subscribe`, { subscribes: [{ provider: "shop" }] }],
  ["POST", `${A}/unregister`, endpoint],
  ["GET", `${A}/consumers`],
  ["GET", `${A}/held`],
  ["GET", `${A}/protection`],
  ["POST", `${A}/held/release`],
  ["PUT", `${A}/config/a/b`, "v"],
  ["GET", `${A}/config/a/b`],
  ["GET", `${A}/config-history/a/b`],
  ["GET", `${A}/config?prefix=a/`],
  ["DELETE", `${A}/config/a/b`],
  ["DELETE", `${A}/config?prefix=a/`],
  ["POST", `${A}/transactions`, { otherwise: [] }],
  ["GET", `${A}/watch?after=0&wait=1s`],
  ["GET", `${A}/events`],
  ["PUT", `${A}/hooks/h`, { url: "http://127.0.0.1:9/", types: ["key.*"] }],
  ["GET", `${A}/hooks`],
  ["GET", `${A}/hooks/h`],
  ["DELETE", `${A}/hooks/h`],
  ["GET", `${A}/copy`],
  ["GET", `${A}/copy?head`],
  ["POST", `${A}/commands`, { command: { kind: "put", key: "a", value: "b" } }],
  ["DELETE", `${A}/leases/l1`],
  ["GET", "/v2/_/status"],
  ["GET", "/v2/_/whoami"],
  ["GET", "/v2/_/metrics/history"],
  ["GET", "/v2/_/members"],
  ["GET", "/v2/_/accounts"],
  ["PUT", "/v2/_/accounts/acme", {}],
  ["DELETE", "/v2/_/accounts/acme?contents"],
  ["GET", "/v2/_/backup"],
  ["POST", "/v2/_/compact", { revision: 3 }],
  ["GET", "/v2/_/tokens"],
];

const streams: readonly Step[] = [
  ["GET", `${A}/leases/l1/session`],
  ["POST", `${A}/watch`, { subscriptions: [{ id: "all" }] }],
  ["GET", `${A}/copy?after=0`],
];

test("each route has a good path", async () => {
  await api.ok("POST", `${A}/leases`, { lease: "l1", ttl: "60s" });
  for (const [method, path, body] of streams) {
    const stream = await openStream({ after }, `${rollcall.url}${path}`, { method, body });
    assert.equal(stream.status, 200, path);
    await stream.find((event) => event.event === "ready");
    stream.close();
  }
  for (const [method, path, body] of steps) {
    const answer = await api.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  }
  const { id, token } = await api.ok("POST", "/v2/_/tokens", { name: "root", role: "admin" });
  // The last token of all cannot always be taken back; a second one can.
  const admin = openApi(rollcall.url, { authorization: `Bearer ${token}` });
  const second = await admin.ok("POST", "/v2/_/tokens", { name: "second", role: "admin" });
  assert.notEqual(second.id, id);
  await admin.ok("DELETE", `/v2/_/tokens/${second.id}`);
  const streamed = new Set(["GET /v2/:account/leases/:lease/session", "POST /v2/:account/watch"]);
  const missing = ROUTES.map(nameRoute).filter((name) => !covered.has(name) && !streamed.has(name));
  assert.deepEqual(missing, []);
});
