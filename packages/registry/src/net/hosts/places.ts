/**
 * Where this program goes because somebody asked for it, as checks and hooks do: pure rules over addresses as they are
 * connected to, whatever the name or spelling was.
 */
import { BlockList, isIP, isIPv4 } from "node:net";
import { type Outcome, ok } from "../../outcome.ts";

/** Where, besides what is never allowed. */
export interface Places {
  /** This machine by its loopback. */
  readonly loopback: boolean;
  /** The address that the instance itself registered. */
  readonly instance: boolean;
  readonly ranges: BlockList;
}

export const NOWHERE: Places = { loopback: false, instance: false, ranges: new BlockList() };

const WORDS = ["loopback", "instance"] as const;

/**
 * Link-local and metadata services of clouds, which give whoever asks from this machine what is this machine's: no setting
 * allows them. Nor what is no single host.
 */
const NEVER_IPV4: readonly (readonly [address: string, prefix: number])[] = [
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["192.0.0.192", 32],
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
];
const NEVER_IPV6: readonly (readonly [address: string, prefix: number])[] = [
  ["fe80::", 10],
  ["fd00:ec2::", 32],
  ["fd20:ce::254", 128],
  ["ff00::", 8],
  ["::", 128],
];

const never = new BlockList();
for (const [address, prefix] of NEVER_IPV4) never.addSubnet(address, prefix, "ipv4");
for (const [address, prefix] of NEVER_IPV6) never.addSubnet(address, prefix, "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Words and ranges (`10.0.0.0/8`, `fd00::/8`, `10.1.2.3`, `all`), with commas between them; "" for none. */
export function readPlaces(text: string): Outcome<Places, { readonly problem: string }> {
  const words = text.split(",").flatMap((word) => word.trim() || []);
  const ranges = new BlockList();
  for (const word of words) {
    if ((WORDS as readonly string[]).includes(word)) continue;
    const [address = "", given, ...more] = word === "all" ? ["0.0.0.0", "0"] : word.split("/");
    const bits = isIPv4(address) ? 32 : 128;
    const prefix = given === undefined ? bits : /^[0-9]{1,3}$/.test(given) ? Number(given) : Number.NaN;
    if (isIP(address) === 0 || more.length > 0 || !(prefix >= 0 && prefix <= bits))
      return {
        ok: false,
        problem: `${JSON.stringify(word.slice(0, 60))} is none of ${WORDS.join(", ")}, all, and no range such as 10.0.0.0/8`,
      };
    ranges.addSubnet(address, prefix, isIPv4(address) ? "ipv4" : "ipv6");
    if (word === "all") ranges.addSubnet("::", 0, "ipv6");
  }
  return ok({ loopback: words.includes("loopback"), instance: words.includes("instance"), ranges });
}

/**
 * Why a check may not connect to this address; undefined when it may. `isOwn`: it is, or its name leads to, what the
 * instance registered.
 */
export function refusePlace(address: string, isOwn: boolean, places: Places): string | undefined {
  if (isIP(address) === 0) return "it is no address";
  const plain = embeddedIPv4(address) ?? address;
  if (isNever(address)) return "checks never go to link-local, metadata or shared addresses";
  if (places.loopback && includes(loopback, plain)) return undefined;
  if (places.instance && isOwn && !includes(loopback, plain)) return undefined;
  if (includes(places.ranges, plain)) return undefined;
  return "it is neither the instance's own address nor one that checks.allow names";
}

/** Of an address: whatever is allowed, nobody is sent there. */
export function isNever(address: string): boolean {
  return includes(never, embeddedIPv4(address) ?? address) || includes(never, address);
}

function includes(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** The same host, if two addresses are two spellings of one. */
export function sameAddress(one: string, other: string): boolean {
  if (isIP(one) === 0 || isIP(other) === 0) return one.toLowerCase() === other.toLowerCase();
  return keyOf(one) === keyOf(other);
}

function keyOf(address: string): string {
  return embeddedIPv4(address) ?? (isIPv4(address) ? address : groupsOf(address).join(":"));
}

/** The IPv4 address that an IPv6 one leads to: mapped, compatible, by NAT64, 6to4 or ISATAP. */
export function embeddedIPv4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  const groups = groupsOf(address);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const isLow = groups.slice(0, 5).every((group) => group === 0);
  const isMapped = isLow && f === 0xffff;
  const isCompatible = isLow && f === 0 && (g !== 0 || h > 1);
  // Translated (RFC 2765), NAT64 (RFC 6052, RFC 8215) and ISATAP (RFC 5214).
  const isTranslated = groups.slice(0, 4).every((group) => group === 0) && e === 0xffff && f === 0;
  const isNat64 = a === 0x64 && b === 0xff9b && (c === 1 || (c === 0 && d === 0 && e === 0 && f === 0));
  const isIsatap = (e === 0 || e === 0x200) && f === 0x5efe;
  if (isMapped || isCompatible || isTranslated || isNat64 || isIsatap) return dotted(g, h);
  return a === 0x2002 ? dotted(b, c) : undefined;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The eight numbers of an IPv6 address; a zone behind it is left out. */
function groupsOf(address: string): readonly number[] {
  const [plain = ""] = address.split("%");
  const hex = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = "", tail] = hex.split("::");
  const read = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return read(head);
  const [before, after] = [read(head), read(tail)];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}
