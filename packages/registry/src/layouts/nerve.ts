/**
 * Nerve's nodes, as Synapse and Prometheus' `nerve_sd` read them: `<prefix><service>/<id>_0000000007` with the JSON
 * `{"host","port","name","weight","haproxy_server_options","labels":{}}`. The node's name is the instance's id.
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
import { isObject, type JsonObject, parseObject, sameStrings } from "./json.ts";

const KIND = "nerve";
/** What Nerve calls its node by, and the number of a sequential one. */
const NUMBERED = /^(.+)_\d{10,}$/;
const DIGITS = 10;
/** Of an instance that says nothing of it. */
const WEIGHT = 1;
const WEIGHT_MAX = 65_535;

const NOTHING = { ...UNSAID, weight: WEIGHT, via: KIND };

/** Nerve's nodes under this prefix, which ends with a slash: one folder for each service. */
export function createNerve(prefix: Bytes): Layout {
  return {
    kind: KIND,
    prefix,
    toInstance: (key, value, known) => toInstance(key.slice(prefix.length), value, known),
    placeOf: (instance) => placeOf(prefix, instance),
    toValue,
  };
}

function placeOf(prefix: Bytes, { service, id }: InstanceKey): Place {
  const parent = `${prefix}${toBytes(service)}/`;
  const name = toBytes(id);
  return { own: NUMBERED.test(name) ? parent + name : null, parent, name: `${name}_`, digits: DIGITS };
}

function toInstance(path: Bytes, bytes: Bytes, known: InstanceRecord | null): Instance | null {
  const slash = path.indexOf("/");
  const [service, id] = [path.slice(0, slash), path.slice(slash + 1)];
  if (slash <= 0 || id.includes("/") || !NUMBERED.test(id)) return null;
  const node = parseObject(bytes);
  const said = node && readNode(node, known);
  if (said === undefined) return null;
  const { service: _service, id: _id, ...kept } = { ...NOTHING, ...known } as Instance;
  return { ...kept, ...said, service: fromBytes(service), id: fromBytes(id) };
}

type Said = Pick<Instance, "address" | "ports" | "weight" | "meta">;

/** What a node says; undefined when it is none. */
function readNode({ host, port, weight, labels }: JsonObject, known: InstanceRecord | null): Said | undefined {
  if (typeof host !== "string" || host === "" || typeof port !== "number") return undefined;
  const meta: Record<string, string> = {};
  if (isObject(labels)) {
    for (const [name, value] of Object.entries(labels)) if (typeof value === "string") meta[name] = value;
  } else Object.assign(meta, known?.meta);
  const isWeight = typeof weight === "number" && weight >= 0 && weight <= WEIGHT_MAX;
  return {
    address: host,
    ports: { ...others(known), default: port },
    weight: isWeight ? weight : (known?.weight ?? WEIGHT),
    meta,
  };
}

/** A node has one port: those that an instance has beside it stay. */
function others(known: InstanceRecord | null): Instance["ports"] {
  const main = known === null ? undefined : mainPort(known.ports);
  return Object.fromEntries(Object.entries(known?.ports ?? {}).filter(([, port]) => port !== main));
}

/** The bytes before if they mean the same, else what they say with what has changed. */
function toValue(record: InstanceRecord, before: Bytes | null): Bytes | null {
  const port = mainPort(record.ports);
  if (port === undefined || record.address === "") return null;
  const node = before === null ? undefined : parseObject(before);
  if (before !== null && node !== undefined && says(node, record, port)) return before;
  const { address: host, weight, meta } = record;
  const name = NUMBERED.exec(record.id)?.[1] ?? record.id;
  return toBytes(JSON.stringify({ name, ...node, host, port, weight, labels: meta }));
}

function says(node: JsonObject, record: InstanceRecord, port: number): boolean {
  const said = readNode(node, null);
  if (said === undefined || said.address !== record.address || said.ports.default !== port) return false;
  return said.weight === record.weight && sameStrings(said.meta, record.meta);
}
