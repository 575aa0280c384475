/** Questions that are put to Consul and to Rollcall, one after the other, and what is left of an answer to compare. */
import type { Answer } from "../harness/requests.ts";

export interface Case {
  /** Method and path below /v1. */
  readonly line: string;
  readonly body?: unknown;
  /** Why the answers are not alike. */
  readonly differs?: string;
}

const web = {
  Name: "web",
  ID: "web-1",
  Address: "10.1.0.1",
  Port: 80,
  Tags: ["v1", "blue"],
  Meta: { m: "1" },
  Weights: { Passing: 3, Warning: 1 },
  Check: { TTL: "60s", Notes: "n", DeregisterCriticalServiceAfter: "5m" },
};
const external = {
  Node: "ext",
  Address: "10.2.0.1",
  NodeMeta: { external: "1" },
  Service: { ID: "db-1", Service: "db", Port: 5432, Tags: ["a"], Meta: { k: "v" } },
  Checks: [
    { CheckID: "c1", Name: "of db", Status: "warning", ServiceID: "db-1", Output: "slow" },
    { CheckID: "c2", Name: "of ext", Status: "passing" },
  ],
};

function cases(body: unknown, ...lines: readonly string[]): Case[] {
  return lines.map((line) => (body === undefined ? { line } : { line, body }));
}

/** Some that are not answered alike. */
function differing(differs: string, body: unknown, ...lines: readonly string[]): Case[] {
  return cases(body, ...lines).map((one) => ({ ...one, differs }));
}

const CLIENTS_FAULT = "what a client does wrong is 400 here";
const UNTYPED = "these checks are shown without their type there";

export const CASES: readonly Case[] = [
  // Keys.
  ...cases("one", "PUT /kv/t/a?flags=18446744073709551615", "PUT /kv/t/b", "PUT /kv/t/d/e", "PUT /kv/t/a?cas=0"),
  ...cases(
    undefined,
    "GET /kv/t/a",
    "GET /kv/t/a?raw",
    "GET /kv/t?recurse",
    "GET /kv/t?keys",
    "GET /kv/t/?keys&separator=/",
    "GET /kv/none",
    "GET /kv/none?recurse",
    "GET /kv/none?keys",
    "DELETE /kv/t/b?cas=1",
    "DELETE /kv/t/b",
    "DELETE /kv/t?recurse",
    "GET /kv/t?keys",
  ),
  { line: "PUT /kv/x?cas=1&acquire=y", body: "x" },
  // Transactions.
  {
    line: "PUT /txn",
    body: [
      { KV: { Verb: "set", Key: "x/1", Value: "MQ==", Flags: 7 } },
      { KV: { Verb: "get", Key: "x/1" } },
      { KV: { Verb: "get-tree", Key: "x" } },
    ],
  },
  { line: "PUT /txn", body: [{ KV: { Verb: "check-not-exists", Key: "x/1" } }, { KV: { Verb: "get", Key: "none" } }] },
  { line: "PUT /txn", body: [{ KV: { Verb: "delete-tree", Key: "x" } }] },
  { line: "PUT /txn", body: [{ KV: { Verb: "get-tree", Key: "" } }] },
  // The agent.
  ...cases(web, "PUT /agent/service/register"),
  ...cases({ Name: "api", Port: 81 }, "PUT /agent/service/register"),
  ...cases({ Port: 81 }, "PUT /agent/service/register"),
  ...cases({ Name: "x", Address: "0.0.0.0" }, "PUT /agent/service/register"),
  ...cases({ Name: "x", Check: { TTL: "1s", Interval: "1s" } }, "PUT /agent/service/register"),
  ...cases(
    undefined,
    "GET /agent/services",
    "GET /agent/service/web-1",
    "GET /agent/service/none",
    "GET /agent/checks",
  ),
  ...differing(UNTYPED, undefined, "GET /agent/health/service/name/web"),
  ...differing(UNTYPED, undefined, "GET /agent/health/service/id/web-1"),
  ...cases(
    undefined,
    "GET /agent/health/service/name/none",
    "GET /agent/health/service/id/none",
    "GET /agent/health/service/id/web-1?format=text",
    "PUT /agent/check/pass/service:web-1?note=fine",
    "GET /agent/checks",
  ),
  ...differing(UNTYPED, undefined, "GET /agent/health/service/name/web"),
  ...cases(undefined, "PUT /agent/check/warn/service:web-1"),
  ...differing(UNTYPED, undefined, "GET /agent/health/service/name/web"),
  ...cases(
    undefined,
    "PUT /agent/check/pass/none",
    "PUT /agent/check/deregister/none",
    "PUT /agent/service/deregister/none",
    "PUT /agent/service/maintenance/web-1?enable=true&reason=why",
    "GET /health/checks/web",
    "PUT /agent/service/maintenance/web-1?enable=false",
    "PUT /agent/service/maintenance/web-1",
    "PUT /agent/service/maintenance/none?enable=true",
    "PUT /agent/maintenance?enable=true",
    "GET /health/node/c0",
    "PUT /agent/maintenance?enable=false",
  ),
  ...cases({ Status: "passing", Output: "all well" }, "PUT /agent/check/update/service:web-1"),
  ...cases({ Status: "odd" }, "PUT /agent/check/update/service:web-1"),
  ...cases({ Name: "mine", TTL: "60s" }, "PUT /agent/check/register"),
  ...cases({ Name: "lost", TTL: "60s", ServiceID: "none" }, "PUT /agent/check/register"),
  ...cases({ Name: "args", Args: ["true"], Interval: "10s" }, "PUT /agent/check/register"),
  // Kinds of checks, and what is wrong with them.
  ...cases({ Name: "u", UDP: "127.0.0.1:9", Interval: "10m", Status: "passing" }, "PUT /agent/check/register"),
  ...cases({ name: "p", h2ping: "127.0.0.1:9", interval: "10m", status: "warning" }, "PUT /agent/check/register"),
  ...cases({ Name: "os", OSService: "ssh", Interval: "10s" }, "PUT /agent/check/register"),
  ...cases({ Name: "x", UDP: "127.0.0.1:9" }, "PUT /agent/check/register"),
  ...cases({ Name: "x", AliasService: "web", HTTP: "http://a/", Interval: "10s" }, "PUT /agent/check/register"),
  ...cases({ Name: "x", TTL: "10s", OutputMaxSize: -1 }, "PUT /agent/check/register"),
  ...cases({ Name: "x", TTL: "10s", Status: "unknown" }, "PUT /agent/check/register"),
  ...cases({ Name: "long", TTL: 600_000_000_000 }, "PUT /agent/check/register"),
  ...cases({ Name: "parts", ttl: "1h2m3.5s", deregister_critical_service_after: "90m" }, "PUT /agent/check/register"),
  ...cases(undefined, "GET /agent/checks", "GET /health/state/Warning"),
  ...cases(undefined, ...["u", "p", "long", "parts"].map((id) => `PUT /agent/check/deregister/${id}`)),
  ...cases({ Name: "x", Weights: {} }, "PUT /agent/service/register"),
  ...cases(
    { Node: "weighty", Address: "10.0.0.9", Service: { Service: "weighty", Weights: { Passing: 0, Warning: 0 } } },
    "PUT /catalog/register",
  ),
  ...cases({ Name: "x", Weights: { Passing: 0, Warning: 1 } }, "PUT /agent/service/register"),
  ...cases({ Name: "x", Checks: [{}] }, "PUT /agent/service/register"),
  ...cases({ NAME: "low", pORT: 8, tAGS: ["A"], weights: { passing: 5 } }, "PUT /agent/service/register"),
  ...cases({ Name: "sock", SocketPath: "/tmp/x", Check: {} }, "PUT /agent/service/register"),
  ...cases(
    undefined,
    "GET /agent/services",
    "GET /catalog/service/low?tag=a",
    "GET /catalog/service/low?tag=",
    "GET /catalog/service/low?filter=ServiceEnableTagOverride==f",
    "GET /catalog/service/low?filter=ServiceConnect.Native==false",
    "GET /catalog/service/low?filter=ServiceProxy.DestinationServiceName==x",
    "GET /health/service/low?filter=Service.Connect.Native!=true",
    "GET /health/service/low?index=1&wait=-5s",
    "PUT /agent/service/maintenance/?enable=true",
    "PUT /agent/service/deregister/low",
    "PUT /agent/service/deregister/sock",
  ),
  // The catalog.
  ...cases(external, "PUT /catalog/register"),
  ...cases({ Node: "x", Address: "10.2.0.2", Datacenter: "none" }, "PUT /catalog/register"),
  ...cases({ Node: "x", Datacenter: "none" }, "PUT /catalog/deregister"),
  ...differing(CLIENTS_FAULT, { Node: "x", Address: "10.2.0.2", ID: "odd" }, "PUT /catalog/register"),
  ...differing(
    CLIENTS_FAULT,
    { Node: "x", Address: "10.2.0.2", Check: { Node: "y", CheckID: "z", Status: "passing" } },
    "PUT /catalog/register",
  ),
  ...differing(CLIENTS_FAULT, { Node: "x" }, "PUT /catalog/register"),
  ...differing(CLIENTS_FAULT, { Address: "x" }, "PUT /catalog/register"),
  ...cases(
    undefined,
    "GET /catalog/datacenters",
    "GET /catalog/services",
    "GET /catalog/services?node-meta=external:1",
    "GET /catalog/service/web",
    "GET /catalog/service/web?tag=v1&tag=blue",
    "GET /catalog/service/web?tag=v1&tag=none",
    "GET /catalog/service/db",
    "GET /catalog/service/none",
    "GET /catalog/node/ext",
    "GET /catalog/node/none",
    "GET /catalog/node-services/ext",
    "GET /catalog/node-services/none",
    "GET /catalog/nodes?node-meta=external:1",
    "GET /catalog/connect/web",
    "GET /catalog/service/web?filter=ServiceMeta.m==1",
    "GET /catalog/service/web?filter=ServiceMeta.m==2",
    "GET /catalog/services?dc=none",
  ),
  // Health.
  ...cases(
    undefined,
    "GET /health/service/web",
    "GET /health/service/web?passing",
    "GET /health/service/db",
    "GET /health/service/db?passing",
    "GET /health/service/db?passing=0",
    "GET /health/service/none",
    "GET /health/checks/db",
    "GET /health/node/ext",
    "GET /health/node/none",
    "GET /health/state/warning",
    "GET /health/state/critical",
    "GET /health/state/odd",
    "GET /health/service/db?filter=Checks.Status==warning",
  ),
  ...differing(CLIENTS_FAULT, undefined, "GET /health/service/db?filter=Nothing==warning"),
  // Sessions.
  ...cases({ Name: "s", TTL: "1s" }, "PUT /session/create"),
  ...cases({ Node: "none" }, "PUT /session/create"),
  ...differing(CLIENTS_FAULT, { Behavior: "odd" }, "PUT /session/create"),
  ...cases(
    undefined,
    "GET /session/info/00000000-0000-0000-0000-000000000000",
    "PUT /session/renew/00000000-0000-0000-0000-000000000000",
    "PUT /session/destroy/00000000-0000-0000-0000-000000000000",
    "GET /session/node/none",
    "GET /session/list",
  ),
  // The rest.
  ...cases(
    undefined,
    "GET /acl/tokens",
    "GET /acl/token/self",
    "GET /nothing",
    "POST /kv/a",
    "GET /agent/service/register",
    "GET /kv/a?index=odd",
    "GET /kv/a?wait=odd&index=1",
    "GET /kv/a?stale&consistent",
  ),
  ...cases(undefined, "GET /coordinate/node/none"),
  ...differing("namespaces are refused everywhere here", undefined, "GET /catalog/nodes?ns=x"),
  // Events and prepared queries.
  ...cases("payload", "PUT /event/fire/deploy?service=web", "PUT /event/fire/"),
  ...cases(undefined, "GET /event/list?name=deploy", "GET /event/list?name=none"),
  ...cases({ Name: "q", Service: { Service: "db", Tags: ["a"] } }, "PUT /query"),
  ...cases({ Name: "q", Service: {} }, "PUT /query"),
  ...cases(undefined, "GET /query", "GET /query/q/execute", "GET /query/none/execute", "GET /query/q/explain"),
  ...cases({ Node: "ext", ServiceID: "db-1" }, "PUT /catalog/deregister"),
  ...cases({ Node: "ext" }, "PUT /catalog/deregister"),
  ...differing(CLIENTS_FAULT, {}, "PUT /catalog/deregister"),
  ...cases(
    undefined,
    "PUT /agent/service/deregister/web-1",
    "PUT /agent/service/deregister/api",
    "GET /catalog/services",
  ),
];

/** Numbers of a catalog's own, and what only one of two servers can be called. */
const OWN =
  /^(CreateIndex|ModifyIndex|LockIndex|NodeID|ContentHash|TaggedAddresses|ServiceTaggedAddresses|Interval|Timeout|Index|LastContact|KnownLeader|LTime)$/;
const NODE_ID = /^[0-9a-f]{8}-/;

/** Status and body without these. What is left out, null or empty is one. */
export function mask({ status, text, headers }: Answer): readonly unknown[] {
  const isJson = /json/.test(headers["content-type"] ?? "");
  return [status, isJson ? maskValue(JSON.parse(text)) : text.trim().replaceAll(/[0-9a-f]{8}-[-0-9a-f]{27}/g, "ID")];
}

function maskValue(value: unknown): unknown {
  // Tags of several instances come in any order there.
  if (Array.isArray(value))
    return value.every((one) => typeof one === "string") ? [...value].sort() : value.map(maskValue);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value)
    .filter(([name, one]) => !OWN.test(name) && !(name === "ID" && NODE_ID.test(String(one))) && !isEmpty(one))
    .map(([name, one]) => [name, name === "Meta" || name === "NodeMeta" ? maskMeta(one) : maskValue(one)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.filter(([, one]) => !isEmpty(one)));
}

/** Servers say something of themselves in it. */
function maskMeta(meta: unknown): unknown {
  return Object.fromEntries(Object.entries(meta as object).filter(([name]) => !name.startsWith("consul-")));
}

function isEmpty(value: unknown): boolean {
  return (
    value === null ||
    value === "" ||
    value === false ||
    value === 0 ||
    (typeof value === "object" && Object.keys(value).length === 0)
  );
}
