/** @live The routes as data: method, path, role, body, query parameters, handler. docs/native-api.md is this table in prose. */
import { LIMITS, SYSTEM_ACCOUNT } from "../../../core/index.ts";
import type { Body } from "../../../net/routes/body.ts";
import {
  backup,
  compact,
  createToken,
  getStatus,
  LIMIT_NAMES,
  listAccounts,
  listTokens,
  removeAccount,
  removeToken,
  setAccount,
} from "../admin/handlers.ts";
import { getMembers } from "../admin/members.ts";
import { getMetricsHistory } from "../admin/numbers.ts";
import { getProtection } from "../admin/protection.ts";
import { getWhoami } from "../admin/whoami.ts";
import { getConsumers } from "../catalog/consumers.ts";
import { explain } from "../catalog/explain.ts";
import {
  beatInstance,
  deregisterInstance,
  getInstance,
  patchInstance,
  registerInstance,
  removeOverride,
  reportCheck,
  setOverride,
} from "../catalog/instances.ts";
import { overrideMany } from "../catalog/overrides.ts";
import { getTargets } from "../catalog/prometheus.ts";
import { search } from "../catalog/search.ts";
import { getService, listInstances, listServices } from "../catalog/services.ts";
import { registerEndpoint, subscribe, unregisterEndpoint } from "../catalog/trio.ts";
import { deleteKey, deleteKeys, getKey, listKeys, putKey, transact } from "../config/handlers.ts";
import { copy, forward } from "../follow/copy.ts";
import { getEvents } from "../follow/events.ts";
import { getHook, listHooks, putHook, removeHook } from "../follow/hooks/handlers.ts";
import { SUBSCRIPTIONS_MAX } from "../follow/interest.ts";
import { watch, watchMany } from "../follow/watch.ts";
import {
  endLease,
  getLease,
  grantLease,
  listHeld,
  listLeases,
  RENEWALS_MAX,
  releaseHeld,
  renewLease,
  renewLeases,
} from "../leases/handlers.ts";
import { keepLease } from "../leases/keep.ts";
import { getChanges } from "../past/changes.ts";
import { getGone } from "../past/gone.ts";
import { getHistogram, getRevision } from "../past/histogram.ts";
import { getHistories, getInstanceHistory, getServiceHistory } from "../past/histories.ts";
import { getKeyHistory } from "../past/keys.ts";
import { FILTERS, PAGES, WAITS } from "../wire/query.ts";
import { audited, type Route, route, streaming } from "./route.ts";

const NONE: Body = { kind: "none" };
const JSON_BODY: Body = { kind: "json" };
/** Registrations are small: see LIMITS for what may be in one. */
const REGISTRATION: Body = { kind: "json", bytesMax: 1024 * 1024 };
/** 10 000 leases. */
const RENEWALS: Body = { kind: "json", bytesMax: 4 * 1024 * 1024, valuesMax: RENEWALS_MAX + 1000 };
/** Guards, and steps for both cases, of some six values each. */
const TRANSACTION: Body = { kind: "json", bytesMax: 4 * 1024 * 1024, valuesMax: 20 * LIMITS.transactionCommandsMax };
/** A value of the greatest length in any bytes, each of which may take six characters; or a long transaction. */
const COMMAND: Body = { kind: "json", bytesMax: 16 * 1024 * 1024, valuesMax: 40 * LIMITS.transactionCommandsMax };
/** An object with two members for each. */
const SUBSCRIPTIONS: Body = { kind: "json", valuesMax: 3 * SUBSCRIPTIONS_MAX + 100 };
const OPTIONAL: Body = { kind: "json", optional: true };
const VALUE: Body = { kind: "bytes", bytesMax: LIMITS.valueBytesMax };

const A = "/v2/:account";
const SERVICE = `${A}/services/:service`;
const INSTANCE = `${SERVICE}/instances/:id`;
const SELECTION = [...FILTERS, ...WAITS];

const INSTANCE_ROUTES: readonly Route[] = [
  route(
    "PUT",
    INSTANCE,
    "writer",
    REGISTRATION,
    [],
    registerInstance,
    "Register an instance, or replace it as a whole",
  ),
  route("PATCH", INSTANCE, "writer", REGISTRATION, [], patchInstance, "Change an instance by a merge patch"),
  route("GET", INSTANCE, "reader", NONE, [], getInstance, "Read one instance"),
  route("DELETE", INSTANCE, "writer", NONE, [], deregisterInstance, "Deregister an instance"),
  route("POST", `${INSTANCE}/heartbeat`, "writer", NONE, [], beatInstance, "Keep an instance alive"),
  route("PUT", `${INSTANCE}/checks/:check`, "writer", JSON_BODY, [], reportCheck, "Report a check's result"),
  audited(
    "override status",
    ["status"],
    route("PUT", `${INSTANCE}/override`, "writer", JSON_BODY, [], setOverride, "Override an instance's status"),
  ),
  audited(
    "remove override",
    [],
    route("DELETE", `${INSTANCE}/override`, "writer", NONE, [], removeOverride, "Remove the override"),
  ),
  route("GET", `${INSTANCE}/explain`, "reader", NONE, [], explain, "Say why an instance is shown, held or gone"),
  route(
    "GET",
    `${INSTANCE}/history`,
    "reader",
    NONE,
    ["from", "to"],
    getInstanceHistory,
    "Say which status it had when",
  ),
];

const CATALOG_ROUTES: readonly Route[] = [
  route("GET", `${A}/services`, "reader", NONE, [...SELECTION, ...PAGES], listServices, "List services"),
  route("GET", SERVICE, "reader", NONE, [...SELECTION, "consumer"], getService, "Read one service"),
  audited(
    "override statuses",
    ["filter", "status", "dry"],
    route("POST", `${A}/overrides`, "writer", JSON_BODY, [], overrideMany, "Override the status of all that match"),
  ),
  route("GET", `${A}/search`, "reader", NONE, ["q", "limit"], search, "Search names, addresses and keys"),
  route("GET", `${A}/instances`, "reader", NONE, [...SELECTION, ...PAGES], listInstances, "List instances"),
  route("POST", `${A}/register`, "writer", REGISTRATION, [], registerEndpoint, "Register an endpoint"),
  route("POST", `${A}/unregister`, "writer", REGISTRATION, [], unregisterEndpoint, "Remove an endpoint"),
  route("POST", `${A}/subscribe`, "reader", JSON_BODY, [], subscribe, "Find the endpoints of providers"),
  route(
    "GET",
    `${A}/consumers`,
    "reader",
    NONE,
    ["provider", "consumer"],
    getConsumers,
    "List who subscribes to which provider",
  ),
];

const LEASE_ROUTES: readonly Route[] = [
  route("POST", `${A}/leases`, "writer", JSON_BODY, [], grantLease, "Grant a lease"),
  route("GET", `${A}/leases`, "reader", NONE, PAGES, listLeases, "List leases"),
  route("POST", `${A}/leases/renew`, "writer", RENEWALS, [], renewLeases, "Renew many leases"),
  route("GET", `${A}/leases/:lease`, "reader", NONE, [], getLease, "Read one lease and what it keeps alive"),
  route("DELETE", `${A}/leases/:lease`, "writer", NONE, [], endLease, "End a lease and all that it keeps alive"),
  route("POST", `${A}/leases/:lease/renew`, "writer", NONE, [], renewLease, "Renew a lease"),
  streaming(
    "GET",
    `${A}/leases/:lease/session`,
    "writer",
    NONE,
    ["linger"],
    keepLease,
    "Keep a lease alive by an open stream",
  ),
  route("GET", `${A}/protection`, "reader", NONE, [], getProtection, "Say what protection holds, why and until when"),
  route("GET", `${A}/held`, "reader", NONE, PAGES, listHeld, "List leases that protection holds"),
  audited(
    "release held leases",
    ["leases", "service"],
    route("POST", `${A}/held/release`, "admin", OPTIONAL, ["dry"], releaseHeld, "Let held leases go now"),
  ),
];

const CONFIG_ROUTES: readonly Route[] = [
  route("GET", `${A}/config`, "reader", NONE, ["prefix", ...PAGES, ...WAITS], listKeys, "List keys by prefix"),
  route("DELETE", `${A}/config`, "writer", NONE, ["prefix"], deleteKeys, "Delete all keys with a prefix"),
  route("GET", `${A}/config/*`, "reader", NONE, ["raw", ...WAITS], getKey, "Read a key"),
  route("PUT", `${A}/config/*`, "writer", VALUE, ["lease"], putKey, "Write a key: the body is its value"),
  route("DELETE", `${A}/config/*`, "writer", NONE, [], deleteKey, "Delete a key"),
  route("POST", `${A}/transactions`, "writer", TRANSACTION, [], transact, "Change keys all or none, under conditions"),
];

const WATCHED = ["service+", "key+", "prefix+", "consumer", ...WAITS];

const PAST_ROUTES: readonly Route[] = [
  route(
    "GET",
    `${A}/changes`,
    "reader",
    NONE,
    ["from", "to", "start", "limit"],
    getChanges,
    "Say what is different between two moments",
  ),
  route(
    "GET",
    `${SERVICE}/gone`,
    "reader",
    NONE,
    ["since", "before", "limit"],
    getGone,
    "List instances that went, and why",
  ),
  route("GET", `${A}/config-history/*`, "reader", NONE, ["before", "limit"], getKeyHistory, "List a key's versions"),
  route(
    "GET",
    `${A}/events/histogram`,
    "reader",
    NONE,
    ["from", "to", "buckets", "type+", "service+", "instance", "lease", "key", "prefix"],
    getHistogram,
    "Count events over time",
  ),
  route("GET", `${A}/revisions`, "reader", NONE, ["at"], getRevision, "Find the revision at a time, or its time"),
  route("POST", `${A}/histories`, "reader", JSON_BODY, [], getHistories, "Say which status instances had when"),
  route(
    "GET",
    `${SERVICE}/history`,
    "reader",
    NONE,
    ["from", "to", "buckets"],
    getServiceHistory,
    "Count a service's instances by status over time",
  ),
];

const EVENTS = [
  ...["after", "before", "since", "until", "limit", "wait"],
  ...["type+", "service+", "instance", "lease", "key", "prefix", "brief"],
];

const FOLLOW_ROUTES: readonly Route[] = [
  streaming("GET", `${A}/watch`, "reader", NONE, WATCHED, watch, "Follow commits, by stream or long poll"),
  streaming("POST", `${A}/watch`, "reader", SUBSCRIPTIONS, [], watchMany, "Follow many subscriptions over one stream"),
  streaming("GET", `${A}/events`, "reader", NONE, EVENTS, getEvents, "Read the events feed"),
];

const HOOK = `${A}/hooks/:hook`;

const HOOK_ROUTES: readonly Route[] = [
  route("GET", `${A}/hooks`, "reader", NONE, [], listHooks, "List hooks"),
  route("GET", HOOK, "reader", NONE, [], getHook, "Read a hook and how far it has come"),
  audited(
    "set hook",
    [],
    route("PUT", HOOK, "writer", JSON_BODY, [], putHook, "Have events posted to a URL, or change what and where"),
  ),
  audited("remove hook", [], route("DELETE", HOOK, "writer", NONE, [], removeHook, "Remove a hook")),
];

/** For agents, which show an account as it is here. */
const COPY_ROUTES: readonly Route[] = [
  streaming("GET", `${A}/copy`, "reader", NONE, ["after", "head"], copy, "Copy an account and follow its commits"),
  route("POST", `${A}/commands`, "writer", COMMAND, [], forward, "Carry out a command of the core"),
];

const TARGETS = "/sd/prometheus/:account";

const DISCOVERY_ROUTES: readonly Route[] = [
  route("GET", TARGETS, "reader", NONE, FILTERS, getTargets, "List an account's instances for Prometheus"),
  route("GET", `${TARGETS}/:service`, "reader", NONE, FILTERS, getTargets, "List a service's instances for Prometheus"),
];

const STATUS_ROUTES: readonly Route[] = [
  route("GET", "/v2/_/status", "reader", NONE, [], getStatus, "Read this node's state"),
  route("GET", "/v2/_/members", "reader", NONE, [], getMembers, "List the nodes that share the registry"),
  route(
    "GET",
    "/v2/_/metrics/history",
    "reader",
    NONE,
    ["series+", "from", "step"],
    getMetricsHistory,
    "Read the latest hour or day of this node's numbers",
  ),
  route("GET", "/v2/_/whoami", "reader", NONE, [], getWhoami, "Say who asks, and what that one may do"),
];

/** Administration concerns all accounts: a token of one account is not enough. */
const ADMIN_ROUTES: readonly Route[] = [
  route("GET", "/v2/_/tokens", "admin", NONE, [], listTokens, "List tokens"),
  audited(
    "create token",
    ["name", "account", "role"],
    route("POST", "/v2/_/tokens", "admin", JSON_BODY, [], createToken, "Create a token"),
  ),
  audited("remove token", [], route("DELETE", "/v2/_/tokens/:token", "admin", NONE, [], removeToken, "Remove a token")),
  route("GET", "/v2/_/accounts", "admin", NONE, [], listAccounts, "List accounts"),
  audited(
    "set account",
    LIMIT_NAMES,
    route("PUT", "/v2/_/accounts/:name", "admin", OPTIONAL, [], setAccount, "Create an account or change its limits"),
  ),
  audited(
    "remove account",
    [],
    route("DELETE", "/v2/_/accounts/:name", "admin", NONE, ["contents"], removeAccount, "Remove an account"),
  ),
  audited("take backup", [], streaming("GET", "/v2/_/backup", "admin", NONE, [], backup, "Download a backup")),
  audited(
    "forget history",
    ["revision"],
    route("POST", "/v2/_/compact", "admin", JSON_BODY, [], compact, "Forget history up to a revision"),
  ),
].map((admin) => ({ ...admin, account: SYSTEM_ACCOUNT }));

export const ROUTES: readonly Route[] = [
  ...INSTANCE_ROUTES,
  ...CATALOG_ROUTES,
  ...LEASE_ROUTES,
  ...CONFIG_ROUTES,
  ...FOLLOW_ROUTES,
  ...PAST_ROUTES,
  ...HOOK_ROUTES,
  ...COPY_ROUTES,
  ...DISCOVERY_ROUTES,
  ...STATUS_ROUTES,
  ...ADMIN_ROUTES,
];
