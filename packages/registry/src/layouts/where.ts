/** Where an instance is, in one text: `10.0.0.1:8080`, `[fd00::1]:8080`, or an address without a port. */
import { fromBytes, type Instance, mainPort } from "../core/index.ts";

const PLACE = /^(?<address>[^\s/:[\]]+|\[[^\s\]]+\])(?::(?<port>\d{1,5}))?$/;

export interface Where {
  readonly address: string;
  readonly port: number | undefined;
}

/** Undefined for what names no place. `text` as `Bytes`. */
export function readWhere(text: string): Where | undefined {
  const found = text.length > 512 ? undefined : PLACE.exec(text)?.groups;
  if (found === undefined) return undefined;
  const port = found.port === undefined ? undefined : Number(found.port);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { address: fromBytes((found.address as string).replace(/^\[|\]$/g, "")), port };
}

export function whereOf(address: string, port: number | undefined): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${port}`;
}

/** The one port that such a text says, beside those that an instance has by other names. */
export function withPort(known: Pick<Instance, "ports"> | null, port: number | undefined): Instance["ports"] {
  const ports = known?.ports ?? {};
  if (port === undefined) return ports;
  const main = mainPort(ports);
  return { ...Object.fromEntries(Object.entries(ports).filter(([, one]) => one !== main)), default: port };
}
