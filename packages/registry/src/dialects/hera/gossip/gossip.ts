/**
 * @live This node among others of a cluster of hera: keeps the ledger in step with the catalog, and answers what others
 * ask for. It begins when it has others, or when one asks.
 */
import { setImmediate as turn } from "node:timers/promises";
import {
  type Account,
  type Cause,
  type Clock,
  type Commit,
  type Follower,
  type Following,
  type InstanceRecord,
  keepUp,
  leaverOf,
  type Registry,
  type View,
} from "../../../core/index.ts";
import type { Beats } from "../beats.ts";
import { blobOfOther, contentOfRecord, isFindable, nodeOf, storedBlob } from "../instances.ts";
import type { Delta, Told } from "../wire/deltas.ts";
import { keyOf, Ledger, type Word } from "./ledger.ts";

/** An answer ends after so many rows, or characters of entries: whoever asks comes again. */
const ROWS_MAX = 10_000;
const BLOBS_LENGTH_MAX = 4 * 1024 * 1024;
/** Longer than a node is away as a rule. */
const GONE_MS_MIN = 15 * 60_000;
/** So many words are looked at in one go. */
const SLICE = 2000;

export interface GossipParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly beats: Beats;
  /** This node's name. */
  readonly own: string;
  readonly others: Iterable<string>;
  readonly account: Account;
  readonly livenessMs: number;
}

export class Gossip implements Follower {
  readonly ledger: Ledger;
  readonly #parts: GossipParts;
  #following: Following | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: GossipParts) {
    this.#parts = parts;
    this.ledger = new Ledger(parts.own, parts.others);
  }

  start(): void {
    if (this.#following !== undefined) return;
    const { registry, account, livenessMs } = this.#parts;
    this.#following = keepUp(registry, { account, anyService: true }, this);
    this.#timer = setInterval(() => void this.#refresh(), livenessMs / 4).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#following?.close();
  }

  /** The node whose word counts for an instance: the one that took its entry, and this one for all others. */
  ownerOf(record: InstanceRecord): string {
    const node = nodeOf(record);
    return node !== undefined && this.ledger.knows(node) ? node : this.#parts.own;
  }

  /** A heartbeat of an entry of this node. */
  beat(record: InstanceRecord): void {
    if (this.#following !== undefined) this.#stamp(record);
  }

  read(view: View): void {
    const { own, account } = this.#parts;
    const seen = new Set<string>();
    for (const record of view.account(account)?.instances() ?? []) {
      if (this.ownerOf(record) !== own || !isFindable(record)) continue;
      const key = keyOf(record);
      seen.add(key);
      const known = this.ledger.get(own, key);
      if (known === undefined || known.goneUntilMs !== null) this.#stamp(record);
    }
    // What went while commits were missed: why is not known.
    for (const word of [...this.ledger.all(own)])
      if (word.goneUntilMs === null && !seen.has(keyOf(word))) this.ledger.drop(own, keyOf(word));
  }

  take({ changes }: Commit): void {
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      const left = leaverOf(change);
      if (left !== null) this.#gone(left, change.cause);
      if (change.after !== null) this.#changed(left === null ? change.before : null, change.after);
    }
  }

  #changed(before: InstanceRecord | null, after: InstanceRecord): void {
    const { own } = this.#parts;
    const key = keyOf(after);
    if (!isFindable(after)) {
      if (before !== null && isFindable(before)) this.#gone(after, "deregistered");
      return;
    }
    if (this.ownerOf(after) !== own) return this.ledger.drop(own, key);
    const known = this.ledger.get(own, key);
    const isSame = before !== null && isFindable(before) && contentOfRecord(before) === contentOfRecord(after);
    // The time of an entry is a heartbeat, which is told by itself.
    if (!isSame || known === undefined || known.goneUntilMs !== null || isRewritten(before, after)) this.#stamp(after);
  }

  #gone(record: InstanceRecord, cause: Cause): void {
    const key = keyOf(record);
    // What was not heard of for liveness may be heard of at another node by now. All that had it from here forget by
    // themselves.
    if (cause === "expired") return this.ledger.drop(this.#parts.own, key);
    // Another node said so.
    if (this.ledger.isGone(key)) return;
    this.#stamp(record, true);
  }

  /** How long from now an end is remembered. */
  goneUntilMs(): number {
    const { clock, livenessMs } = this.#parts;
    return clock.monotonic() + Math.max(GONE_MS_MIN, livenessMs);
  }

  #stamp(instance: Pick<Word, "service" | "id">, isGone = false): void {
    this.ledger.stamp(instance, this.#parts.clock.now(), isGone ? this.goneUntilMs() : null);
  }

  /** Another node knows greater stamps of this one, from an earlier life of it: what has lesser ones would not be heard. */
  goOnAbove(stampMs: number): void {
    const { own } = this.#parts;
    const hidden = [...this.ledger.all(own)].filter((word) => word.stampMs <= stampMs);
    this.ledger.raise(own, stampMs);
    for (const word of hidden) this.#stamp(word, word.goneUntilMs !== null);
  }

  /**
   * Forgets words that nothing is left of. And says again what others would forget, as they do not hear of it: instances
   * of other dialects are alive while they are there.
   */
  async #refresh(): Promise<void> {
    const { clock, registry, own, account, livenessMs } = this.#parts;
    this.ledger.forget(clock.monotonic());
    let looked = 0;
    for (const node of this.ledger.nodes)
      for (const word of [...this.ledger.all(node)]) {
        if (++looked % SLICE === 0) await turn();
        if (word.goneUntilMs !== null) continue;
        const record = registry.read((view) => view.instance(account, word.service, word.id));
        if (record === undefined || this.ownerOf(record) !== node) this.ledger.drop(node, keyOf(word));
        else if (node === own && storedBlob(record) === undefined && word.stampMs < clock.now() - livenessMs / 3)
          this.#stamp(record);
      }
  }

  /** What the nodes that are asked for have said since. */
  answer(cursors: ReadonlyMap<string, number>): Told {
    this.start();
    let [rows, length, more] = [ROWS_MAX, BLOBS_LENGTH_MAX, false];
    const deltas = this.#parts.registry.read((view) => {
      const found = new Map<string, Delta[]>();
      for (const [node, stampMs] of cursors) {
        const list: Delta[] = [];
        for (const word of this.ledger.after(node, stampMs)) {
          if (rows <= 0 || length <= 0) {
            more = true;
            break;
          }
          const delta = this.#deltaOf(view, node, word);
          if (delta === undefined) continue;
          list.push(delta);
          rows--;
          length -= delta.blob?.length ?? 0;
        }
        found.set(node, list);
      }
      return found;
    });
    return { deltas, more };
  }

  #deltaOf(view: View, node: string, { service, id, stampMs, goneUntilMs }: Word): Delta | undefined {
    if (goneUntilMs !== null) return { service, id, stampMs, blob: null };
    const record = view.instance(this.#parts.account, service, id);
    if (record === undefined || !isFindable(record) || this.ownerOf(record) !== node) return undefined;
    const stored = storedBlob(record);
    const blob = stored === undefined ? blobOfOther(record, stampMs) : (this.#parts.beats.of(record) ?? stored);
    return { service, id, stampMs, blob };
  }
}

/** A client wrote the entry again, with another time. */
function isRewritten(before: InstanceRecord | null, after: InstanceRecord): boolean {
  return before !== null && storedBlob(before) !== storedBlob(after);
}
