/**
 * @live What heartbeats say: most change nothing of an entry but its time. They renew the lease and are written nowhere;
 * the latest is kept beside the record, and told to the nodes that share the store.
 */
import { type Account, ALONE, type Clock, type InstanceRecord, type Nodes, type Registry } from "../../core/index.ts";
import { contentOfRecord } from "./instances.ts";
import { BLOB_LENGTH_MAX, contentOf } from "./wire/blob.ts";

const CHANNEL = "hera";
/** Nodes are told of many at once, so late. */
const GATHER_MS = 250;
const TOGETHER_BYTES_MAX = 256 * 1024;

/** A word without a time is of an older version, and new. */
type Told = readonly [account: Account, service: string, id: string, blob: string, atMs?: number];

interface Latest {
  readonly blob: string;
  /** By the clock of the node that heard it. */
  readonly atMs: number;
}

export class Beats {
  readonly #registry: Registry;
  readonly #nodes: Nodes;
  readonly #clock: Clock;
  /** A record that is replaced takes what was said of it along. */
  readonly #latest = new WeakMap<InstanceRecord, Latest>();
  #waiting: Told[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #unlisten: () => void;

  constructor(registry: Registry, nodes: Nodes, clock: Clock) {
    this.#registry = registry;
    this.#nodes = nodes;
    this.#clock = clock;
    this.#unlisten = nodes.on(CHANNEL, (bytes) => this.#hear(bytes));
  }

  /** The entry as the latest heartbeat had it; undefined when none has come since it was stored. */
  of(record: InstanceRecord): string | undefined {
    return this.#latest.get(record)?.blob;
  }

  /** `record` is that of the view, and says the same but for the time. */
  note(account: Account, record: InstanceRecord, blob: string): void {
    const atMs = this.#clock.now();
    this.#latest.set(record, { blob, atMs });
    if (this.#nodes === ALONE) return;
    this.#waiting.push([account, record.service, record.id, blob, atMs]);
    this.#waitingBytes += blob.length;
    if (this.#waitingBytes > TOGETHER_BYTES_MAX) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#unlisten();
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const told = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (told.length > 0) this.#nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify(told)));
  }

  #hear(bytes: Uint8Array): void {
    for (const [account, service, id, blob, atMs = this.#clock.now()] of readTold(bytes)) {
      const record = this.#registry.read((view) => view.instance(account, service, id));
      if (record === undefined || contentOfRecord(record) !== contentOf(blob)) continue;
      // Clients may beat at any node, whose words come in any order.
      if ((this.#latest.get(record)?.atMs ?? 0) <= atMs) this.#latest.set(record, { blob, atMs });
    }
  }
}

/** Another version's word may look otherwise. */
function readTold(bytes: Uint8Array): readonly Told[] {
  const rows: unknown = JSON.parse(Buffer.from(bytes).toString());
  return Array.isArray(rows) ? rows.filter(isTold) : [];
}

function isTold(row: unknown): row is Told {
  if (!Array.isArray(row) || row.length < 4 || row.length > 5) return false;
  const [texts, atMs] = [row.slice(0, 4), row[4]];
  if (!texts.every((one) => typeof one === "string") || (row[3] as string).length > BLOB_LENGTH_MAX) return false;
  return atMs === undefined || Number.isSafeInteger(atMs);
}
