/** Names of SkyDNS 1 in DNS: `<uuid>.<host>.<region>.<version>.<service>.<environment>.skydns.local.` */
import { isIP, isIPv4 } from "node:net";
import type { AccountFacts, Bytes, InstanceRecord } from "../../../core/index.ts";
import type { Found, NameSource, Place } from "../../contract.ts";
import { isFindable } from "../instances.ts";
import { ANY, BY_LABEL, instancesById, LABELS_MAX, type Selected, select } from "./labels.ts";

/** The environment of instances that say none, unless the option `environment` is another. */
export const ENVIRONMENT = "production";

/** More than this do not fit in the largest answer (65 535 bytes, and an address takes 16). */
const PLACES_MAX = 4096;

const PRIORITY = 10;
/** Of instances in other regions than the one asked for. */
const PRIORITY_ELSEWHERE = 20;

/** Where the region stands, counted from the right. */
const REGION = 4;

const SERVERS: ReadonlySet<string> = new Set(["leader", "master"]);

/** How SkyDNS's users name things in DNS. Option: `environment`. */
export const SKYDNS_NAMES: NameSource = {
  dialect: "skydns",
  domain: "skydns.local.",
  groupings: [BY_LABEL],
  find,
};

function find(labels: readonly Bytes[], account: AccountFacts, options: Readonly<Record<string, string>>): Found {
  const environment = options.environment ?? ENVIRONMENT;
  if (labels.length > LABELS_MAX) return { kind: "none" };
  if (labels.length === 1 && SERVERS.has(labels[0] as string)) return { kind: "server" };
  const places: Place[] = [];
  const { records, service } = pick(account, labels, environment);
  for (const record of records) places.push(toPlace(account, record, PRIORITY));
  if (records.length > 0 && isRegional(labels)) {
    const here = new Set(records);
    const wider = pick(account, labels.with(-REGION, ANY), environment);
    for (const record of wider.records) {
      if (!here.has(record)) places.push(toPlace(account, record, PRIORITY_ELSEWHERE));
    }
  }
  if (places.length > 0) return { kind: "instances", places, ...(service === undefined ? {} : { service }) };
  return labels.length === 0 ? { kind: "bare" } : findTarget(labels, account);
}

function pick(account: AccountFacts, labels: readonly Bytes[], environment: string): Selected {
  return select(account, labels, environment, PLACES_MAX, isFindable);
}

function isRegional(labels: readonly Bytes[]): boolean {
  return labels.length >= REGION && labels.at(-REGION) !== ANY;
}

/** What the targets in answers mean: an instance's UUID, or the address of one that its UUID does not name. */
function findTarget(labels: readonly Bytes[], account: AccountFacts): Found {
  const [first = "", second] = labels;
  if (labels.length === 2 && second === ADDRESS) {
    const address = fromHex(first);
    return address === undefined ? { kind: "none" } : { kind: "addresses", addresses: [address] };
  }
  const records = labels.length === 1 ? instancesById(account, first) : [];
  if (records.length === 0) return { kind: "none" };
  return {
    kind: "instances",
    places: records.map((record) => ({ ...toPlace(account, record, PRIORITY), target: [first] })),
  };
}

function toPlace(account: AccountFacts, record: InstanceRecord, priority: number): Place {
  return { record, priority, weight: "even", target: targetOf(account, record) };
}

const CLEAN = /^[a-z0-9_-]{1,63}$/;
const ADDRESS = "addr";

/** The UUID, if it is a label and names nothing else. The original takes any UUID, and some of its answers lead nowhere. */
function targetOf(account: AccountFacts, { id, address }: InstanceRecord): readonly Bytes[] {
  const isName = CLEAN.test(id) && !SERVERS.has(id) && instancesById(account, id).length === 1;
  const hex = isName ? undefined : toHex(address);
  return hex === undefined ? [id] : [hex, ADDRESS];
}

/** An address as 8 or 32 hexadecimal digits; undefined for a host name. */
function toHex(address: string): string | undefined {
  if (isIPv4(address))
    return address
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("");
  if (isIP(address) !== 6 || address.includes("%")) return undefined;
  // The URL parser knows the canonical form.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return groups.map((group) => group.padStart(4, "0")).join("");
}

function fromHex(label: string): string | undefined {
  if (/^[0-9a-f]{8}$/.test(label)) return (label.match(/../g) ?? []).map((part) => Number.parseInt(part, 16)).join(".");
  return /^[0-9a-f]{32}$/.test(label) ? (label.match(/.{4}/g) ?? []).join(":") : undefined;
}
