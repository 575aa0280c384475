/**
 * Serversets, as Finagle, Aurora and Prometheus' `serverset_sd` read them: `<prefix><service>/member_0000000007` with the
 * JSON `{"serviceEndpoint":{"host","port"},"additionalEndpoints":{"<name>":{"host","port"}},"status":"ALIVE","shard":0,
 * "metadata":{}}`. The member's name is the instance's id.
 */
import {
  type Bytes,
  type Instance,
  type InstanceRecord,
  type Layout,
  mainPort,
  type Status,
  statusOf,
  toBytes,
} from "../core/index.ts";
import { createFolders } from "./folders.ts";
import { isObject, type JsonObject, parseObject, sameStrings } from "./json.ts";

const KIND = "serverset";
const MEMBER = "member_";
/** What is appended to "member_" is the number of a sequential node. */
const NUMBER = /^member_\d{10,}$/;
/** Of the meta of an instance, what its entry calls its shard. */
const SHARD = "shard";

/** The words of a member's status; those that mean the same as one before are only read. */
const STATUS_WORDS: readonly (readonly [string, Status])[] = [
  ["ALIVE", "passing"],
  ["STARTING", "starting"],
  ["WARNING", "warning"],
  ["STOPPING", "draining"],
  ["DEAD", "critical"],
  ["UNKNOWN", "unknown"],
  ["STOPPED", "critical"],
];

/** Serversets under this prefix, which ends with a slash: one folder for each service. */
export function createServerset(prefix: Bytes): Layout {
  return createFolders(prefix, {
    kind: KIND,
    isName: (name) => NUMBER.test(name),
    numbered: () => MEMBER,
    read: readMember,
    toValue,
  });
}

type Said = Pick<Instance, "address" | "ports" | "status" | "meta">;

/** What a member says; undefined when it is none. */
function readMember(member: JsonObject, known: InstanceRecord | null): Said | undefined {
  const main = readEndpoint(member.serviceEndpoint);
  if (main === undefined) return undefined;
  const ports: Record<string, number> = {};
  for (const [name, raw] of Object.entries(isObject(member.additionalEndpoints) ? member.additionalEndpoints : {})) {
    const more = readEndpoint(raw);
    // An instance has one address: an endpoint elsewhere stays in the entry.
    if (more !== undefined && more.host === main.host) ports[name] = more.port;
  }
  ports.default = main.port;
  const [, status] = STATUS_WORDS.find(([word]) => word === (member.status ?? "ALIVE")) ?? [];
  if (status === undefined) return undefined;
  return {
    address: main.host,
    ports,
    // The word is of what the checks say, too: said again, it says nothing new of the instance itself.
    status: known !== null && statusOf(known) === status ? known.status : status,
    meta: readMeta(member, known),
  };
}

function readEndpoint(raw: unknown): { readonly host: string; readonly port: number } | undefined {
  if (!isObject(raw)) return undefined;
  const { host, port } = raw;
  return typeof host === "string" && host !== "" && typeof port === "number" ? { host, port } : undefined;
}

function readMeta(member: JsonObject, known: InstanceRecord | null): Instance["meta"] {
  const meta: Record<string, string> = {};
  if (isObject(member.metadata)) {
    for (const [name, value] of Object.entries(member.metadata)) if (typeof value === "string") meta[name] = value;
  } else Object.assign(meta, known?.meta);
  if (Number.isSafeInteger(member.shard)) meta[SHARD] = String(member.shard);
  return meta;
}

/** The bytes before if they mean the same, else what they say with what has changed. */
function toValue(record: InstanceRecord, before: Bytes | null): Bytes | null {
  const port = mainPort(record.ports);
  if (port === undefined || record.address === "") return null;
  const member = before === null ? undefined : parseObject(before);
  const status = statusOf(record);
  if (before !== null && member !== undefined && says(member, record, port, status)) return before;
  const others = Object.entries(record.ports).filter(([, other]) => other > 0 && other !== port);
  const { [SHARD]: shard, ...metadata } = record.meta;
  const isShard = shard !== undefined && /^\d{1,9}$/.test(shard);
  return toBytes(
    JSON.stringify({
      ...member,
      serviceEndpoint: { host: record.address, port },
      additionalEndpoints: Object.fromEntries(others.map(([name, at]) => [name, { host: record.address, port: at }])),
      status: STATUS_WORDS.find(([, one]) => one === status)?.[0],
      shard: isShard ? Number(shard) : undefined,
      metadata: isShard || shard === undefined ? metadata : record.meta,
    }),
  );
}

function says(member: JsonObject, record: InstanceRecord, port: number, status: Status): boolean {
  const said = readMember(member, null);
  if (said === undefined || said.address !== record.address || said.status !== status) return false;
  return (
    mainPort(said.ports) === port && sameStrings(said.meta, record.meta) && samePorts(said.ports, record.ports, port)
  );
}

/** Whether the named ports are the same, whatever the main one is called. */
function samePorts(said: Instance["ports"], ports: Instance["ports"], main: number): boolean {
  const named = (all: Instance["ports"]) =>
    Object.fromEntries(
      Object.entries(all)
        .filter(([, port]) => port > 0 && port !== main)
        .map(([name, port]) => [name, String(port)]),
    );
  return sameStrings(named(said), named(ports));
}
