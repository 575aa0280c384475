/**
 * Curator's service discovery: `<prefix><service>/<id>` with the JSON `{"name","id","address","port","sslPort","payload",
 * "registrationTimeUTC","serviceType","uriSpec","enabled"}`. With a class of payloads that have an id, a name and metadata
 * these are the instance's meta: Spring Cloud's, and Dubbo's of applications.
 */
import {
  type Bytes,
  type Instance,
  type InstanceRecord,
  type Layout,
  type Status,
  statusOf,
  toBytes,
} from "../core/index.ts";
import { createFolders } from "./folders.ts";
import { isObject, type JsonObject, parseObject, sameStrings } from "./json.ts";

const KIND = "curator";

/** By kind: the class of payloads that say an instance's meta. */
export const PAYLOADS: Readonly<Record<string, string>> = {
  "spring-cloud": "org.springframework.cloud.zookeeper.discovery.ZookeeperInstance",
  dubbo: "org.apache.dubbo.registry.zookeeper.ZookeeperInstance",
};

/** By kind: how a client is to put an address together, where it does not know by itself. */
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "spring-cloud": ["{scheme}", "://", "{address}", ":", "{port}"],
};

/** What the other port is called. */
const SECURE = "ssl";
/** Those that are offered to clients. */
const OFFERED: ReadonlySet<Status> = new Set<Status>(["passing", "warning"]);

/** Instances under this prefix, which ends with a slash: one folder for each service. */
export function createCurator(prefix: Bytes, kind = KIND): Layout {
  const made = { payload: PAYLOADS[kind], uriSpec: toUriSpec(ADDRESSES[kind]) };
  return createFolders(prefix, {
    kind,
    // Ids have no slash in them, as the names of nodes.
    isName: () => true,
    numbered: (id) => `${id}_`,
    read: (entry, known, { service }) =>
      entry.name === service && typeof entry.id === "string" ? readEntry(entry, known) : undefined,
    toValue: (record, before) => toValue(made, record, before),
  });
}

/** As Curator writes it: what stands in braces is filled in. */
function toUriSpec(parts: readonly string[] | undefined) {
  if (parts === undefined) return null;
  return { parts: parts.map((part) => ({ value: part.replace(/[{}]/g, ""), variable: part.startsWith("{") })) };
}

/** What an entry says that comes of another dialect. */
interface Made {
  readonly payload: string | undefined;
  readonly uriSpec: unknown;
}

type Said = Pick<Instance, "address" | "ports" | "status" | "meta">;

/** What an entry says; undefined when it is none. */
function readEntry(entry: JsonObject, known: InstanceRecord | null): Said | undefined {
  const { address, port, sslPort, enabled = true } = entry;
  if (typeof address !== "string" || address === "" || typeof enabled !== "boolean") return undefined;
  const [plain, secure] = [readPort(port), readPort(sslPort)];
  if (plain === undefined && secure === undefined) return undefined;
  const ports: Record<string, number> = { ...others(known) };
  if (secure !== undefined) ports[SECURE] = secure;
  if (plain !== undefined) ports.default = plain;
  const status = enabled ? "passing" : "draining";
  // Whether it is offered is all that an entry says.
  const isSame = known !== null && OFFERED.has(statusOf(known)) === enabled;
  return { address, ports, status: isSame ? known.status : status, meta: metaOf(entry) ?? known?.meta ?? {} };
}

function readPort(raw: unknown): number | undefined {
  return typeof raw === "number" && Number.isInteger(raw) && raw > 0 && raw <= 65_535 ? raw : undefined;
}

/** An entry has two ports: those that an instance has beside them stay. */
function others(known: InstanceRecord | null): Instance["ports"] {
  return Object.fromEntries(
    Object.entries(known?.ports ?? {}).filter(([name]) => name !== "default" && name !== SECURE),
  );
}

/** Undefined where a payload says nothing of it. */
function metaOf({ payload }: JsonObject): Record<string, string> | undefined {
  const metadata = isObject(payload) ? payload.metadata : undefined;
  if (!isObject(metadata)) return undefined;
  const meta: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) if (typeof value === "string") meta[name] = value;
  return meta;
}

/** The bytes before if they mean the same, else what they say with what has changed. */
function toValue(made: Made, record: InstanceRecord, before: Bytes | null): Bytes | null {
  const { service: name, id, address, ports, meta, createdAtMs, lease } = record;
  const [port = null, sslPort = null] = [portOf(record), readPort(ports[SECURE])];
  if ((port === null && sslPort === null) || address === "") return null;
  const enabled = OFFERED.has(statusOf(record));
  const entry = before === null ? undefined : parseObject(before);
  if (before !== null && entry !== undefined && says(entry, record, port, sslPort, enabled)) return before;
  const known = isObject(entry?.payload) ? entry.payload : undefined;
  const own = made.payload === undefined ? undefined : { "@class": made.payload, id, name };
  const keepsMeta = known !== undefined ? isObject(known.metadata) : own !== undefined;
  const payload = keepsMeta ? { ...own, ...known, metadata: meta } : (entry?.payload ?? null);
  return toBytes(
    JSON.stringify({
      name,
      id,
      registrationTimeUTC: createdAtMs,
      serviceType: lease === null ? "PERMANENT" : "DYNAMIC",
      uriSpec: made.uriSpec,
      ...entry,
      address,
      port,
      sslPort,
      payload,
      enabled,
    }),
  );
}

/** `default`, else the first by name that is not the secure one. */
function portOf({ ports }: InstanceRecord): number | undefined {
  const names = Object.keys(ports).filter((name) => name !== SECURE && (ports[name] ?? 0) > 0);
  return readPort(ports.default) ?? ports[names.sort()[0] ?? ""];
}

function says(
  entry: JsonObject,
  record: InstanceRecord,
  port: number | null,
  sslPort: number | null,
  enabled: boolean,
): boolean {
  const said = readEntry(entry, null);
  if (said === undefined || said.address !== record.address || (entry.enabled ?? true) !== enabled) return false;
  const meta = metaOf(entry);
  return (
    (readPort(entry.port) ?? null) === port &&
    (readPort(entry.sslPort) ?? null) === sslPort &&
    (meta === undefined || sameStrings(meta, record.meta))
  );
}
