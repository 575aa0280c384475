/** The agent's side: services and checks registered, reported, in maintenance, lapsed and gone. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../harness/scope.ts";
import { beginSession, indexOf, startConsul } from "./rig.ts";

const consul = await startConsul({ after }, { settings: { node: "here", address: "10.9.9.9" } });

const WEB = {
  Name: "web",
  ID: "web-1",
  Tags: ["v1", "Primary"],
  Address: "10.0.0.1",
  Port: 8080,
  Meta: { version: "2" },
  Weights: { Passing: 10, Warning: 1 },
  EnableTagOverride: true,
  TaggedAddresses: { lan: { Address: "10.0.0.1", Port: 80 } },
  Check: { TTL: "60s", Notes: "beats" },
};

async function register(body: object, query = ""): Promise<void> {
  const answer = await consul.put(`/agent/service/register${query}`, body);
  assert.deepEqual([answer.status, answer.text], [200, ""]);
}

async function healthOf(name: string, query = ""): Promise<{ Service: { ID: string }; Checks: Check[] }[]> {
  return (await consul.get(`/health/service/${name}${query}`)).json();
}

interface Check {
  readonly CheckID: string;
  readonly Status: string;
  readonly Output: string;
  readonly ServiceID: string;
}

async function statusOf(name: string, id: string): Promise<string | undefined> {
  const all = (await healthOf(name)).flatMap(({ Checks }) => Checks);
  return all.find(({ CheckID }) => CheckID === id)?.Status;
}

test("a service is shown by every endpoint as it was registered", async () => {
  await register(WEB);
  const { web: _, ...services } = (await consul.get("/agent/services")).json();
  assert.deepEqual(services["web-1"], {
    ID: "web-1",
    Service: "web",
    Tags: ["v1", "Primary"],
    Meta: { version: "2" },
    Port: 8080,
    Address: "10.0.0.1",
    TaggedAddresses: {
      lan: { Address: "10.0.0.1", Port: 80 },
      lan_ipv4: { Address: "10.0.0.1", Port: 8080 },
      wan_ipv4: { Address: "10.0.0.1", Port: 8080 },
    },
    Weights: { Passing: 10, Warning: 1 },
    EnableTagOverride: true,
    Datacenter: "dc1",
  });
  const one = await consul.get("/agent/service/web-1");
  assert.equal(one.json().ContentHash, one.headers["x-consul-contenthash"]);
  assert.equal((await consul.get("/agent/service/none")).status, 404);
  const [listed] = (await consul.get("/catalog/service/WEB")).json();
  const { Node, Address, Datacenter, ServiceID, ServiceName, ServiceTags, ServiceAddress, ServicePort } = listed;
  assert.deepEqual(
    { Node, Address, Datacenter, ServiceID, ServiceName, ServiceTags, ServiceAddress, ServicePort },
    {
      Node: "here",
      Address: "10.9.9.9",
      Datacenter: "dc1",
      ServiceID: "web-1",
      ServiceName: "web",
      ServiceTags: ["v1", "Primary"],
      ServiceAddress: "10.0.0.1",
      ServicePort: 8080,
    },
  );
  assert.deepEqual([listed.ServiceMeta, listed.ServiceWeights], [{ version: "2" }, { Passing: 10, Warning: 1 }]);
  const [entry] = (await consul.get("/health/service/web?tag=V1&tag=primary")).json();
  assert.equal(entry.Node.Node, "here");
  assert.deepEqual(
    entry.Checks.map(({ CheckID, Status }: Check) => [CheckID, Status]),
    [
      ["serfHealth", "passing"],
      ["service:web-1", "critical"],
    ],
  );
  assert.equal(entry.Checks[1].Notes, "beats");
  assert.deepEqual(await healthOf("web", "?tag=v2"), []);
  assert.deepEqual(await healthOf("web", "?passing"), []);
  assert.equal((await healthOf("web", "?passing=false")).length, 1);
  assert.deepEqual((await consul.get("/catalog/services")).json(), { consul: [], web: ["v1", "Primary"] });
  assert.equal((await consul.get("/health/checks/web")).json()[0].ServiceName, "web");
  assert.equal((await consul.get("/agent/checks")).json()["service:web-1"].Status, "critical");
  assert.ok((await consul.get("/catalog/node/here")).json().Services["web-1"]);
  assert.equal((await consul.get("/catalog/node-services/here")).json().Services.length, 2);
});

test("a check with a TTL passes, warns, fails and is updated", async () => {
  const say = (path: string, body?: object) => consul.put(`/agent/check/${path}`, body);
  for (const [path, status] of [
    ["pass/service:web-1?note=well", "passing"],
    ["warn/service%3Aweb-1", "warning"],
    ["fail/service:web-1", "critical"],
    ["pass/service:web-1", "passing"],
  ] as const) {
    assert.equal((await say(path)).status, 200);
    assert.equal(await statusOf("web", "service:web-1"), status);
  }
  assert.equal((await healthOf("web", "?passing")).length, 1);
  const index = indexOf(await consul.get("/health/service/web"));
  assert.equal((await say("pass/service:web-1")).status, 200);
  assert.equal(indexOf(await consul.get("/health/service/web")), index, "a beat that says nothing new is no commit");
  assert.equal((await say("update/service:web-1", { status: "warning", OUTPUT: "so so" })).status, 200);
  const [entry] = await healthOf("web");
  assert.equal(entry?.Checks[1]?.Output, "so so");
  assert.equal((await say("update/service:web-1", { Status: "great" })).status, 400);
  const unknown = await say("pass/none");
  assert.equal(unknown.status, 404);
  assert.match(unknown.text, /^Unknown check ID "none"\./);
  const byName = await consul.get("/agent/health/service/name/web?format=text");
  assert.deepEqual([byName.status, byName.text], [429, "warning"]);
  const byId = await consul.get("/agent/health/service/id/web-1");
  assert.deepEqual([byId.status, byId.json().AggregatedStatus], [429, "warning"]);
  assert.equal((await consul.get("/agent/health/service/id/none")).status, 404);
});

test("registered again it keeps what its checks said; under another name it moves", async () => {
  await consul.put("/agent/check/pass/service:web-1?note=still");
  await register({ ...WEB, Port: 9090 });
  assert.equal(await statusOf("web", "service:web-1"), "passing");
  await consul.put("/agent/check/register", {
    Name: "disk",
    ID: "disk",
    ServiceID: "web-1",
    TTL: "1m",
    Status: "passing",
  });
  await register(WEB);
  assert.equal(await statusOf("web", "disk"), "passing");
  await register(WEB, "?replace-existing-checks=true");
  assert.equal(await statusOf("web", "disk"), undefined);
  assert.equal((await consul.put("/agent/check/pass/disk")).status, 404);
  await register({ ...WEB, Name: "shop" });
  assert.deepEqual(await healthOf("web"), []);
  assert.equal((await healthOf("shop"))[0]?.Service.ID, "web-1");
  assert.equal((await consul.put("/agent/check/pass/service:web-1")).status, 200);
  assert.equal(await statusOf("shop", "service:web-1"), "passing");
  await register(WEB);
});

test("maintenance is a critical check, of a service and of the node", async () => {
  assert.equal((await consul.put("/agent/service/maintenance/web-1?enable=true&reason=later")).status, 200);
  assert.equal(await statusOf("web", "_service_maintenance:web-1"), "critical");
  assert.equal((await consul.put("/agent/service/maintenance/web-1?enable=false")).status, 200);
  assert.equal(await statusOf("web", "_service_maintenance:web-1"), undefined);
  const node = indexOf(await consul.get("/health/node/here"));
  const waiting = consul.get(`/health/service/web?index=${indexOf(await consul.get("/health/service/web"))}&wait=30s`);
  assert.equal((await consul.put("/agent/maintenance?enable=true")).status, 200);
  assert.ok((await waiting).text.includes("_node_maintenance"), "a check of the node is news of its services");
  assert.ok(indexOf(await consul.get("/health/node/here")) > node);
  assert.equal((await consul.put("/agent/maintenance?enable=false")).status, 200);
  assert.equal(await statusOf("web", "_node_maintenance"), undefined);
  for (const [path, status] of [
    ["/agent/service/maintenance/none?enable=true", 404],
    ["/agent/service/maintenance/web-1", 400],
    ["/agent/maintenance?enable=perhaps", 400],
  ] as const)
    assert.equal((await consul.put(path)).status, status, path);
});

test("when nobody beats the check turns critical, and beats bring it back", async () => {
  await register({ Name: "beating", Check: { TTL: "1s", Status: "passing" } });
  assert.equal(await statusOf("beating", "service:beating"), "passing");
  const index = indexOf(await consul.get("/health/service/beating"));
  const [entry] = (await consul.get(`/health/service/beating?index=${index}&wait=60s`)).json();
  const check = entry.Checks.find(({ CheckID }: Check) => CheckID === "service:beating");
  assert.deepEqual([check.Status, check.Output], ["critical", "TTL expired"]);
  assert.equal((await consul.put("/agent/check/pass/service:beating")).status, 200);
  assert.equal(await statusOf("beating", "service:beating"), "passing");
  await until(async () => (await statusOf("beating", "service:beating")) === "critical");
  await consul.put("/agent/service/deregister/beating");
});

test("a session that rests on a check is lost with it", async () => {
  await register({ Name: "held", Check: { TTL: "60s", Status: "passing" } });
  const session = await beginSession(consul, { ServiceChecks: [{ ID: "service:held" }], LockDelay: "0s" });
  assert.equal((await consul.put(`/kv/held/lock?acquire=${session}`, "x")).text, "true");
  await consul.put("/agent/check/fail/service:held");
  await until(async () => (await consul.get(`/session/info/${session}`)).text === "[]");
  assert.equal((await consul.get("/kv/held/lock")).json()[0].Session, undefined);
  const refused = await consul.put("/session/create", { ServiceChecks: [{ ID: "service:held" }] });
  assert.match(refused.text, /Check 'service:held' is in critical state/);
});

test("what cannot be registered is refused in the original's words", async () => {
  const cases: readonly (readonly [path: string, body: unknown, status: number, says: RegExp])[] = [
    ["service/register", {}, 400, /^Missing service name$/],
    ["service/register", { Name: "a", Address: "0.0.0.0" }, 400, /^Invalid service address$/],
    ["service/register", { Name: "a", Port: "80" }, 400, /Port must be a whole number/],
    ["service/register", { Name: "a", Meta: { "a b": "c" } }, 400, /^Invalid Service Meta: /],
    ["service/register", { Name: "a/b" }, 400, /service name/],
    ["service/register", { Name: "a", Check: { Notes: "n" } }, 400, /^Invalid check: TTL must be > 0 for TTL checks$/],
    ["service/register", { Name: "a", Check: { TTL: "1s", Interval: "1s" } }, 400, /cannot both be specified/],
    ["service/register", { Name: "a", Check: { Args: ["true"], Interval: "1s" } }, 500, /^Scripts are disabled/],
    ["service/register", { Name: "a", Check: { OSService: "a", Interval: "1s" } }, 500, /^not implemented$/],
    ["service/register", { Name: "a", Check: { TTL: "1s", Status: "fine" } }, 400, /^Status for checks must/],
    ["service/register", "{", 400, /^Request decode failed/],
    ["check/register", { TTL: "1s" }, 400, /^Missing check name$/],
    ["check/register", { Name: "a", TTL: "1s", ServiceID: "none" }, 404, /ServiceID "none" does not exist/],
    ["check/deregister/none", undefined, 404, /^Unknown check ID "none"/],
    ["service/deregister/none", undefined, 404, /^Unknown service ID "none"/],
  ];
  for (const [path, body, status, says] of cases) {
    const answer = await consul.put(`/agent/${path}`, body);
    assert.equal(answer.status, status, `${path} ${JSON.stringify(body)}: ${answer.text}`);
    assert.match(answer.text, says);
  }
});

test("a service that is deregistered is gone, and those that wait hear of it", async () => {
  const index = indexOf(await consul.get("/health/service/web"));
  const waiting = consul.get(`/health/service/web?index=${index}&wait=60s`);
  assert.equal((await consul.put("/agent/service/deregister/web-1")).status, 200);
  assert.deepEqual((await waiting).json(), []);
  assert.ok(indexOf(await waiting) > index);
  assert.equal((await consul.get("/agent/checks")).text.includes("web-1"), false);
});

test("tools find what they ask the agent for at their start", async () => {
  const self = (await consul.get("/agent/self")).json();
  assert.deepEqual([self.Config.Datacenter, self.Config.NodeName, self.Member.Tags.role], ["dc1", "here", "consul"]);
  const [member] = (await consul.get("/agent/members")).json();
  assert.deepEqual([member.Name, member.Status, member.Tags.dc], ["here", 1, "dc1"]);
  assert.equal((await consul.get("/agent/host")).status, 200);
  assert.match((await consul.get("/agent/metrics?format=prometheus")).text, /rollcall_/);
  for (const path of ["leave", "reload", "join/10.0.0.2", "force-leave/HERE"])
    assert.equal((await consul.put(`/agent/${path}`)).status, 200, path);
  const [own] = (await consul.get("/health/service/consul?passing")).json();
  assert.deepEqual([own.Service.ID, own.Node.Node, own.Checks[0].CheckID], ["consul", "here", "serfHealth"]);
  assert.equal((await consul.get("/catalog/datacenters")).text, '["dc1"]');
  assert.equal((await consul.get("/operator/raft/configuration")).json().Servers[0].Leader, true);
  assert.equal((await consul.get("/operator/autopilot/health")).json().Healthy, true);
  const { Leader, Servers } = (await consul.get("/operator/autopilot/state")).json();
  assert.deepEqual([Servers[Leader].Name, Servers[Leader].Status], ["here", "leader"]);
  const [{ Node, Coord }] = (await consul.get("/coordinate/nodes")).json();
  assert.deepEqual([Node, Coord.Vec.length], ["here", 8]);
});

test("what is no part of this registry is answered as a server without it does", async () => {
  const noConnect = "Connect must be enabled in order to use this endpoint";
  const noAcl = "ACL support disabled";
  const removed = /^Endpoint \/v1\/acl\/list for the legacy ACL system was removed/;
  const cases: readonly (readonly [method: string, path: string, status: number, says: string | RegExp])[] = [
    ["GET", "/connect/ca/roots", 500, noConnect],
    ["GET", "/agent/connect/ca/leaf/web", 500, noConnect],
    ["POST", "/connect/intentions", 500, noConnect],
    ["GET", "/discovery-chain/web", 500, noConnect],
    ["GET", "/catalog/gateway-services/web", 200, "[]"],
    ["GET", "/health/ingress/web", 200, "[]"],
    ["GET", "/config/service-defaults", 200, "[]"],
    ["GET", "/config/service-defaults/web", 404, 'Config entry not found for "service-defaults" / "web"'],
    ["GET", "/config/odd", 500, "invalid config entry kind: odd"],
    ["DELETE", "/config/service-defaults/web", 200, "{}"],
    ["PUT", "/config", 501, /^There is no mesh here/],
    ["GET", "/internal/ui/services", 404, "UI is not enabled"],
    ["GET", "/peerings", 200, "[]"],
    ["GET", "/peering/x", 404, 'Peering not found for "x"'],
    ["GET", "/acl/tokens", 401, noAcl],
    ["GET", "/acl/token/self", 401, noAcl],
    ["PUT", "/acl/bootstrap", 401, noAcl],
    ["PUT", "/agent/token/default", 401, noAcl],
    ["GET", "/acl/list", 410, removed],
    ["PUT", "/snapshot", 501, /`rollcall backup`/],
    ["GET", "/agent/monitor", 501, /standard error/],
    ["PUT", "/agent/force-leave/other", 500, "agent: No node found with name 'other'"],
    ["GET", "/coordinate/node/other", 404, ""],
    ["DELETE", "/operator/raft/peer?id=x", 500, 'id "x" was not found in the Raft configuration'],
    ["GET", "/operator/keyring", 500, /here: Keyring is empty \(encryption not enabled\)/],
    ["GET", "/operator/autopilot/configuration", 200, /^\{"CleanupDeadServers":true,/],
    ["PUT", "/operator/autopilot/configuration", 501, /no autopilot/],
    ["GET", "/operator/usage", 404, "Invalid URL path: not a recognized HTTP API endpoint"],
  ];
  for (const [method, path, status, says] of cases) {
    const answer = await consul.call(method, path);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    if (typeof says === "string") assert.equal(answer.text, says, path);
    else assert.match(answer.text, says, path);
  }
});
