/** Strings and small objects that repeat over many instances are kept once. */
import type { Instance, Ports } from "./types.ts";

const POOL_MAX = 20_000;
const strings = new Map<string, string>();
const singlePorts = new Map<number, Ports>();
const NO_TAGS: readonly string[] = Object.freeze([]);
const NO_META: Readonly<Record<string, string>> = Object.freeze({});

/** The one copy of a string that is expected to repeat (a service name, a zone, a meta key's value). */
export function shareString(text: string): string {
  const known = strings.get(text);
  if (known !== undefined) return known;
  if (strings.size >= POOL_MAX) strings.clear();
  strings.set(text, text);
  return text;
}

/** `{ default: port }`, one object for each port. */
export function sharePorts(ports: Ports): Ports {
  const port = ports.default;
  if (port === undefined) return ports;
  for (const name in ports) if (name !== "default") return ports;
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
    tags: instance.tags.length === 0 ? NO_TAGS : instance.tags.map(shareString),
    meta: shareMeta(instance.meta),
    version: shareString(instance.version),
    zone: shareString(instance.zone),
    weight: instance.weight,
    status: instance.status,
    checks: instance.checks,
    via: shareString(instance.via),
  };
}

function shareMeta(meta: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const _ in meta) return meta;
  return NO_META;
}
