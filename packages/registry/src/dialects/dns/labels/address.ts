/** Addresses of instances, and the names that stand for an address by itself. */
import type { Bytes } from "../../../core/index.ts";
import { addressBytes, readAddress } from "../wire/address.ts";
import { type Name, TYPE } from "../wire/message.ts";
import { parseName } from "../wire/name.ts";

/** What an instance's address is in DNS. */
export type Spot =
  | { readonly type: typeof TYPE.A | typeof TYPE.AAAA; readonly address: string }
  /** The name of a host elsewhere. */
  | { readonly type: typeof TYPE.CNAME; readonly host: Name };

const HOST = /^(?=.{1,253}\.?$)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?$/;
const NUMBER = /(?:^|\.)[0-9]+\.?$/;

/** `::ffff:a.b.c.d`: an IPv4 address to programs that take IPv6 alone, and to nobody else (RFC 4291 §2.5.5.2). */
const MAPPED = /^\0{10}\u00ff\u00ff/;

/** The address in its one canonical form (RFC 5952), so that the same addresses look the same; undefined for others. */
export function toCanonical(address: string): string | undefined {
  const bytes = unmappedBytes(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 && !address.includes(":")
    ? address
    : readAddress(Buffer.from(bytes, "latin1"), 0, bytes.length as 4 | 16);
}

/** 4 bytes for IPv4, also where it is mapped, 16 for IPv6; undefined for what is no address. */
export function unmappedBytes(address: string): Bytes | undefined {
  const bytes = addressBytes(address);
  return bytes !== undefined && bytes.length > 4 && MAPPED.test(bytes) ? bytes.slice(12) : bytes;
}

/** Undefined when it is neither an address nor a host's name. */
export function toSpot(address: string): Spot | undefined {
  const canonical = toCanonical(address);
  if (canonical !== undefined) return { type: canonical.includes(":") ? TYPE.AAAA : TYPE.A, address: canonical };
  // A name that ends in a number is an address gone wrong.
  if (!HOST.test(address) || NUMBER.test(address)) return undefined;
  const host = parseName(address);
  return host === undefined ? undefined : { type: TYPE.CNAME, host };
}

/** `0a000001` or 32 digits: the label left of `addr` that names this address. */
export function toAddressLabel(address: string): string | undefined {
  const bytes = unmappedBytes(address);
  return bytes === undefined ? undefined : Buffer.from(bytes, "latin1").toString("hex");
}

/** The address that such a label (in lower case) names; also `10-0-0-1`. */
export function fromAddressLabel(label: string): string | undefined {
  if (/^(?:[0-9a-f]{8}|[0-9a-f]{32})$/.test(label)) {
    return readAddress(Buffer.from(label, "hex"), 0, label.length === 8 ? 4 : 16);
  }
  if (!/^[0-9]{1,3}(?:-[0-9]{1,3}){3}$/.test(label)) return undefined;
  const address = label.replaceAll("-", ".");
  return addressBytes(address) === undefined ? undefined : address;
}
