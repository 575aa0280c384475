/** What the lists are narrowed to. All of it stands in the address. */
import type { InstanceBody } from "@rollcall/client";
import { type Look, lookOf } from "./status.ts";
import type { Summary } from "./summary.ts";
import { isTrouble } from "./verdict.ts";

export interface Filter {
  readonly q: string;
  /** A look, or `trouble`, `unusable`, `changing`. */
  readonly status: string;
  readonly zone: string;
  readonly version: string;
  readonly via: string;
  readonly tag: string;
}

export const FILTER_NAMES = ["q", "status", "zone", "version", "via", "tag"] as const satisfies (keyof Filter)[];

export function toFilter(get: (name: string) => string | null): Filter {
  return Object.fromEntries(FILTER_NAMES.map((name) => [name, get(name) ?? ""])) as unknown as Filter;
}

export function isFiltered(filter: Filter): boolean {
  return FILTER_NAMES.some((name) => filter[name] !== "");
}

/** `zone eu-1d, status held`. */
export function filterText(filter: Filter): string {
  const said = FILTER_NAMES.filter((name) => filter[name] !== "");
  return said.map((name) => (name === "q" ? `“${filter.q}”` : `${name} ${filter[name]}`)).join(", ");
}

export function matchesService(summary: Summary, filter: Filter): boolean {
  const { q, zone, version, via, tag, status } = filter;
  if (zone !== "" && !(zone in summary.zones)) return false;
  if (version !== "" && !(version in summary.versions)) return false;
  if (via !== "" && !(via in summary.via)) return false;
  if (tag !== "" && !summary.tags.includes(tag)) return false;
  if (!hasStatus(summary, status)) return false;
  const text = q.toLowerCase();
  return (
    text === "" ||
    summary.service.toLowerCase().includes(text) ||
    summary.tags.some((one) => one.toLowerCase().includes(text))
  );
}

function hasStatus(summary: Summary, status: string): boolean {
  const { counts, usable } = summary;
  if (status === "") return true;
  if (status === "trouble") return isTrouble(summary);
  if (status === "unusable") return usable === 0;
  if (status === "changing") return (counts.starting ?? 0) + (counts.draining ?? 0) > 0;
  return (counts[status as Look] ?? 0) > 0;
}

/** `q` is looked for in id, address, port, tags and meta; `key=value` in meta alone. */
export function matchesInstance(instance: InstanceBody, filter: Filter): boolean {
  const { q, zone, version, via, tag, status } = filter;
  if (zone !== "" && instance.zone !== zone) return false;
  if (version !== "" && instance.version !== version) return false;
  if (via !== "" && instance.via !== via) return false;
  if (tag !== "" && !instance.tags.includes(tag)) return false;
  if (status !== "" && lookOf(instance) !== status && instance.status !== status) return false;
  return q === "" || textOf(instance).includes(q.toLowerCase());
}

const texts = new WeakMap<InstanceBody, string>();

function textOf(instance: InstanceBody): string {
  let text = texts.get(instance);
  if (text === undefined) {
    const { id, service, address, port, tags, meta, version, zone } = instance;
    const pairs = Object.entries(meta).map(([key, value]) => `${key}=${value}`);
    text = [id, service, `${address}:${port}`, version, zone, ...tags, ...pairs].join("\n").toLowerCase();
    texts.set(instance, text);
  }
  return text;
}
