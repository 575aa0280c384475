/** Nodes as Nerve and Finagle write them, and as they are read: JSON in the data, or in the name. Pure. */
import type { RegisterSpec } from "@rollcall/client";
import { META_OPTIONS } from "../names.ts";
import type { Found } from "../watched/backends.ts";

/** `<name>_0000000004`. */
const SEQUENCE = /_(\d{10})$/;
/** `base64_<length>_<data>_0000000004`: what else is the data stands in the name, so that nobody must ask for it. */
const ENCODED = /^base64_\d+_([A-Za-z0-9+/_=-]*)_\d{10}$/;

export function dataInName(name: string): Buffer | undefined {
  const encoded = ENCODED.exec(name)?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64url");
}

/** Undefined for a node that says no instance. */
export function readNode(name: string, data: Buffer): Found | undefined {
  const said = parse(data);
  if (said === undefined) return undefined;
  const endpoint = isMap(said.serviceEndpoint) ? said.serviceEndpoint : said;
  const { host, port } = endpoint;
  if (typeof host !== "string" || host === "" || !isPort(port)) return undefined;
  const called = typeof said.name === "string" && said.name !== "" ? said.name : name.replace(SEQUENCE, "");
  const options = said.haproxy_server_options;
  return {
    id: `${called}_${host}:${port}`,
    address: host,
    ports: { ...morePorts(said.additionalEndpoints, host), default: port },
    weight: typeof said.weight === "number" && said.weight >= 0 ? Math.min(65_535, Math.round(said.weight)) : 1,
    meta: {
      ...textsOf(isMap(said.labels) ? said.labels : {}),
      ...(typeof options === "string" && options !== "" ? { [META_OPTIONS]: options } : {}),
    },
    ...{ tags: [], zone: "", override: null, checks: [] },
    status: said.status === undefined || said.status === "ALIVE" ? "passing" : "critical",
    createRevision: Number(SEQUENCE.exec(name)?.[1] ?? 0),
  };
}

/** Finagle's other endpoints at the same host, by their names. */
function morePorts(endpoints: unknown, host: string): Record<string, number> {
  if (!isMap(endpoints)) return {};
  const ports = Object.entries(endpoints).flatMap(([name, endpoint]): readonly (readonly [string, number])[] =>
    isMap(endpoint) && endpoint.host === host && isPort(endpoint.port) ? [[name, endpoint.port]] : [],
  );
  return Object.fromEntries(ports);
}

/** Of several nodes of one place the newest one counts: a reporter that came back leaves one until its session ends. */
export function newestOf(found: readonly Found[]): readonly Found[] {
  const byId = new Map<string, Found>();
  for (const one of [...found].sort((a, b) => a.createRevision - b.createRevision)) byId.set(one.id, one);
  return [...byId.values()];
}

/** What Nerve reports of an instance. */
export function writeNode({ id, address, ports, weight, meta }: RegisterSpec): Buffer {
  const { [META_OPTIONS]: options, ...labels } = meta ?? {};
  return Buffer.from(
    JSON.stringify({
      ...{ host: address, port: ports?.default ?? 0, name: id, weight },
      ...(options === undefined ? {} : { haproxy_server_options: options }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
    }),
  );
}

/** The start of a node's name, which gets a number; with its data in it where that is wanted. */
export function nameFor(id: string, data: Buffer, encodes: boolean): string {
  const encoded = data.toString("base64url");
  return encodes ? `base64_${encoded.length}_${encoded}_` : `${id}_`;
}

function parse(data: Buffer): Record<string, unknown> | undefined {
  try {
    const said: unknown = JSON.parse(data.toString("utf8"));
    return isMap(said) ? said : undefined;
  } catch {
    return undefined;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPort(port: unknown): port is number {
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port <= 65_535;
}

function textsOf(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
