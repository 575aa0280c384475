/** Services and checks as clients ask for them: read from bodies, and made into instances. */
import { isIP } from "node:net";
import {
  type Check,
  type Instance,
  type Outcome,
  ok,
  PROBES,
  type Probe,
  type Refused,
  refuse,
  refuseCheck,
} from "../../../core/index.ts";
import type { Fields } from "../wire/fields.ts";
import { type CheckExtras, type Extras, encodeExtras, type Tagged } from "./extras.ts";
import { WEIGHT_DEFAULT } from "./listing.ts";
import type { CheckStatus, RunCheck } from "./nodes.ts";
import { instanceIdOf, META, type Place, VIA } from "./place.ts";
import type { Alias } from "./watched.ts";

export interface WishedService {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly extras: Extras;
}

/** What carries a check out. */
export type CheckType = "" | "ttl" | "alias" | "http" | "tcp" | "grpc" | "udp" | "h2ping";

export interface WishedCheck {
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly output: string;
  readonly type: CheckType;
  /** Of a ttl check. */
  readonly ttlMs: number;
  readonly extras: CheckExtras;
  /** Of one that the registry runs. */
  readonly run?: RunCheck;
  readonly alias?: Alias;
}

const META_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const META_PAIRS_MAX = 64;
const META_VALUE_MAX = 512;
const WEIGHT_MAX = 65_535;
const NOTES_MAX = 2048;

/** The service of a body, in the agent's spelling; `Service` for the name is the catalog's. */
export function readService(fields: Fields): WishedService {
  const weights = fields.object("Weights");
  const taggedAddresses = readTagged(fields);
  const kind = fields.text("Kind");
  const socketPath = fields.text("SocketPath", "socket_path");
  const [proxy, connect] = [fields.raw("Proxy"), fields.raw("Connect")];
  const name = fields.text("Name") || fields.text("Service");
  return {
    id: fields.text("ID") || name,
    name,
    address: fields.text("Address"),
    port: fields.whole("Port", 0, 65_535),
    tags: fields.texts("Tags"),
    meta: fields.pairs("Meta"),
    extras: {
      ...(weights === undefined ? {} : { weights: readWeights(weights) }),
      ...(fields.flag("EnableTagOverride", "enable_tag_override") ? { enableTagOverride: true as const } : {}),
      ...(taggedAddresses === undefined ? {} : { taggedAddresses }),
      ...(kind === "" ? {} : { kind }),
      ...(socketPath === "" ? {} : { socketPath }),
      ...(proxy == null ? {} : { proxy }),
      ...(connect == null ? {} : { connect }),
    },
  };
}

function readWeights(weights: Fields): NonNullable<Extras["weights"]> {
  return { Passing: weights.whole("Passing", 0, WEIGHT_MAX), Warning: weights.whole("Warning", 0, WEIGHT_MAX) };
}

function readTagged(fields: Fields): Readonly<Record<string, Tagged>> | undefined {
  const named = fields.named("TaggedAddresses", "tagged_addresses");
  if (named.length === 0) return undefined;
  return Object.fromEntries(
    named.map(([name, one]) => [name, { Address: one.text("Address"), Port: one.whole("Port", 0, 65_535) }]),
  );
}

/** In the original's words. */
export function refuseService({ name, address, meta, extras }: WishedService): Refused | undefined {
  if (name === "") return refuse("invalid", "Missing service name");
  if (/^(?:0\.0\.0\.0|::|\[::\])$/.test(address)) return refuse("invalid", "Invalid service address");
  for (const tagged of Object.values(extras.taggedAddresses ?? {}))
    if (/^(?:0\.0\.0\.0|::|\[::\])$/.test(tagged.Address)) return refuse("invalid", "Invalid tagged address");
  return refuseMeta(meta, "Service");
}

/** What an agent refuses beside; a catalog takes it, since Go's client sends weights of 0 there when it has none. */
export function refuseWeights({ extras }: WishedService): Refused | undefined {
  if (extras.weights?.Passing !== 0) return undefined;
  return refuse("invalid", "Invalid Weights: Passing must be greater than 0");
}

export function refuseMeta(meta: Readonly<Record<string, string>>, of: "Service" | "Node"): Refused | undefined {
  const names = Object.keys(meta);
  if (names.length > META_PAIRS_MAX)
    return refuse("invalid", `Invalid ${of} Meta: cannot contain more than ${META_PAIRS_MAX} key/value pairs`);
  for (const name of names) {
    const value = meta[name] as string;
    const pair = `Couldn't load metadata pair ('${name.slice(0, 100)}', '${value.slice(0, 100)}')`;
    if (!META_NAME.test(name)) return refuse("invalid", `Invalid ${of} Meta: ${pair}: Key contains invalid characters`);
    if (value.length > META_VALUE_MAX)
      return refuse("invalid", `Invalid ${of} Meta: ${pair}: Value is too long (limit: ${META_VALUE_MAX} characters)`);
  }
  return undefined;
}

/** Kinds of checks by the member that asks for them: of several the first. */
const KINDS: readonly (readonly [member: string, aliases: readonly string[], type: string])[] = [
  ["DockerContainerID", ["docker_container_id"], "docker"],
  ["Script", [], "script"],
  ["GRPC", [], "grpc"],
  ["HTTP", [], "http"],
  ["TCP", [], "tcp"],
  ["UDP", [], "udp"],
  ["H2PING", [], "h2ping"],
  ["OSService", ["os_service"], "os_service"],
];

const DEREGISTER_AFTER_MS_MIN = 60_000;
const TIMEOUT_MS = 10_000;

/** A check that the agent is to keep. `fallback`: its id and name where it says none. */
export function readCheck(
  fields: Fields,
  fallback: { readonly id: string; readonly name: string },
): Outcome<WishedCheck> {
  const ttlMs = fields.durationMs("TTL") ?? 0;
  const intervalMs = fields.durationMs("Interval") ?? 0;
  const status = fields.text("Status") || "critical";
  const name = fields.text("Name");
  const id = fields.text("CheckID", "check_id") || fields.text("ID") || fallback.id || name;
  const kind = KINDS.find(([member, aliases]) => fields.text(member, ...aliases) !== "")?.[2];
  const hasArgs = fields.texts("Args").length > 0 || fields.texts("ScriptArgs").length > 0;
  const after = fields.durationMs("DeregisterCriticalServiceAfter", "deregister_critical_service_after");
  const notes = fields.text("Notes").slice(0, NOTES_MAX);
  const probe = readProbe(fields, kind);
  const timeoutMs = fields.durationMs("Timeout") ?? 0;
  const alias = { node: fields.text("AliasNode", "alias_node"), service: fields.text("AliasService", "alias_service") };
  const isAlias = alias.node !== "" || alias.service !== "";
  const outputMax = fields.raw("OutputMaxSize");
  if (fields.wrong !== undefined) return fields.wrong;
  const wrong = refuseKind(hasArgs ? "script" : kind, isAlias, ttlMs, intervalMs) ?? refuseRow(fields);
  if (wrong !== undefined) return wrong;
  if (typeof outputMax === "number" && outputMax < 0)
    return refuse("invalid", "Invalid check: MaxOutputMaxSize must be positive");
  if (status !== "passing" && status !== "warning" && status !== "critical")
    return refuse("invalid", "Status for checks must 'passing', 'warning', 'critical'");
  const type = (kind ?? (isAlias ? "alias" : "ttl")) as CheckType;
  const extras: CheckExtras = {
    type,
    ...(notes === "" ? {} : { notes }),
    ...(after === undefined || after <= 0 ? {} : { deregisterAfterMs: Math.max(after, DEREGISTER_AFTER_MS_MIN) }),
  };
  const wished: WishedCheck = { id, name: name || fallback.name, status, output: "", type, ttlMs, extras };
  if (type === "alias") return ok({ ...wished, alias });
  const runKind = RUN[type];
  if (runKind === undefined) return ok(wished);
  const run: RunCheck = {
    kind: runKind,
    target: fields.text(type.toUpperCase()),
    // What is shorter is raised, as in the original, which has no bound above.
    intervalMs: Math.min(Math.max(intervalMs, PROBES.intervalMsMin), PROBES.intervalMsMax),
    timeoutMs: Math.min(Math.max(timeoutMs || TIMEOUT_MS, PROBES.timeoutMsMin), PROBES.timeoutMsMax),
    ...(Object.keys(probe).length === 0 ? {} : { probe }),
  };
  const whole = { ...wished, run };
  const refused = refuseCheck(toCheck(whole, undefined));
  return refused === undefined ? ok(whole) : refuse("invalid", `Invalid check: ${refused.detail}`);
}

function readProbe(fields: Fields, kind: string | undefined): Probe {
  const method = fields.text("Method").toUpperCase();
  const headers = readHeaders(fields);
  const body = fields.text("Body");
  const serverName = fields.text("TLSServerName", "tls_server_name");
  const rise = fields.whole("SuccessBeforePassing", 0, PROBES.rowMax, 0);
  const fall = fields.whole("FailuresBeforeCritical", 0, PROBES.rowMax, 0);
  const warnAfter = fields.whole("FailuresBeforeWarning", 0, PROBES.rowMax, 0);
  return {
    ...(method === "" || method === "GET" ? {} : { method }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === "" ? {} : { body }),
    ...(kind === "http" && !fields.flag("DisableRedirects", "disable_redirects") ? { redirects: true } : {}),
    ...(fields.flag("GRPCUseTLS", "grpc_use_tls") || isPingByTls(fields, kind) ? { tls: true } : {}),
    ...(fields.flag("TLSSkipVerify", "tls_skip_verify") ? { skipVerify: true } : {}),
    ...(serverName === "" ? {} : { serverName }),
    ...(rise > 1 ? { rise } : {}),
    ...(fall > 1 ? { fall } : {}),
    ...(warnAfter > 0 && warnAfter < fall ? { warnAfter } : {}),
  };
}

/** A ping goes by TLS unless it is said that it does not. */
function isPingByTls(fields: Fields, kind: string | undefined): boolean {
  const isSaid = fields.flag("H2PingUseTLS", "h2ping_use_tls");
  const isLeftOut = fields.raw("H2PingUseTLS") == null && fields.raw("h2ping_use_tls") == null;
  return kind === "h2ping" && (isSaid || isLeftOut);
}

/** Lists of values by name. */
function readHeaders(fields: Fields): NonNullable<Probe["headers"]> {
  const header = fields.object("Header");
  if (header === undefined) return {};
  const given = fields.raw("Header") as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.keys(given).map((name) => [name, header.texts(name)]));
}

function refuseRow(fields: Fields): Refused | undefined {
  const warnAfter = fields.whole("FailuresBeforeWarning", 0, PROBES.rowMax, 0);
  const fall = fields.whole("FailuresBeforeCritical", 0, PROBES.rowMax, 0);
  return warnAfter > fall
    ? refuse("invalid", "Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical")
    : undefined;
}

/** As the original tells where a service is whose address is one. */
export function withTagged(service: WishedService): WishedService {
  const family = isIP(service.address);
  if (family === 0) return service;
  const spot = { Address: service.address, Port: service.port };
  const { taggedAddresses } = service.extras;
  const all = { [`lan_ipv${family}`]: spot, [`wan_ipv${family}`]: spot, ...taggedAddresses };
  return { ...service, extras: { ...service.extras, taggedAddresses: all } };
}

/** Those that the registry runs. */
const RUN: Partial<Readonly<Record<CheckType, RunCheck["kind"]>>> = {
  http: "http",
  tcp: "tcp",
  grpc: "grpc",
  udp: "udp",
  h2ping: "http2",
};

/** In the original's words, where it has any. */
function refuseKind(
  kind: string | undefined,
  isAlias: boolean,
  ttlMs: number,
  intervalMs: number,
): Refused | undefined {
  if (kind === "script" || kind === "docker")
    return refuse(
      "unsupported",
      "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true",
    );
  if (ttlMs > 0 && intervalMs > 0) return refuse("invalid", "Invalid check: Interval and TTL cannot both be specified");
  if (isAlias && kind !== undefined && intervalMs > 0)
    return refuse("invalid", "Invalid check: Interval cannot be set for Alias checks");
  if (isAlias && kind === undefined)
    return ttlMs > 0 ? refuse("invalid", "Invalid check: TTL must be not be set for Alias checks") : undefined;
  if (kind !== undefined && intervalMs <= 0)
    return refuse(
      "invalid",
      "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks",
    );
  if (kind !== undefined) return kind === "os_service" ? NO_SERVICES_OF_SYSTEM : undefined;
  return ttlMs > 0 ? undefined : refuse("invalid", "Invalid check: TTL must be > 0 for TTL checks");
}

/** What the original says of it on all systems but one. */
const NO_SERVICES_OF_SYSTEM = refuse("unsupported", "not implemented");

const NOT_RUN = { target: "", intervalMs: 0, timeoutMs: 0 };

/** As the catalog keeps it, with the result that it had. */
export function toCheck(
  wished: WishedCheck,
  before: Pick<Check, "status" | "output" | "reportedAtMs"> | undefined,
): Check {
  const kind = wished.type === "ttl" ? "ttl" : "reported";
  const { probe, ...run }: RunCheck = wished.run ?? { kind, ...NOT_RUN };
  return {
    id: wished.id,
    name: wished.name,
    ...run,
    status: before?.status ?? wished.status,
    output: before?.output ?? wished.output,
    reportedAtMs: before?.reportedAtMs ?? 0,
    ...(probe === undefined ? {} : { probe }),
  };
}

/** `nodeAddress`: where it is when it says nothing itself. */
export function toInstance(
  wished: WishedService,
  place: Place,
  agentNode: string,
  nodeAddress: string,
  checks: readonly Check[],
  checkExtras: Readonly<Record<string, CheckExtras>>,
): Instance {
  const { name, address, port, tags, meta, extras } = wished;
  const id = instanceIdOf(place, agentNode);
  const all: Extras = {
    ...extras,
    ...(address === "" ? { noAddress: true as const } : {}),
    ...(Object.keys(checkExtras).length === 0 ? {} : { checks: checkExtras }),
  };
  const note = encodeExtras(all);
  return {
    service: name,
    id,
    address: address === "" ? nodeAddress : address,
    ports: port === 0 ? {} : { default: port },
    protocol: "",
    tags,
    meta: {
      ...meta,
      ...(place.node.toLowerCase() === agentNode.toLowerCase() ? {} : { [META.node]: place.node }),
      ...(id === place.id ? {} : { [META.id]: place.id }),
      ...(note === undefined ? {} : { [META.extras]: note }),
    },
    version: meta.version ?? "",
    zone: "",
    weight: extras.weights?.Passing || WEIGHT_DEFAULT,
    status: "passing",
    checks,
    via: VIA,
  };
}
