/** Instances as records: addresses, SRV (RFC 2782), TXT. */
import { type Bytes, type InstanceRecord, mainPort, type Ports } from "../../../../core/index.ts";
import { type Spot, toAddressLabel, toSpot } from "../../labels/address.ts";
import { priorityOf, toStrings } from "../../labels/meta.ts";
import { matchLabel } from "../../labels/text.ts";
import { toFactor, toSrvWeight } from "../../labels/weight.ts";
import type { Settings } from "../../settings/model.ts";
import { type Data, MESSAGE_BYTES_MAX, type Name, TYPE } from "../../wire/message.ts";
import { isName, sameName } from "../../wire/name.ts";
import { longBytes, toResource } from "../../wire/record.ts";
import { ANSWERS_MAX, Gathering, NO_RECORDS, type Records } from "../reply.ts";
import { compareTexts, type Group, type Lookup } from "./group.ts";

/** A, AAAA, or the CNAME that stands for both. A host with the owner's own name is left out: a CNAME cannot lead to itself. */
export function renderAddresses(shown: readonly InstanceRecord[], owner: Name, type: number, ttlS: number): Records {
  const gathered = new Gathering(ttlS);
  let isPlaced = false;
  let host: Name | undefined;
  for (const record of shown) {
    const spot = toSpot(record.address);
    if (spot?.type === TYPE.CNAME) host ??= sameName(spot.host, owner) ? undefined : spot.host;
    else if (spot !== undefined) {
      isPlaced = true;
      if (spot.type === type) gathered.add(owner, type, { kind: "address", address: spot.address });
      if (gathered.records.length === ANSWERS_MAX) break;
    }
  }
  if (isPlaced || host === undefined) return { ...NO_RECORDS, answers: gathered.records };
  // RFC 1034 §3.6.2: one CNAME, and only without addresses. It leads to the first host.
  const alias = toResource(owner, TYPE.CNAME, ttlS, { kind: "name", target: host });
  return { ...NO_RECORDS, answers: [alias] };
}

/** SRV records. `port` is the label of a named port. */
export function renderServices(
  look: Lookup,
  group: Group,
  shown: readonly InstanceRecord[],
  owner: Name,
  port: Bytes | undefined,
): Records {
  const open = shown.filter((record) => portOf(record.ports, port) !== undefined);
  const picked = pickSome(open, look.world.recordsMax);
  const rendered = renderOpen(look, group, picked, owner, port, toFactor(open));
  // Some of those picked may share a record: then there would be room for more, so all are rendered.
  const isEnough = picked.length === open.length || rendered.answers.length === picked.length;
  return isEnough ? rendered : renderOpen(look, group, open, owner, port, toFactor(open));
}

function renderOpen(
  look: Lookup,
  group: Group,
  open: readonly InstanceRecord[],
  owner: Name,
  port: Bytes | undefined,
  factor: number,
): Records {
  const { ttlS } = look.world.settings;
  const answers = new Gathering(ttlS);
  const additional = new Gathering(ttlS);
  // The own name of an instance is no other's, unless an instance has it for its address.
  const isMixed = open.some(({ address }) => toSpot(address)?.type === TYPE.CNAME);
  for (const record of open) {
    const found = targetOf(look, group, record);
    if (found === undefined) continue;
    const { target, spot, isOwn } = found;
    const data: Data = {
      kind: "service",
      priority: priorityOf(record.meta),
      weight: toSrvWeight(record.weight, factor),
      port: portOf(record.ports, port) as number,
      target,
    };
    const isAlone = isOwn && !isMixed;
    if (isAlone) answers.addAlone(owner, TYPE.SRV, data);
    else answers.add(owner, TYPE.SRV, data);
    if (spot.type !== TYPE.CNAME) {
      const address: Data = { kind: "address", address: spot.address };
      if (isAlone) additional.addAlone(target, spot.type, address);
      else additional.add(target, spot.type, address);
    }
    if (answers.records.length === ANSWERS_MAX) break;
  }
  return { answers: answers.records, additional: additional.records };
}

/** What an SRV record of the instance points at: its own name, else that of its address; a host elsewhere by its name. */
export function targetOf(
  look: Lookup,
  group: Group,
  record: InstanceRecord,
): { readonly target: Name; readonly spot: Spot; readonly isOwn: boolean } | undefined {
  const spot = toSpot(record.address);
  if (spot === undefined) return undefined;
  if (spot.type === TYPE.CNAME) return { target: spot.host, spot, isOwn: false };
  const own = group.ownName(record);
  if (own !== undefined) return { target: own, spot, isOwn: true };
  const target = addressName(spot.address, look.zone.name);
  return target === undefined ? undefined : { target, spot, isOwn: false };
}

/** `<hex>.addr.<zone>`. */
export function addressName(address: string, zone: Name): Name | undefined {
  const label = toAddressLabel(address);
  const name = label === undefined ? undefined : [label, "addr", ...zone];
  return name !== undefined && isName(name) ? name : undefined;
}

/** Bytes of a text that cost nothing to speak of: `ANSWERS_MAX` bounds such records well enough. */
const SHORT_BYTES = 128;
/** Bytes beyond, of all texts of an answer: twice what a message holds, for `encodeAnswer` to choose from. */
const LONG_BYTES_MAX = 2 * MESSAGE_BYTES_MAX;

/** TXT: one record for each instance. Of many that are long the first ones, by the ids of their instances, are taken. */
export function renderTexts(
  shown: readonly InstanceRecord[],
  owner: Name,
  { ttlS, notes }: Pick<Settings, "ttlS" | "notes">,
): Records {
  const gathered = new Gathering(ttlS);
  let bytes = 0;
  for (const record of shown) {
    const data = { kind: "text", strings: toStrings(record.meta, notes) } as const;
    gathered.add(owner, TYPE.TXT, data);
    if (gathered.records.length === ANSWERS_MAX) break;
    bytes += Math.max(0, longBytes(data) - SHORT_BYTES);
    if (bytes > LONG_BYTES_MAX && record !== shown.at(-1))
      return { ...NO_RECORDS, answers: gathered.records, isPart: true };
  }
  return { ...NO_RECORDS, answers: gathered.records };
}

/** The main port, or the one that a label names; undefined when there is no such port, or it is 0. */
export function portOf(ports: Ports, label: Bytes | undefined): number | undefined {
  return label === undefined ? mainPort(ports) : namedPort(ports, label);
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

/**
 * At most `max` of very many instances, when more would not fit. The choice depends on their priority, then on their ids:
 * another instance changes nothing between the others.
 */
export function pickSome(records: readonly InstanceRecord[], max: number | undefined): readonly InstanceRecord[] {
  if (max === undefined || records.length <= max) return records;
  const ranks = new Float64Array(records.length);
  for (const [i, { id, meta }] of records.entries()) ranks[i] = priorityOf(meta) * 2 ** 32 + toRank(id);
  const limit = ranks.slice().sort()[max - 1] as number;
  return records.filter((_, i) => (ranks[i] as number) <= limit);
}

/** FNV-1a, with its bits mixed once more. */
function toRank(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
