/** Keeps strings and small objects once that repeat over many instances. */
import type { Instance, Ports } from "../types.ts";

const POOL_MAX = 20_000;
const OBJECTS_MAX = 5_000;
const SHARED_LENGTH_MAX = 256;
const tagLists = new Map<string, readonly string[]>();
const metas = new Map<string, Readonly<Record<string, string>>>();
const strings = new Map<string, string>();
const singlePorts = new Map<number, Ports>();
const portSets = new Map<string, Ports>();
const NO_TAGS: readonly string[] = Object.freeze([]);
const NO_META: Readonly<Record<string, string>> = Object.freeze({});

/** The one copy of a string that is expected to repeat: a service's name, a zone, a tag. */
function shareString(text: string): string {
  const known = strings.get(text);
  if (known !== undefined) return known;
  if (strings.size >= POOL_MAX) strings.clear();
  strings.set(text, text);
  return text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of Latin-1.
const LATIN1 = /^[\x00-\xff]*$/;

/**
 * A copy that stands by itself. Ids are cut out of request texts, and a piece keeps the whole text alive: for a record
 * that may live for years that is far too much.
 */
export function ownString(text: string): string {
  const encoding = LATIN1.test(text) ? "latin1" : "utf16le";
  return Buffer.from(text, encoding).toString(encoding);
}

/** The one copy of an id that names an instance in many services, as those have that share a lease. */
export function shareId(id: string): string {
  return strings.get(id) ?? shareString(ownString(id));
}

/** Most instances have one port, `{ default: port }`: one object for all with the same. Of others, for those that are equal. */
function sharePorts(ports: Ports): Ports {
  let key = "";
  for (const name in ports) if (name !== "default") key += `${name}\0${ports[name]}\0`;
  const port = ports.default;
  if (key !== "" || port === undefined) {
    if (key.length === 0 || key.length > SHARED_LENGTH_MAX) return ports;
    return pooled(portSets, `${port}\0${key}`, () => Object.freeze({ ...ports }));
  }
  let known = singlePorts.get(port);
  if (known === undefined) {
    known = Object.freeze({ default: port });
    singlePorts.set(port, known);
  }
  return known;
}

export function shareInstance(instance: Instance): Instance {
  return {
    service: shareString(instance.service),
    id: instance.id,
    address: instance.address,
    ports: sharePorts(instance.ports),
    protocol: shareString(instance.protocol),
    tags: shareTags(instance.tags),
    meta: shareMeta(instance.meta),
    version: shareString(instance.version),
    zone: shareString(instance.zone),
    weight: instance.weight,
    status: instance.status,
    checks: instance.checks,
    via: shareString(instance.via),
  };
}

/** The instances of a service mostly have the same tags: one list for all that are equal. */
function shareTags(tags: readonly string[]): readonly string[] {
  if (tags.length === 0) return NO_TAGS;
  const key = tags.join("\0");
  // Beyond this, equal ones are not expected, and the key would cost more than it saves.
  if (key.length > SHARED_LENGTH_MAX) return tags.map(shareString);
  return pooled(tagLists, `${tags.length}\0${key}`, () => tags.map(shareString));
}

/** One object for all meta that are equal, the order of their keys included. */
function shareMeta(meta: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let key = "";
  for (const name in meta) key += `${name}\0${meta[name]}\0`;
  if (key === "") return NO_META;
  return key.length > SHARED_LENGTH_MAX ? meta : pooled(metas, key, () => meta);
}

function pooled<T>(pool: Map<string, T>, key: string, make: () => T): T {
  const known = pool.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (pool.size >= OBJECTS_MAX) pool.clear();
  pool.set(key, made);
  return made;
}
