/** register, unregister, subscribe: endpoints `{application, protocol, addr, meta}` and the instances they stand for. */
import { createHash } from "node:crypto";
import type { EndpointBody } from "@rollcall/client";
import {
  type Account,
  type Instance,
  type InstanceRecord,
  LIMITS,
  type Life,
  mainPort,
  type Outcome,
  type Refused,
  type Registry,
  refuse,
  statusOf,
} from "../../core/index.ts";
import type { Json } from "../../net/routes/json.ts";
import { Fields, hasControl } from "../wire/fields.ts";
import { WAIT_MS_MAX } from "../wire/numbers.ts";
import type { Endpoint } from "../wire/registration.ts";

/** One endpoint is one instance, whoever registers it and however often. */
export function toInstanceId({ protocol, addr }: Pick<Endpoint, "protocol" | "addr">): string {
  return `${protocol}@${addr}`;
}

export function toInstance(endpoint: Endpoint, via: string): Instance {
  const { application, protocol, host, port, meta } = endpoint;
  return {
    service: application,
    id: toInstanceId(endpoint),
    address: host,
    ports: { default: port },
    protocol,
    tags: [],
    meta,
    version: shortOf(meta, "version"),
    zone: shortOf(meta, "zone"),
    weight: 100,
    status: "passing",
    checks: [],
    via,
  };
}

/** Clients of the trio have no other place than meta to say their version and zone. */
function shortOf(meta: Endpoint["meta"], name: string): string {
  const value = Object.hasOwn(meta, name) ? (meta[name] as string) : "";
  return value.length <= LIMITS.nameLengthMax && !hasControl(value) ? value : "";
}

export function toLife({ ttlMs }: Endpoint): Life {
  return ttlMs === 0 ? "permanent" : { ttlMs };
}

/** An instance in the shape in which endpoints are registered; for those of other protocols an address is made up. */
export function toEndpoint(record: InstanceRecord): EndpointBody {
  const { service, id, protocol, meta } = record;
  const own = protocol !== "" && id.startsWith(`${protocol}@`) ? id.slice(protocol.length + 1) : undefined;
  return { application: service, protocol, addr: own ?? toAddr(record), meta: meta as Record<string, string> };
}

/** `host:port`; the address alone when there is no port. */
export function toAddr({ address, ports }: InstanceRecord): string {
  const port = mainPort(ports);
  if (port === undefined) return address;
  // Other protocols may have brought the brackets along.
  return address.includes(":") && !address.startsWith("[") ? `[${address}]:${port}` : `${address}:${port}`;
}

export interface Want {
  readonly provider: string;
  /** Empty: any. */
  readonly protocol: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** Usable, of the wanted protocol, and with all the wanted pairs in its meta. */
export function isWanted(record: InstanceRecord, { protocol, meta }: Want): boolean {
  if (protocol !== "" && record.protocol !== protocol) return false;
  for (const key in meta) if (!Object.hasOwn(record.meta, key) || record.meta[key] !== meta[key]) return false;
  const status = statusOf(record);
  return status === "passing" || status === "warning";
}

/** Every record once, in an order that does not depend on when it came. */
export function sortRecords(records: Iterable<InstanceRecord>): readonly InstanceRecord[] {
  const unique = new Map<string, InstanceRecord>();
  for (const record of records) unique.set(`${record.service}/${record.id}`, record);
  return [...unique.keys()].sort().map((key) => unique.get(key) as InstanceRecord);
}

/** The instances that these wants have found now. */
export function findEndpoints(registry: Registry, account: Account, wants: readonly Want[]): readonly InstanceRecord[] {
  return registry.read((view) => {
    const all = view.account(account);
    const found: InstanceRecord[] = [];
    for (const [provider, wanted] of byProvider(wants))
      for (const record of all?.service(provider)?.instances.values() ?? [])
        if (wanted.some((want) => isWanted(record, want))) found.push(record);
    return sortRecords(found);
  });
}

function byProvider(wants: readonly Want[]): ReadonlyMap<string, readonly Want[]> {
  const groups = new Map<string, Want[]>();
  for (const want of wants) {
    const group = groups.get(want.provider);
    if (group === undefined) groups.set(want.provider, [want]);
    else group.push(want);
  }
  return groups;
}

/** What looking for the endpoints of one subscription may cost. */
const LOOKS_MAX = 500_000;
const PAIRS_PER_LOOK = 16;

/** A look is one instance compared with one want that has not many pairs of meta. */
export function refuseBroad(registry: Registry, account: Account, wants: readonly Want[]): Refused | undefined {
  const looks = registry.read((view) => {
    const all = view.account(account);
    let sum = 0;
    for (const { provider, meta } of wants)
      sum +=
        (all?.service(provider)?.instances.size ?? 0) * (1 + Math.floor(Object.keys(meta).length / PAIRS_PER_LOOK));
    return sum;
  });
  if (looks <= LOOKS_MAX) return undefined;
  return refuse("too-large", "the subscription compares too many instances with too many wants: divide it");
}

const DIGEST_BYTES = 20;

/** Of records, which are never edited: long ones are not looked at again for each version. */
const digests = new WeakMap<InstanceRecord, Buffer>();

function digestOf(record: InstanceRecord): Buffer {
  let digest = digests.get(record);
  if (digest === undefined) {
    const { application, protocol, addr, meta } = toEndpoint(record);
    const pairs = Object.keys(meta)
      .sort()
      .map((key) => [key, meta[key]]);
    digest = createHash("sha1")
      .update(JSON.stringify([application, protocol, addr, pairs]))
      .digest();
    digests.set(record, digest);
  }
  return digest;
}

/** Changes exactly when the endpoints do, in any order, and is the same on every node and after every restart. */
export function versionOf(records: Iterable<InstanceRecord>): string {
  const sum = Buffer.alloc(DIGEST_BYTES);
  for (const record of records) {
    const digest = digestOf(record);
    for (let at = 0; at < DIGEST_BYTES; at += 4)
      sum.writeUInt32BE((sum.readUInt32BE(at) + digest.readUInt32BE(at)) >>> 0, at);
  }
  return createHash("sha1").update(sum).digest("base64url").slice(0, 22);
}

export interface Subscribing {
  readonly wants: readonly Want[];
  readonly application: string;
  readonly version: string | undefined;
  readonly waitMs: number;
}

const SUBSCRIBE_FIELDS: ReadonlySet<string> = new Set(["subscribes", "application", "version", "wait"]);
const WANT_FIELDS: ReadonlySet<string> = new Set(["provider", "protocol", "meta"]);
const WANTS_MAX = 1000;

export function decodeSubscribe(body: Json): Outcome<Subscribing> {
  const fields = new Fields(body, SUBSCRIBE_FIELDS);
  fields.need("subscribes");
  const list = fields.list("subscribes", WANTS_MAX);
  const wants = list.map((item, i) => readWant(item, `subscribes[${i}].`, fields));
  const waitMs = Math.min(fields.duration("wait", 0), WAIT_MS_MAX);
  const version = fields.has("version") ? fields.text("version", "") : undefined;
  return fields.outcome({ wants, application: fields.text("application", ""), version, waitMs });
}

function readWant(item: Json, at: string, outer: Fields): Want {
  const fields = new Fields(item, WANT_FIELDS, at);
  fields.need("provider");
  const provider = fields.text("provider", "", LIMITS.nameLengthMax);
  if (provider === "") fields.fail(`field ${at}provider must not be empty`);
  const want: Want = { provider, protocol: fields.text("protocol", ""), meta: fields.pairs("meta") };
  outer.adopt(fields.fault);
  return want;
}
