/**
 * Dubbo's providers by interface: `<prefix><interface>/providers/<URL>`, where the name of the entry is all that is said,
 * `dubbo://10.0.0.1:20880/org.shop.Greeter?version=1.0.0&methods=greet&…` as a form would be encoded. Such names are
 * longer than any id, so an instance is called by its address and a hash of the name.
 */
import {
  type Bytes,
  fromBytes,
  type Instance,
  type InstanceKey,
  type InstanceRecord,
  type Layout,
  LIMITS,
  mainPort,
  toBytes,
  UNSAID,
} from "../core/index.ts";
import { sameStrings } from "./json.ts";

const KIND = "dubbo-interfaces";
const FOLDER = "providers";
/** What is spoken where an instance does not say. */
const PROTOCOL = "dubbo";
/** The number of an entry that is made of an instance is its time, as far as Dubbo knows. */
const NUMBER = "timestamp";
const DIGITS = 10;
/** Without the number, and what stands before the name. */
const NAME_BYTES_MAX = LIMITS.keyBytesMax - 1024;
/** Dubbo's own of what says nothing. */
const WEIGHT = 100;
const WEIGHT_MAX = 65_535;

/** Parameters that have their own place in an instance, or say what each entry here says. */
const OWN: ReadonlySet<string> = new Set(["interface", "version", "weight", "side", NUMBER]);

/** Providers under this prefix, which ends with a slash. */
export function createDubbo(prefix: Bytes): Layout {
  return {
    kind: KIND,
    prefix,
    toInstance: (key, _value, known) => toInstance(key.slice(prefix.length), known),
    placeOf(instance) {
      const parent = `${prefix}${toBytes(instance.service)}/${FOLDER}/`;
      // Of an instance that is known by its name alone nobody makes an entry.
      return { own: null, parent, name: "address" in instance ? toName(instance) : "", digits: DIGITS };
    },
    says: (key, record) => says(key.slice(prefix.length), record),
    toValue: (record, before) => before ?? (isSayable(record) ? toBytes(record.address) : null),
  };
}

interface Said {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly params: ReadonlyMap<string, string>;
}

const URL_SHAPE = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-fA-F:.]+\]|[^/:?@[\]]+):(\d{1,5})(?:\/[^?]*)?(?:\?(.*))?$/s;

/** Undefined when the name is no provider's. */
function readName(name: Bytes): Said | undefined {
  const text = decode(fromBytes(name));
  const [, protocol, host, port, query = ""] = (text === undefined ? null : URL_SHAPE.exec(text)) ?? [];
  if (protocol === undefined || host === undefined || !(Number(port) > 0 && Number(port) <= 65_535)) return undefined;
  const params = new Map<string, string>();
  for (const pair of query.split("&")) {
    const sign = pair.indexOf("=");
    if (sign > 0) params.set(pair.slice(0, sign), pair.slice(sign + 1));
  }
  return { protocol, address: host.replace(/^\[|\]$/g, ""), port: Number(port), params };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** The service and the name in a path below the prefix. */
function readPath(path: Bytes): readonly [service: string, name: Bytes] | undefined {
  const [service = "", folder, name = "", ...more] = path.split("/");
  return service !== "" && folder === FOLDER && name !== "" && more.length === 0
    ? [fromBytes(service), name]
    : undefined;
}

function toInstance(path: Bytes, known: InstanceRecord | null): Instance | null {
  const [service, name] = readPath(path) ?? [];
  const said = name === undefined ? undefined : readName(name);
  if (service === undefined || name === undefined || said === undefined) return null;
  const { protocol, address, port, params } = said;
  const { service: _service, id: _id, ...kept } = { ...UNSAID, via: KIND, ...known } as Instance & InstanceKey;
  return {
    ...kept,
    service,
    id: `${address}:${port}:${hashOf(name)}`,
    address,
    ports: { ...kept.ports, default: port },
    protocol,
    version: params.get("version") ?? "",
    weight: weightOf(params),
    meta: metaOf(params),
  };
}

/** 64 bits in hex: it parts what one address offers of one interface. FNV-1a, twice. */
function hashOf(name: Bytes): string {
  return [0x811c9dc5, 0xcbf29ce4]
    .map((start) => {
      let hash = start;
      for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
      return (Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0).toString(16).padStart(8, "0");
    })
    .join("");
}

function weightOf(params: Said["params"]): number {
  const weight = Number(params.get("weight") ?? WEIGHT);
  return weight >= 0 && weight <= WEIGHT_MAX ? weight : WEIGHT;
}

function metaOf(params: Said["params"]): Record<string, string> {
  return Object.fromEntries([...params].filter(([name]) => !OWN.has(name)));
}

function isSayable({ address, ports }: Pick<InstanceRecord, "address" | "ports">): boolean {
  return address !== "" && mainPort(ports) !== undefined;
}

/** As an entry of this instance is called, up to its number. Meta that no name could hold is left out. */
function toName(instance: Pick<InstanceRecord, "service"> & Partial<InstanceRecord>): Bytes {
  const { service, address = "", ports = {}, protocol, version = "", weight = WEIGHT, meta = {} } = instance;
  const host = address.includes(":") ? `[${address}]` : address;
  const own = Object.entries({ interface: service, side: "provider", version, weight: String(weight) });
  const said = own.filter(([name, value]) => value !== "" && (name !== "weight" || weight !== WEIGHT));
  const more = Object.entries(meta).filter(([name, value]) => !OWN.has(name) && isPlain(name, value));
  const write = (params: readonly (readonly [string, string])[]): Bytes => {
    const query = [...params.map(([name, value]) => `${name}=${value}`), `${NUMBER}=`].join("&");
    return encodeForm(`${protocol || PROTOCOL}://${host}:${mainPort(ports) ?? 0}/${service}?${query}`);
  };
  const whole = write([...said, ...more]);
  return whole.length <= NAME_BYTES_MAX ? whole : write(said);
}

/** What an address has signs for cannot be said in it. */
function isPlain(name: string, value: string): boolean {
  return name !== "" && !/[=&]/.test(name) && !value.includes("&");
}

/** As a form is encoded: a blank is a plus. */
function encodeForm(text: string): Bytes {
  return encodeURIComponent(fromBytes(toBytes(text)))
    .replace(/%20/g, "+")
    .replace(/[!'()~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Whether the name of an entry still says what the instance is. */
function says(path: Bytes, record: InstanceRecord): boolean {
  const [, name] = readPath(path) ?? [];
  const said = name === undefined ? undefined : readName(name);
  if (name === undefined || said === undefined) return false;
  if (name.slice(0, -DIGITS) === toName(record)) return true;
  const { address, port, protocol, params } = said;
  return (
    address === record.address &&
    port === mainPort(record.ports) &&
    protocol === record.protocol &&
    (params.get("version") ?? "") === record.version &&
    weightOf(params) === record.weight &&
    sameStrings(metaOf(params), record.meta)
  );
}
