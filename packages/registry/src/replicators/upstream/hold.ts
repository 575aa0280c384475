/**
 * What is kept though the registry, read anew, does not have it: it is likelier wrong than everything that was known. As
 * the SDK does with one service (packages/client/src/find/hold.ts). What comes as commits is not judged: there the
 * registry says of each thing why it went. Pure.
 */
import { type InstanceKey, type InstanceRecord, isReserved, type KeyRecord, type Revision } from "../../core/index.ts";
import type { Rows } from "./state.ts";

/** One that is kept, and until when, in wall-clock ms. */
export type Held =
  | { readonly kind: "instance"; readonly service: string; readonly id: string; readonly untilMs: number }
  | { readonly kind: "key"; readonly key: string; readonly untilMs: number };

/** Fewer that go are never held, unless nothing stays. */
const GONE_MIN = 10;
/** More than this share must be gone. */
const SHARE_MIN = 0.5;

interface Found {
  readonly known: Rows;
  readonly found: Rows;
  /** The registry was begun anew, or set back: it says nothing of what it does not know. */
  readonly forgot: boolean;
}

interface Kept {
  readonly instances: readonly InstanceRecord[];
  readonly keys: readonly KeyRecord[];
}

export function nameOf(held: Held): string {
  return held.kind === "key" ? nameOfKey(held.key) : nameOfInstance(held);
}

export function nameOfInstance({ service, id }: InstanceKey): string {
  return `instance ${service}/${id}`;
}

export function nameOfKey(key: string): string {
  return `key ${key}`;
}

function placeOf({ address, ports }: InstanceRecord): string {
  return `${address} ${JSON.stringify(ports)}`;
}

/** What of the known is to be kept beside the found. Keys that a lease keeps alive are not: whoever wrote them is asked. */
export function judge({ known, found, forgot }: Found): Kept {
  const isEmpty = found.instances.length === 0 && found.keys.length === 0;
  const holds = (gone: number, stay: number): boolean =>
    forgot || isEmpty || (gone >= GONE_MIN && (stay === 0 || gone > SHARE_MIN * (gone + stay)));
  const foundIn = byService(found.instances);
  const instances = [...byService(known.instances)].flatMap(([service, all]) => {
    const there = foundIn.get(service) ?? [];
    const ids = new Set(there.map(({ id }) => id));
    const places = new Set(there.map(placeOf));
    const gone = all.filter((one) => !ids.has(one.id) && !places.has(placeOf(one)));
    return holds(gone.length, there.length) ? gone : [];
  });
  const keysThere = new Set(found.keys.map(({ key }) => key));
  const isSeen = ({ key, lease }: KeyRecord): boolean => lease === null && !isReserved(key);
  const goneKeys = known.keys.filter((one) => isSeen(one) && !keysThere.has(one.key));
  const stay = found.keys.filter(isSeen).length;
  return { instances, keys: holds(goneKeys.length, stay) ? goneKeys : [] };
}

function byService(records: readonly InstanceRecord[]): Map<string, InstanceRecord[]> {
  const services = new Map<string, InstanceRecord[]>();
  for (const record of records) {
    const all = services.get(record.service);
    if (all === undefined) services.set(record.service, [record]);
    else all.push(record);
  }
  return services;
}

type Mark = NonNullable<InstanceRecord["held"]>;

/** The records as they are shown: of no lease, marked, and changed with the state that they are laid over. */
export function laidOver(rows: Rows, { instances, keys }: Kept, revision: Revision, held: Mark): Rows {
  const moved = <R extends { readonly createRevision: Revision; readonly modRevision: Revision }>(record: R): R => ({
    ...record,
    createRevision: Math.min(record.createRevision, revision),
    modRevision: revision,
  });
  return {
    leases: rows.leases,
    instances: [...rows.instances, ...instances.map((one) => ({ ...moved(one), lease: null, held: one.held ?? held }))],
    keys: [...rows.keys, ...keys.map(moved)],
  };
}

/** Those that are held no more because another instance has come to their place. */
export function findReplaced(
  held: readonly InstanceRecord[],
  came: readonly InstanceRecord[],
): readonly InstanceRecord[] {
  const places = new Set(came.map((one) => `${one.service} ${placeOf(one)}`));
  return held.filter((one) => places.has(`${one.service} ${placeOf(one)}`));
}
