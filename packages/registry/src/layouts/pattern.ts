/**
 * Registrations by a pattern of paths: `<service>/<address>:<port>`, `<service>/<version>/<zone>/<address>/<port>`,
 * `<service>/<id>/heartbeat`. Where a path says address and port, the bytes of its entry may be anything, such as the
 * time of a heartbeat. Where it says an id, they say address and port, as `host:port` or as a JSON object, or nothing.
 */
import {
  type Bytes,
  fromBytes,
  type Instance,
  type InstanceKey,
  type InstanceRecord,
  type Layout,
  mainPort,
  type Place,
  toBytes,
  UNSAID,
} from "../core/index.ts";
import { type JsonObject, parseObject } from "./json.ts";
import { whereOf } from "./where.ts";

const KIND = "pattern";
const PART = /<([a-z]+)>/;
const PARTS: Readonly<Record<string, string>> = {
  service: "[^/]+",
  id: "[^/]+",
  address: "[^/]+",
  port: "\\d{1,5}",
  version: "[^/]+",
  zone: "[^/]+",
};
const ADDRESS_NAMES = ["address", "host", "ip", "addr"];
/** Between what a path says, in the id of the instance. */
const BETWEEN = ":";

/** What is wrong with a pattern, in words; undefined when nothing is. */
export function refusePattern(pattern: string): string | undefined {
  const names = namesOf(pattern);
  const unknown = names.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) return `knows no <${unknown}>, but ${Object.keys(PARTS).join(", ")}`;
  if (new Set(names).size < names.length) return "says something twice";
  if (!names.includes("service")) return "must say <service>";
  if (pattern.startsWith("/") || pattern.endsWith("/") || pattern.includes("//"))
    return "has an empty name in its path";
  if (!names.includes("id")) return names.includes("address") ? undefined : "must say <address> or <id>";
  return names.length > 2 ? "says nothing but <service> beside <id>" : undefined;
}

function namesOf(pattern: string): readonly string[] {
  return pattern.split(PART).filter((_, at) => at % 2 === 1);
}

/** Entries under this prefix, which ends with a slash. `lifeMs`: how long one is good that is not written again. */
export function createPattern(prefix: Bytes, pattern: string, lifeMs: number | undefined): Layout {
  const shape = new Shape(pattern);
  return {
    kind: KIND,
    rule: lifeMs === undefined ? pattern : `${pattern} ${lifeMs}`,
    ...(lifeMs === undefined ? {} : { lifeMs }),
    prefix,
    toInstance: (key, value, known) => toInstance(shape, key.slice(prefix.length), value, known),
    placeOf: (instance) => placeOf(shape, prefix, instance),
    toValue: (record, before) => toValue(shape, record, before),
  };
}

/** What a path says, by the names of the pattern. */
type Said = Readonly<Record<string, string>>;

class Shape {
  /** In turns what is written as it is, and a name. */
  readonly #pieces: readonly string[];
  readonly #path: RegExp;
  /** The names that make the id, in their order. */
  readonly #names: readonly string[];
  readonly #id: RegExp;
  /** Where an instance is, the path says. */
  readonly saysAddress: boolean;

  constructor(pattern: string) {
    this.#pieces = pattern.split(PART);
    this.#path = toRegExp(this.#pieces);
    this.#names = namesOf(pattern).filter((name) => name !== "service");
    this.#id = toRegExp(["", ...this.#names.flatMap((name) => [name, BETWEEN])].slice(0, -1));
    this.saysAddress = !this.#names.includes("id");
  }

  /** Undefined when it is not the path of a registration. */
  read(path: Bytes): { readonly key: InstanceKey; readonly said: Said } | undefined {
    const said = this.#path.exec(path)?.groups;
    if (said === undefined) return undefined;
    const id = this.#names.map((name) => said[name]).join(BETWEEN);
    const key = { service: fromBytes(said.service as string), id: fromBytes(id) };
    return this.write(key) === path ? { key, said } : undefined;
  }

  /** The path of an instance of this name; undefined when it has none. */
  write({ service, id }: InstanceKey): Bytes | undefined {
    const said = this.#id.exec(toBytes(id))?.groups;
    if (said === undefined) return undefined;
    const name = toBytes(service);
    return this.#pieces
      .map((piece, at) => (at % 2 === 0 ? toBytes(piece) : piece === "service" ? name : (said[piece] as string)))
      .join("");
  }
}

function toRegExp(pieces: readonly string[]): RegExp {
  const parts = pieces.map((piece, at) =>
    at % 2 === 0 ? toBytes(piece).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&") : `(?<${piece}>${PARTS[piece]})`,
  );
  return new RegExp(`^${parts.join("")}$`, "s");
}

function placeOf(shape: Shape, prefix: Bytes, instance: InstanceKey): Place | null {
  const path = shape.write(instance);
  if (path === undefined || shape.read(path) === undefined) return null;
  const own = prefix + path;
  const slash = own.lastIndexOf("/") + 1;
  return { own, parent: own.slice(0, slash), name: own.slice(slash), digits: 10 };
}

const NOTHING: Omit<Instance, "service" | "id"> = { ...UNSAID, address: "", weight: 1, via: KIND };

function toInstance(shape: Shape, path: Bytes, bytes: Bytes, known: InstanceRecord | null): Instance | null {
  const read = shape.read(path);
  if (read === undefined) return null;
  const said = shape.saysAddress ? fromSaid(read.said) : fromValue(bytes);
  const { port, ...words } = said ?? {};
  const before: Omit<Instance, "service" | "id"> = { ...NOTHING, ...(known as Instance | null) };
  const ports = port === undefined ? before.ports : { ...before.ports, default: port };
  return { ...before, ...words, ports, ...read.key };
}

interface Words {
  readonly address?: string;
  readonly port?: number;
  readonly version?: string;
  readonly zone?: string;
}

function fromSaid(said: Said): Words {
  const words: { -readonly [K in keyof Words]: Words[K] } = {};
  for (const name of ["address", "version", "zone"] as const)
    if (said[name] !== undefined) words[name] = fromBytes(said[name]);
  if (said.port !== undefined) words.port = Number(said.port);
  return words;
}

/** Undefined when the bytes do not say where it is. */
function fromValue(bytes: Bytes): Words | undefined {
  const text = /^\s*(?<address>[^\s/:]+|\[[^\s\]]+\]):(?<port>\d{1,5})\s*$/.exec(bytes.slice(0, 512))?.groups;
  if (text !== undefined) return fromSaid({ ...text, address: (text.address as string).replace(/^\[|\]$/g, "") });
  const object = parseObject(bytes);
  if (object === undefined) return undefined;
  const address = addressOf(object)?.[1];
  const port = Number(object.port ?? Number.NaN);
  const { version, zone } = object;
  return {
    ...(address === undefined ? {} : { address }),
    ...(Number.isInteger(port) ? { port } : {}),
    ...(typeof version === "string" ? { version } : {}),
    ...(typeof zone === "string" ? { zone } : {}),
  };
}

function addressOf(object: JsonObject): readonly [name: string, address: string] | undefined {
  for (const name of ADDRESS_NAMES) if (typeof object[name] === "string") return [name, object[name]];
  return undefined;
}

/** The bytes before if they say nothing else. A path that says something else of it is none of its entries. */
function toValue(shape: Shape, record: InstanceRecord, before: Bytes | null): Bytes | null {
  const port = mainPort(record.ports);
  if (shape.saysAddress) {
    const path = shape.write(record);
    const said = path === undefined ? undefined : shape.read(path)?.said;
    if (said === undefined || !agrees(fromSaid(said), record, port)) return null;
    return before ?? toBytes(whereOf(record.address, port));
  }
  const words = before === null ? undefined : fromValue(before);
  if (before !== null && (words === undefined || agrees(words, record, port))) return before;
  const object = before === null ? undefined : parseObject(before);
  if (object === undefined) return toBytes(whereOf(record.address, port));
  const [name] = addressOf(object) ?? ["address"];
  const more = { version: record.version, zone: record.zone };
  const said = Object.fromEntries(Object.entries(more).filter(([word]) => object[word] !== undefined));
  return toBytes(JSON.stringify({ ...object, ...said, [name]: record.address, port: port ?? 0 }));
}

function agrees(words: Words, { address, version, zone }: InstanceRecord, port: number | undefined): boolean {
  const { address: a = address, version: v = version, zone: z = zone, port: p = port } = words;
  return a === address && v === version && z === zone && p === port;
}
