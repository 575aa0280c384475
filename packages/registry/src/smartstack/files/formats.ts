/** A service's servers as a file of each format. Pure. */
import { stringify } from "yaml";
import type { Backend, FileFormat } from "../config.ts";

/** `template` is the text that a file of format `template` is made from. */
export function toText(format: FileFormat, name: string, backends: readonly Backend[], template: string): string {
  const inOrder = [...backends].sort((one, other) => (one.id < other.id ? -1 : 1));
  return FORMATS[format](name, inOrder, template);
}

type Write = (name: string, backends: readonly Backend[], template: string) => string;

const FORMATS: Readonly<Record<FileFormat, Write>> = {
  json: (_, backends) => `${JSON.stringify(backends.map(toNerve), null, 2)}\n`,
  yaml: (name, backends) => stringify({ [name]: backends.map(toNerve) }),
  env: toEnv,
  prometheus: (name, backends) =>
    `${JSON.stringify(
      backends.map((backend) => toTarget(name, backend)),
      null,
      2,
    )}\n`,
  nginx: toUpstream,
  template: fill,
};

/** As Synapse's `file_output` has it. */
function toNerve(backend: Backend, at: number): object {
  const { id: name, address: host, port, weight, options, meta: labels } = backend;
  const own = options === "" ? {} : { haproxy_server_options: options };
  return { name, host, port, id: at + 1, weight, ...own, labels };
}

/** `ORDERS_HOST` and `ORDERS_PORT` of the first, `ORDERS_ADDRESSES` of all, with blanks between them. */
function toEnv(name: string, backends: readonly Backend[]): string {
  const prefix = name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .replace(/^(?=\d)/, "_");
  const usable = backends.filter(({ isDraining }) => !isDraining);
  const { address = "", port = "" } = usable[0] ?? {};
  return [
    `${prefix}_HOST=${address}`,
    `${prefix}_PORT=${port}`,
    `${prefix}_ADDRESSES="${usable.map(placeOf).join(" ")}"`,
    "",
  ].join("\n");
}

/** prometheus.io, file_sd: one group for each target, as each has labels of its own. */
function toTarget(name: string, backend: Backend): object {
  const { id, zone, tags, meta } = backend;
  const own = Object.entries(meta).map(([key, value]) => [
    `__meta_rollcall_meta_${key.replace(/[^A-Za-z0-9_]/g, "_")}`,
    value,
  ]);
  const labels = {
    __meta_rollcall_service: name,
    __meta_rollcall_instance: id,
    __meta_rollcall_zone: zone,
    __meta_rollcall_tags: tags.length === 0 ? "" : `,${tags.join(",")},`,
    ...Object.fromEntries(own),
  };
  return { targets: [placeOf(backend)], labels };
}

/** nginx refuses an upstream without a server. One that drains, or has no weight, gets nothing new. */
function toUpstream(name: string, backends: readonly Backend[]): string {
  const servers = backends.map((backend) => {
    const isOff = backend.isDraining || backend.weight === 0;
    return `    server ${placeOf(backend)}${isOff ? " down" : ` weight=${backend.weight}`};`;
  });
  const lines = servers.length === 0 ? ["    server 127.0.0.1:1 down;"] : servers;
  return [`upstream ${name} {`, ...lines, "}", ""].join("\n");
}

function placeOf({ address, port }: Backend): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

const BLOCK = /\{\{#instances\}\}\n?([\s\S]*?)\{\{\/instances\}\}\n?/g;
const FIELD = /\{\{([\w.-]+)\}\}/g;

/** `{{service}}`, and between `{{#instances}}` and `{{/instances}}` for each `{{id}}`, `{{address}}`, `{{meta.KEY}}`, … */
function fill(name: string, backends: readonly Backend[], template: string): string {
  const blocks = template.replace(BLOCK, (_, block: string) =>
    backends.map((backend) => fillFields(block, { ...fieldsOf(backend), service: name })).join(""),
  );
  return fillFields(blocks, { service: name, count: String(backends.length) });
}

function fieldsOf(backend: Backend): Readonly<Record<string, string>> {
  const { id, address, port, weight, zone, tags, meta, isDraining } = backend;
  return {
    ...Object.fromEntries(Object.entries(meta).map(([key, value]) => [`meta.${key}`, value])),
    ...{ id, address, zone, port: String(port), weight: String(weight) },
    ...{ place: placeOf(backend), tags: tags.join(","), draining: String(isDraining) },
  };
}

/** A field that there is not is empty. Whoever registers does not bring lines of their own. */
function fillFields(text: string, fields: Readonly<Record<string, string>>): string {
  return text.replace(FIELD, (_, field: string) => (fields[field] ?? "").replace(/\p{Cc}/gu, " "));
}
