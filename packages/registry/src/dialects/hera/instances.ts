/** Entries of hera <-> instances of the catalog. */
import {
  type Account,
  type Instance,
  type InstanceRecord,
  LIMITS,
  mainPort,
  ok,
  type Plan,
  statusOf,
  UNSAID,
} from "../../core/index.ts";
import { BLOB_LENGTH_MAX, contentOf, reachedBy, writeBlob } from "./wire/blob.ts";

export const VIA = "hera";

/** The key of an instance's meta for the node that took its entry. */
const META_NODE = "hera.node";
/** The keys for the entry, in pieces. */
const META_BLOB = "hera.blob";
const PIECES_MAX = Math.ceil(BLOB_LENGTH_MAX / LIMITS.metaValueLengthMax);

export interface Entry {
  readonly service: string;
  readonly id: string;
  /** Compact. */
  readonly blob: string;
  /** The node that took it. */
  readonly node: string;
}

export function toInstance({ service, id, blob, node }: Entry): Instance {
  const { host, port } = reachedBy(blob);
  return {
    ...UNSAID,
    service,
    id,
    address: host,
    ports: port === 0 ? {} : { default: port },
    meta: { [META_NODE]: node, ...piecesOf(blob) },
    weight: 100,
    via: VIA,
  };
}

function piecesOf(blob: string): Record<string, string> {
  const pieces: Record<string, string> = {};
  const length = LIMITS.metaValueLengthMax;
  for (let at = 0, n = 0; at < blob.length; at += length, n++) pieces[pieceOf(n)] = blob.slice(at, at + length);
  return pieces;
}

function pieceOf(n: number): string {
  return n === 0 ? META_BLOB : `${META_BLOB}.${n}`;
}

/** The entry as it was stored; undefined for an instance that another dialect has registered since. */
export function storedBlob({ via, meta }: InstanceRecord): string | undefined {
  if (via !== VIA) return undefined;
  let blob = "";
  for (let n = 0; n < PIECES_MAX; n++) blob += meta[pieceOf(n)] ?? "";
  return blob === "" ? undefined : blob;
}

/** The node that took the entry, by what the instance says; undefined for one that came another way. */
export function nodeOf({ via, meta }: InstanceRecord): string | undefined {
  return via === VIA ? meta[META_NODE] : undefined;
}

/** What an instance says besides the time. */
export function contentOfRecord(record: InstanceRecord): string {
  return contentOf(storedBlob(record) ?? blobOfOther(record, 0));
}

/** The entry of an instance that another dialect registered. */
export function blobOfOther(record: InstanceRecord, updatedAtMs: number): string {
  return writeBlob({ host: record.address, port: mainPort(record.ports) ?? 0 }, updatedAtMs);
}

/** Whether clients that look for services are to find it. */
export function isFindable(record: InstanceRecord): boolean {
  const status = statusOf(record);
  return status === "passing" || status === "warning";
}

/** What another node says becomes so, unless the instance has changed since that was decided. */
export interface Merge {
  readonly instance: Instance;
  /** False when it is gone. */
  readonly stays: boolean;
  readonly ttlMs: number;
  /** The revision at which the instance was looked at; 0 when there was none. */
  readonly seen: number;
}

/** The note is false when the instance has changed since. */
export const MERGE: Plan<Merge, boolean> = {
  name: "hera/merge",
  make(facts, account: Account, { instance, stays, ttlMs, seen }) {
    const record = facts.instance(account, instance.service, instance.id);
    if ((record?.modRevision ?? 0) !== seen) return ok({ command: null, note: false });
    const command = stays
      ? ({ kind: "register", instance, life: { ttlMs } } as const)
      : ({ kind: "deregister", instance: { service: instance.service, id: instance.id } } as const);
    return ok({ command, note: true });
  },
};
