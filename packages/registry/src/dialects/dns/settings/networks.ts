/** Networks: who may do what, by address. */
import { type Outcome, ok, refuse, toBuffer } from "../../../core/index.ts";
import { unmappedBytes } from "../labels/address.ts";
import type { Networks } from "./model.ts";

/** Nobody can forge these addresses from elsewhere. */
export const LOOPBACK: readonly string[] = ["127.0.0.0/8", "::1"];

/** RFC 1918, RFC 4193, link-local addresses, and loopback. */
export const PRIVATE: readonly string[] = [
  ...LOOPBACK,
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
];

interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Names of sets of networks. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  any: ["0.0.0.0/0", "::/0"],
  none: [],
  loopback: LOOPBACK,
  private: PRIVATE,
};

/** A set of networks from texts: "10.0.0.0/8", "::1", "any", "none", "loopback", "private". */
export function toNetworks(texts: readonly string[]): Outcome<Networks> {
  const networks: Network[] = [];
  for (const text of texts) {
    for (const one of Object.hasOwn(SETS, text) ? (SETS[text] as readonly string[]) : [text]) {
      const network = toNetwork(one);
      if (network === undefined) return refuse("invalid", `${JSON.stringify(text)} is no network`);
      networks.push(network);
    }
  }
  return ok({
    isEmpty: networks.length === 0,
    has: (address) => {
      const bytes = toAddressBytes(address);
      return bytes !== undefined && networks.some((network) => contains(network, bytes));
    },
    bitsOf: (address) => {
      const bytes = toAddressBytes(address);
      const around = bytes === undefined ? [] : networks.filter((network) => contains(network, bytes));
      return around.length === 0 ? undefined : Math.min(...around.map((network) => network.bits));
    },
  });
}

/** Networks that the program itself names: texts that are wrong are a bug. */
export function networks(texts: readonly string[]): Networks {
  const set = toNetworks(texts);
  if (!set.ok) throw new Error(set.detail);
  return set.value;
}

function toNetwork(text: string): Network | undefined {
  const [address = "", length, ...more] = text.split("/");
  const bytes = toAddressBytes(address);
  if (bytes === undefined || more.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  // The length of a network in the mapped form counts its 96 leading bits.
  const mapped = bytes.length === 4 && address.includes(":") ? 96 : 0;
  const bits = length === undefined ? bytes.length * 8 : Number(length) - mapped;
  return bits >= 0 && bits <= bytes.length * 8 ? { bytes, bits } : undefined;
}

function contains(network: Network, address: Uint8Array): boolean {
  return network.bytes.length === address.length && sameBits(network.bytes, address, network.bits);
}

function sameBits(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (one[i] !== other[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (one[whole] as number) >> (8 - rest) === (other[whole] as number) >> (8 - rest);
}

/** 4 bytes for IPv4, also in the form `::ffff:a.b.c.d`, 16 for IPv6; undefined for other texts. */
export function toAddressBytes(text: string): Uint8Array | undefined {
  // Only IPv6 addresses may have the name of an interface behind them.
  const bytes = unmappedBytes(text.includes(":") ? (text.split("%")[0] as string) : text);
  return bytes === undefined ? undefined : toBuffer(bytes);
}

/** The address without the name of an interface, and `::ffff:a.b.c.d` as IPv4. */
export function unmappedAddress(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = toAddressBytes(address);
  if (bytes?.length === 4) return bytes.join(".");
  return address.split("%")[0] as string;
}

/** The key of the network whose limit of answers an address shares: IPv4 /24, IPv6 /56. */
export function toNetworkKey(address: string): string {
  const bytes = toAddressBytes(address);
  if (bytes === undefined) return address;
  return bytes.subarray(0, bytes.length === 4 ? 3 : 7).join(".");
}
