/**
 * go-micro's etcd registry: `<prefix><service>/<node>` with the JSON `{"name","version","metadata","endpoints",
 * "nodes":[{"id","address","metadata"}]}` of a service with this one node. Slashes in either name are dashes in the key.
 */
import { type Bytes, type InstanceRecord, type Layout, mainPort, toBytes } from "../../core/index.ts";
import { createFolders } from "../folders.ts";
import { isObject, type JsonObject, parseObject, sameStrings, stringsOf } from "../json.ts";
import { readWhere, whereOf, withPort } from "../where.ts";

const KIND = "go-micro";

export function createGoMicro(prefix: Bytes): Layout {
  return createFolders(prefix, {
    kind: KIND,
    isName: () => true,
    numbered: (id) => `${id}-`,
    read(entry, known, { service, id }) {
      const said = readEntry(entry);
      if (said === undefined || toName(said.name) !== service || toName(said.id) !== id) return undefined;
      const { address, port, version, meta } = said;
      return { address, ports: withPort(known, port), version, meta: meta ?? known?.meta ?? {} };
    },
    toValue,
  });
}

function toName(name: string): string {
  return name.replaceAll("/", "-");
}

interface Said {
  readonly node: JsonObject;
  readonly name: string;
  readonly version: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** Undefined where nothing is said of it. */
  readonly meta: Readonly<Record<string, string>> | undefined;
}

/** Undefined for what is no service with one node. */
function readEntry({ name, version = "", nodes }: JsonObject): Said | undefined {
  const [node, ...more] = Array.isArray(nodes) ? nodes : [];
  if (typeof name !== "string" || typeof version !== "string" || !isObject(node) || more.length > 0) return undefined;
  const { id, address, metadata } = node;
  const where = typeof address === "string" ? readWhere(toBytes(address)) : undefined;
  if (typeof id !== "string" || where?.port === undefined) return undefined;
  return { node, name, version, id, address: where.address, port: where.port, meta: stringsOf(metadata) };
}

function toValue(record: InstanceRecord, before: Bytes | null): Bytes | null {
  const { service, id, address, version, meta } = record;
  const port = mainPort(record.ports);
  if (address === "" || port === undefined) return null;
  const entry = before === null ? undefined : parseObject(before);
  const said = entry && readEntry(entry);
  const isSame = said?.address === address && said.port === port && said.version === version;
  if (before !== null && isSame && (said.meta === undefined || sameStrings(said.meta, meta))) return before;
  const nodes = [{ id, ...said?.node, address: whereOf(address, port), metadata: meta }];
  return toBytes(JSON.stringify({ name: service, metadata: {}, endpoints: [], ...entry, version, nodes }));
}
