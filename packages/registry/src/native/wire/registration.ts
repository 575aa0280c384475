/** The bodies by which instances and endpoints are registered. */
import {
  type Instance,
  type InstanceRecord,
  LIMITS,
  type Life,
  type Outcome,
  type Ports,
  type Refused,
  refuse,
} from "../../core/index.ts";
import { TTL_MS_MAX } from "../../dialects/contract.ts";
import type { Json } from "../../net/routes/json.ts";
import { readChecks, toRegisterCheck } from "./checks.ts";
import { Fields, isObject, isPort, type Members } from "./fields.ts";

/** The ttl of a registration that says nothing. */
export const TTL_MS_DEFAULT = 30_000;

export interface Registration {
  readonly instance: Instance;
  readonly life: Life;
}

const REGISTER_FIELDS: ReadonlySet<string> = new Set([
  "address",
  "port",
  "ports",
  "protocol",
  "tags",
  "meta",
  "version",
  "zone",
  "weight",
  "status",
  "checks",
  "ttl",
  "lease",
]);

/** A whole RegisterBody, by the dialect `via`. `silent` is how it lives when the body says neither ttl nor lease. */
export function decodeRegister(
  body: Json,
  service: string,
  id: string,
  via: string,
  silent: Life = { ttlMs: TTL_MS_DEFAULT },
): Outcome<Registration> {
  const fields = new Fields(body, REGISTER_FIELDS);
  fields.need("address");
  const instance: Instance = {
    service,
    id,
    address: readAddress(fields),
    ports: readPorts(fields),
    protocol: fields.printable("protocol", ""),
    tags: fields.printables("tags", LIMITS.tagsMax, LIMITS.tagLengthMax),
    meta: fields.printablePairs("meta"),
    version: fields.printable("version", ""),
    zone: fields.printable("zone", ""),
    weight: fields.integer("weight", 100, 0, 65535),
    status: fields.status("status", "passing"),
    checks: readChecks(fields),
    via,
  };
  return fields.outcome({ instance, life: readLife(fields, silent) });
}

const BRACKETED = /^\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]$/;

/** `http://host`, `host/path`, `host:80`, `[::1]:80`. An IPv6 address has more than one colon. */
const NO_ADDRESS = /\/|^[^:]*:[0-9]+$|\]:[0-9]+$/;

/** Brackets only tell an IPv6 address from its port (RFC 3986 §3.2.2): they are no part of it. */
function readAddress(fields: Fields): string {
  const address = fields.printable("address", "", LIMITS.addressLengthMax);
  if (address === "") fields.fail("field address must not be empty");
  if (/\s/.test(address)) fields.fail("field address must not hold blanks");
  if (NO_ADDRESS.test(address))
    fields.fail("field address must be a host name or an IP address alone: the port has a field of its own");
  return BRACKETED.exec(address)?.[1] ?? address;
}

function readPorts(fields: Fields): Ports {
  const ports = fields.ports("ports");
  if (!fields.has("port")) return ports;
  const port = fields.raw("port");
  if (!isPort(port)) fields.expected("port", "an integer from 0 to 65535", port);
  else if (ports.default === undefined) return { default: port as number, ...ports };
  else if (ports.default !== port) fields.fail("fields port and ports.default differ");
  return ports;
}

function readLife(fields: Fields, silent: Life): Life {
  if (fields.has("lease")) {
    if (fields.has("ttl")) fields.fail("give either ttl or lease, not both");
    const lease = fields.text("lease", "", LIMITS.idLengthMax * 2);
    if (lease === "") fields.fail("field lease must not be empty");
    return { lease };
  }
  if (!fields.has("ttl")) return silent;
  const ttlMs = readTtl(fields, TTL_MS_DEFAULT, true);
  return ttlMs === 0 ? "permanent" : { ttlMs };
}

/** A ttl within the limits; 0 only where something can be permanent. */
export function readTtl(fields: Fields, fallbackMs: number, permanent: boolean): number {
  const ttlMs = fields.duration("ttl", fallbackMs);
  if ((ttlMs === 0 && permanent) || (ttlMs >= LIMITS.ttlMsMin && ttlMs <= TTL_MS_MAX)) return ttlMs;
  const range = `from ${LIMITS.ttlMsMin / 1000}s to ${TTL_MS_MAX / 3_600_000}h`;
  fields.fail(`field ttl must be ${permanent ? "0 (permanent) or " : ""}${range}`);
  return fallbackMs;
}

/** The body that a merge patch makes of a record; to be decoded like any other. */
export function patchRegisterBody(record: InstanceRecord, patch: Json): Json {
  const { ports, ...rest } = toRegisterBody(record);
  if (!isObject(patch) || patch.port === undefined) return mergePatch({ ...rest, ports }, patch);
  // `port` is another word for `ports.default`: the new one replaces the old one whatever it was called.
  const { default: _, ...others } = ports as Record<string, number>;
  return mergePatch({ ...rest, ports: others }, patch);
}

/** The RegisterBody that would register this record anew: what a merge patch is applied to. */
function toRegisterBody(record: InstanceRecord): Members {
  return {
    address: record.address,
    ports: { ...record.ports },
    protocol: record.protocol,
    tags: [...record.tags],
    meta: { ...record.meta },
    version: record.version,
    zone: record.zone,
    weight: record.weight,
    status: record.status,
    checks: record.checks.map(toRegisterCheck),
  };
}

const MERGE_DEPTH_MAX = 32;

/** RFC 7396 §2: members of the patch replace, null removes, objects are merged. */
export function mergePatch(target: Json, patch: Json, depth = 0): Json {
  if (!isObject(patch) || depth > MERGE_DEPTH_MAX) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else
      Object.defineProperty(merged, name, {
        value: mergePatch(Object.hasOwn(merged, name) ? merged[name] : undefined, value, depth + 1),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return merged;
}

const ENDPOINT_FIELDS: ReadonlySet<string> = new Set(["application", "protocol", "addr", "meta", "ttl"]);

export interface Endpoint {
  readonly application: string;
  readonly protocol: string;
  readonly addr: string;
  readonly host: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly ttlMs: number;
}

/** The body of register and unregister. */
export function decodeEndpoint(body: Json): Outcome<Endpoint> {
  const fields = new Fields(body, ENDPOINT_FIELDS);
  for (const name of ["application", "protocol", "addr"]) fields.need(name);
  const application = fields.text("application", "");
  const protocol = fields.printable("protocol", "");
  const addr = fields.printable("addr", "", LIMITS.addressLengthMax);
  const at = splitAddr(addr);
  if (!at.ok) fields.adopt(at);
  if (application === "") fields.fail("field application must not be empty");
  if (protocol === "" || /[/@\s]/.test(protocol)) fields.fail('field protocol must be a name such as "http"');
  const { host, port } = at.ok ? at.value : { host: "", port: 0 };
  const ttlMs = readTtl(fields, TTL_MS_DEFAULT, true);
  return fields.outcome({ application, protocol, addr, host, port, meta: fields.printablePairs("meta"), ttlMs });
}

/** Splits `host:port`; an IPv6 address stands in brackets. */
export function splitAddr(addr: string): Outcome<{ host: string; port: number }> {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:/[\]@]+)):([0-9]{1,5})$/.exec(addr);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65535) return { ok: true, value: { host, port } };
  return refuse("invalid", 'field addr must be "host:port", with an IPv6 address in brackets') satisfies Refused;
}
