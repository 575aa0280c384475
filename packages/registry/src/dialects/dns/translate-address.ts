/** Addresses of instances, and the names that stand for an address by itself. */
import { addressBytes, readAddress } from "./codec-address.ts";
import { type Name, TYPE } from "./codec-model.ts";
import { parseName } from "./codec-name.ts";

/** What an instance's address is in DNS. */
export type Spot =
  | { readonly type: typeof TYPE.A | typeof TYPE.AAAA; readonly address: string }
  /** The name of a host elsewhere. */
  | { readonly type: typeof TYPE.CNAME; readonly host: Name };

const HOST = /^(?=.{1,253}\.?$)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?$/;
const NUMBER = /(?:^|\.)[0-9]+\.?$/;

/** Undefined when it is neither an address nor a host's name. */
export function toSpot(address: string): Spot | undefined {
  const bytes = addressBytes(address);
  if (bytes?.length === 4) return { type: TYPE.A, address };
  // In its one canonical form (RFC 5952), so that the same addresses look the same.
  if (bytes !== undefined) return { type: TYPE.AAAA, address: readAddress(Buffer.from(bytes, "latin1"), 0, 16) };
  // A name that ends in a number is an address gone wrong.
  if (!HOST.test(address) || NUMBER.test(address)) return undefined;
  const host = parseName(address);
  return host === undefined ? undefined : { type: TYPE.CNAME, host };
}

/** `0a000001` or 32 digits: the label left of `addr` that names this address. */
export function toAddressLabel(address: string): string | undefined {
  const bytes = addressBytes(address);
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
