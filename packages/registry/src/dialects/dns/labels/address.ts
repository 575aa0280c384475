/** Addresses of instances, and the labels that stand for addresses. */
import type { Bytes } from "../../../core/index.ts";
import { addressBytes, readAddress } from "../wire/address.ts";
import { type Name, TYPE } from "../wire/message.ts";
import { parseName } from "../wire/name.ts";

/** The address of an instance as DNS tells it. */
export type Spot =
  | { readonly type: typeof TYPE.A | typeof TYPE.AAAA; readonly address: string }
  /** A host elsewhere, by its name. */
  | { readonly type: typeof TYPE.CNAME; readonly host: Name };

const HOST = /^(?=.{1,253}\.?$)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?$/;
const NUMBER = /(?:^|\.)[0-9]+\.?$/;

/** `::ffff:a.b.c.d`: an IPv4 address as an IPv6 socket shows it (RFC 4291 §2.5.5.2). */
const MAPPED = /^\0{10}\u00ff\u00ff/;

/** The address in the one form in which addresses compare (RFC 5952); undefined for other texts. */
export function toCanonical(address: string): string | undefined {
  const bytes = unmappedBytes(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 && !address.includes(":")
    ? address
    : readAddress(Buffer.from(bytes, "latin1"), 0, bytes.length as 4 | 16);
}

/** 4 bytes for IPv4, mapped or not, 16 for IPv6; undefined for other texts. */
export function unmappedBytes(address: string): Bytes | undefined {
  const bytes = addressBytes(address);
  return bytes !== undefined && bytes.length > 4 && MAPPED.test(bytes) ? bytes.slice(12) : bytes;
}

/** Undefined when the text is neither an address nor the name of a host. */
export function toSpot(address: string): Spot | undefined {
  const canonical = toCanonical(address);
  if (canonical !== undefined) return { type: canonical.includes(":") ? TYPE.AAAA : TYPE.A, address: canonical };
  // A name that ends in a number is a wrong address.
  if (!HOST.test(address) || NUMBER.test(address)) return undefined;
  const host = parseName(address);
  return host === undefined ? undefined : { type: TYPE.CNAME, host };
}

/** `0a000001` or 32 digits: the label left of `addr` that names this address. */
export function toAddressLabel(address: string): string | undefined {
  const bytes = unmappedBytes(address);
  return bytes === undefined ? undefined : Buffer.from(bytes, "latin1").toString("hex");
}

/** The address of such a label (in lower case), or of `10-0-0-1`. */
export function fromAddressLabel(label: string): string | undefined {
  if (/^(?:[0-9a-f]{8}|[0-9a-f]{32})$/.test(label)) {
    return readAddress(Buffer.from(label, "hex"), 0, label.length === 8 ? 4 : 16);
  }
  if (!/^[0-9]{1,3}(?:-[0-9]{1,3}){3}$/.test(label)) return undefined;
  const address = label.replaceAll("-", ".");
  return addressBytes(address) === undefined ? undefined : address;
}
