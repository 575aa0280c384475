/** Instances as records: addresses, SRV (RFC 2782), TXT. */
import { type Bytes, type InstanceRecord, type Ports, toBytes } from "../../core/index.ts";
import { type Data, type Name, type Resource, TYPE } from "./codec-model.ts";
import { isName } from "./codec-name.ts";
import { canonicalData, toResource } from "./codec-record.ts";
import { type Spot, toAddressLabel, toSpot } from "./translate-address.ts";
import { matchLabel } from "./translate-label.ts";
import { compareTexts, type Group, type Lookup } from "./translate-native-group.ts";

/** More than a message of 64 KiB can hold: beyond it the first ones, by their ids, are answered. */
export const ANSWERS_MAX = 4096;

export interface Rendered {
  readonly answers: readonly Resource[];
  readonly additional: readonly Resource[];
}

const NONE: readonly Resource[] = [];
export const NOTHING: Rendered = { answers: NONE, additional: NONE };

const STRING_BYTES_MAX = 255;

/** Gathers records, each once: a set has no doubles (RFC 2181 §5). */
export class Gathering {
  readonly records: Resource[] = [];
  /** Made for the second record: most sets have but one. */
  #seen: Set<Bytes> | undefined;
  readonly #ttlS: number;

  constructor(ttlS: number) {
    this.#ttlS = ttlS;
  }

  add(owner: Name, type: number, data: Data): void {
    if (this.records.length > 0) {
      this.#seen ??= new Set(this.records.map(toKey));
      const before = this.#seen.size;
      if (this.#seen.add(toKey({ name: owner, type, data })).size === before) return;
    }
    this.records.push(toResource(owner, type, this.#ttlS, data));
  }
}

function toKey({ name, type, data }: Pick<Resource, "name" | "type" | "data">): Bytes {
  return `${type} ${name.join(".")} ${canonicalData(type, data)}`;
}

/** A, AAAA, or the CNAME that stands for both. */
export function renderAddresses(shown: readonly InstanceRecord[], owner: Name, type: number, ttlS: number): Rendered {
  const gathered = new Gathering(ttlS);
  let isPlaced = false;
  let host: Name | undefined;
  for (const record of shown) {
    const spot = toSpot(record.address);
    if (spot?.type === TYPE.CNAME) host ??= spot.host;
    else if (spot !== undefined) {
      isPlaced = true;
      if (spot.type === type) gathered.add(owner, type, { kind: "address", address: spot.address });
      if (gathered.records.length === ANSWERS_MAX) break;
    }
  }
  if (isPlaced || host === undefined) return { answers: gathered.records, additional: NONE };
  // RFC 1034 §3.6.2: one alias, and only where nothing else answers. Clients see the first host, not all.
  const alias = toResource(owner, TYPE.CNAME, ttlS, { kind: "name", target: host });
  return { answers: [alias], additional: NONE };
}

/** An instance's service record. `port` is the label of a named port. */
export function renderServices(
  look: Lookup,
  group: Group,
  shown: readonly InstanceRecord[],
  owner: Name,
  port: Bytes | undefined,
): Rendered {
  const { ttlS } = look.world.settings;
  const answers = new Gathering(ttlS);
  const additional = new Gathering(ttlS);
  const open = shown.filter((record) => portOf(record.ports, port) !== undefined);
  const weights = weigh(open);
  for (const [i, record] of open.entries()) {
    const found = targetOf(look, group, record);
    if (found === undefined) continue;
    const { target, spot } = found;
    const number = portOf(record.ports, port) as number;
    answers.add(owner, TYPE.SRV, {
      kind: "service",
      priority: 0,
      weight: weights[i] as number,
      port: number,
      target,
    });
    if (spot.type !== TYPE.CNAME) additional.add(target, spot.type, { kind: "address", address: spot.address });
    if (answers.records.length === ANSWERS_MAX) break;
  }
  return { answers: answers.records, additional: additional.records };
}

/** What an SRV record of the instance points at: its own name, else its address's; a host elsewhere by its name. */
export function targetOf(
  look: Lookup,
  group: Group,
  record: InstanceRecord,
): { readonly target: Name; readonly spot: Spot } | undefined {
  const spot = toSpot(record.address);
  if (spot === undefined) return undefined;
  if (spot.type === TYPE.CNAME) return { target: spot.host, spot };
  const own = group.ownName(record);
  if (own !== undefined) return { target: own, spot };
  const target = addressName(spot.address, look.zone.name);
  return target === undefined ? undefined : { target, spot };
}

/** `<hex>.addr.<zone>`. */
function addressName(address: string, zone: Name): Name | undefined {
  const label = toAddressLabel(address);
  const name = label === undefined ? undefined : [label, "addr", ...zone];
  return name !== undefined && isName(name) ? name : undefined;
}

/** TXT: one record for each instance. */
export function renderTexts(shown: readonly InstanceRecord[], owner: Name, ttlS: number): Rendered {
  const gathered = new Gathering(ttlS);
  for (const record of shown) {
    gathered.add(owner, TYPE.TXT, { kind: "text", strings: toStrings(record.meta) });
    if (gathered.records.length === ANSWERS_MAX) break;
  }
  return { answers: gathered.records, additional: NONE };
}

/**
 * Meta as the strings of RFC 6763 §6.3: `key=value`, sorted. What cannot be said so is left out: a key with "=" or
 * other characters than printable ASCII, and what is longer than a string can be. §6.1: never no string at all.
 */
export function toStrings(meta: Readonly<Record<string, string>>): readonly Bytes[] {
  const strings: Bytes[] = [];
  for (const key of Object.keys(meta).sort()) {
    const string = `${key}=${toBytes(meta[key] as string)}`;
    if (/^[ -<>-~]+$/.test(key) && string.length <= STRING_BYTES_MAX) strings.push(string);
  }
  return strings.length === 0 ? [""] : strings;
}

/** The main port, or the one that a label names; undefined when there is none. 0 is none. */
export function portOf(ports: Ports, label: Bytes | undefined): number | undefined {
  return label === undefined ? mainPort(ports) : namedPort(ports, label);
}

/** `default`, else the only one or the first by name. */
function mainPort(ports: Ports): number | undefined {
  if ((ports.default ?? 0) > 0) return ports.default;
  const [name] = Object.keys(ports)
    .filter((name) => (ports[name] as number) > 0)
    .sort();
  return name === undefined ? undefined : ports[name];
}

function namedPort(ports: Ports, label: Bytes): number | undefined {
  if (label === "default") return mainPort(ports);
  let best: string | undefined;
  let bestMatch = 0;
  for (const name of Object.keys(ports).sort(compareTexts)) {
    const match = (ports[name] as number) > 0 ? matchLabel(name, label) : 0;
    if (match > bestMatch) [best, bestMatch] = [name, match];
  }
  return best === undefined ? undefined : ports[best];
}

/** What one unit of an instance's weight is in SRV: HAProxy takes (w + 255) / 256. */
const WEIGHT_UNIT = 256;
const WEIGHT_MAX = 255;

/**
 * SRV weights, so that HAProxy ends up with the instances' own: up to 255 each times 256. Where one is greater, all
 * are scaled so that it gets the most there is. 0 stays 0: no traffic.
 */
export function weigh(records: readonly InstanceRecord[]): readonly number[] {
  let greatest = 0;
  for (const { weight } of records) if (weight > greatest) greatest = weight;
  const factor = greatest <= WEIGHT_MAX ? WEIGHT_UNIT : (WEIGHT_MAX * WEIGHT_UNIT) / greatest;
  return records.map(({ weight }) => (weight === 0 ? 0 : Math.max(1, Math.round(weight * factor))));
}
