/**
 * Nerve's nodes, as Synapse and Prometheus' `nerve_sd` read them: `<prefix><service>/<id>_0000000007` with the JSON
 * `{"host","port","name","weight","haproxy_server_options","labels":{}}`. The node's name is the instance's id.
 */
import { type Bytes, type Instance, type InstanceRecord, type Layout, mainPort, toBytes } from "../core/index.ts";
import { createFolders } from "./folders.ts";
import { isObject, type JsonObject, parseObject, sameStrings } from "./json.ts";

const KIND = "nerve";
/** What Nerve calls its node by, and the number of a sequential one. */
const NUMBERED = /^(.+)_\d{10,}$/;
/** Of an instance that says nothing of it. */
const WEIGHT = 1;
const WEIGHT_MAX = 65_535;

/** Nerve's nodes under this prefix, which ends with a slash: one folder for each service. */
export function createNerve(prefix: Bytes): Layout {
  return createFolders(prefix, {
    kind: KIND,
    isName: (name) => NUMBERED.test(name),
    numbered: (id) => `${id}_`,
    read: readNode,
    toValue,
  });
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
