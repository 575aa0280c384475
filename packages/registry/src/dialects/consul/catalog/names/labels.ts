/** Labels of Consul's names in DNS, and what they stand for. Questions come in lower case. */
import { isIP, isIPv4 } from "node:net";
import { type Bytes, type InstanceRecord, perRevision, type ServiceView, toBytes } from "../../../../core/index.ts";

const LABEL = /^[a-z0-9_-]{1,63}$/;
const LABEL_BYTES_MAX = 63;

/** A text as a label: in lower case, each run of other signs as one "-". */
export function toLabel(text: string): Bytes {
  if (LABEL.test(text)) return text;
  return lower(text)
    .replace(/[^a-z0-9_-]+/g, "-")
    .slice(0, LABEL_BYTES_MAX);
}

/** Whether resolvers take the label in the name of a host. */
export function isHostLabel(label: Bytes): boolean {
  return /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label);
}

/** RFC 4343: of ASCII letters alone. */
function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
}

/** Instances of a service by their tags: as written, and by labels that only look like them. */
interface Tags {
  readonly exact: ReadonlyMap<Bytes, readonly InstanceRecord[]>;
  readonly loose: ReadonlyMap<Bytes, readonly InstanceRecord[]>;
}

const NOBODY: readonly InstanceRecord[] = [];

/** The instances with this tag, dots included. One that is written like it hides those that only look like it. */
export function withTag(service: ServiceView, tag: Bytes): readonly InstanceRecord[] {
  const { exact, loose } = tagsOf(service);
  return exact.get(tag) ?? loose.get(tag) ?? NOBODY;
}

const tagsOf = perRevision((service: ServiceView): Tags => {
  const exact = new Map<Bytes, InstanceRecord[]>();
  const loose = new Map<Bytes, InstanceRecord[]>();
  for (const record of service.instances.values())
    for (const tag of record.tags) {
      const whole = toBytes(lower(tag));
      add(exact, whole, record);
      const label = toLabel(tag);
      if (label !== whole) add(loose, label, record);
    }
  return { exact, loose };
});

/** Two tags of one instance may have one label: it is listed once. */
function add(to: Map<Bytes, InstanceRecord[]>, key: Bytes, record: InstanceRecord): void {
  const there = to.get(key);
  if (there === undefined) to.set(key, [record]);
  else if (there.at(-1) !== record) there.push(record);
}

const MAPPED = /^0{20}ffff/;

/** `0a000001` or 32 digits: the label left of `addr` that names this address; undefined for a host's name. */
export function toAddressLabel(address: string): string | undefined {
  if (isIPv4(address)) return hexOf(address.split(".").map(Number), 2);
  if (isIP(address) !== 6 || address.includes("%")) return undefined;
  // The URL parser knows the canonical form.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  const hex = hexOf(
    [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16)),
    4,
  );
  return MAPPED.test(hex) ? hex.slice(24) : hex;
}

function hexOf(numbers: readonly number[], digits: number): string {
  return numbers.map((number) => number.toString(16).padStart(digits, "0")).join("");
}

/** The address of such a label. */
export function fromAddressLabel(label: Bytes): string | undefined {
  if (/^[0-9a-f]{8}$/.test(label)) return (label.match(/../g) ?? []).map((part) => Number.parseInt(part, 16)).join(".");
  return /^[0-9a-f]{32}$/.test(label) ? (label.match(/.{4}/g) ?? []).join(":") : undefined;
}
