/** @live What other nodes say becomes so here, where it is later than what is known: one answer after the other. */
import type { Logger } from "pino";
import {
  type Account,
  byPlan,
  type InstanceRecord,
  type LeaseId,
  noteOf,
  type Outcome,
  type Registry,
} from "../../../core/index.ts";
import type { Beats } from "../beats.ts";
import { contentOfRecord, MERGE, nodeOf, toInstance } from "../instances.ts";
import { contentOf } from "../wire/blob.ts";
import type { Delta, Told } from "../wire/deltas.ts";
import type { Gossip } from "./gossip.ts";
import { keyOf } from "./ledger.ts";

/** Changes under way at once: they share the flushes of the disk. */
const TOGETHER = 256;
/** Somebody else may change the same instance at that very moment. */
const TRIES_MAX = 3;

export interface MergeParts {
  readonly registry: Registry;
  readonly gossip: Gossip;
  readonly beats: Beats;
  readonly log: Logger;
  readonly account: Account;
  readonly own: string;
  readonly livenessMs: number;
}

export class Merger {
  readonly #parts: MergeParts;
  #turn: Promise<unknown> = Promise.resolve();
  #beats: LeaseId[] = [];

  constructor(parts: MergeParts) {
    this.#parts = parts;
  }

  /** Resolves when all of it is done. */
  take({ deltas }: Told): Promise<void> {
    const done = this.#turn.then(async () => {
      for (const [node, list] of deltas) await this.#takeNode(node, list);
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #takeNode(node: string, list: readonly Delta[]): Promise<void> {
    const { gossip, own, registry, account } = this.#parts;
    const latest = latestOf(list);
    const last = latest.at(-1)?.stampMs ?? 0;
    if (node === own) gossip.goOnAbove(last);
    for (let at = 0; at < latest.length; at += TOGETHER) {
      const some = latest.slice(at, at + TOGETHER);
      await Promise.all(some.map((delta) => (node === own ? this.#recover(delta) : this.#takeOne(node, delta))));
      const beats = this.#beats.splice(0);
      if (beats.length > 0) await registry.renewMany(account, beats);
    }
    gossip.ledger.raise(node, last);
  }

  async #takeOne(node: string, delta: Delta): Promise<void> {
    const { gossip } = this.#parts;
    const { service, id, stampMs, blob } = delta;
    const key = keyOf(delta);
    if (!gossip.ledger.isNews(node, key, stampMs)) return;
    const before = this.#find(delta);
    if (blob === null) {
      gossip.ledger.put(node, { service, id, stampMs, goneUntilMs: gossip.goneUntilMs() });
      // An instance of another dialect lives by what is said here.
      if (before !== undefined && nodeOf(before) !== undefined) await this.#propose(node, delta, before);
      return;
    }
    if (before === undefined && (await this.#wentLater(delta))) return;
    const isSame = before !== undefined && contentOfRecord(before) === contentOf(blob);
    // It is what that node was shown, or what somebody registered here as well: it lives by what is said here.
    if (isSame && nodeOf(before) === undefined) return;
    gossip.ledger.put(node, { service, id, stampMs, goneUntilMs: null });
    if (isSame && nodeOf(before) === node) return this.#hear(before, blob);
    const done = await this.#propose(node, delta, before);
    if (done) return;
    // It is told again with the next heartbeat.
    gossip.ledger.drop(node, key);
  }

  #hear(record: InstanceRecord, blob: string): void {
    this.#parts.beats.note(this.#parts.account, record, blob);
    if (record.lease !== null) this.#beats.push(record.lease);
  }

  /** This node's own entries, as others know them from before it lost its store. */
  async #recover(delta: Delta): Promise<void> {
    const { own, registry, account } = this.#parts;
    if (delta.blob === null || this.#find(delta) !== undefined) return;
    if ((await registry.goneAt(account, delta)) === 0) await this.#propose(own, delta, undefined);
  }

  /** Whether the instance was taken away here after that was said: for who has no ledger of it any more. */
  async #wentLater(delta: Delta): Promise<boolean> {
    const { registry, account } = this.#parts;
    const revision = await registry.goneAt(account, delta);
    if (revision === 0) return false;
    const commits = await registry.history(revision - 1, 1);
    const commit = commits.ok ? commits.value[0] : undefined;
    if (commit?.revision !== revision || commit.atMs < delta.stampMs) return false;
    return commit.changes.some(
      (one) =>
        one.kind === "instance" && one.before !== null && keyOf(one.before) === keyOf(delta) && one.cause !== "expired",
    );
  }

  /** False when it is refused. */
  async #propose(node: string, delta: Delta, seen: InstanceRecord | undefined): Promise<boolean> {
    const { registry, account, livenessMs, log } = this.#parts;
    const { service, id, blob } = delta;
    let before = seen;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const outcome: Outcome<unknown> = await registry.propose(
        account,
        byPlan(MERGE, {
          instance: toInstance({ service, id, blob: blob ?? "null", node }),
          stays: blob !== null,
          ttlMs: livenessMs,
          seen: before?.modRevision ?? 0,
        }),
      );
      if (!outcome.ok) {
        log.debug({ node, service, id, why: outcome.detail }, "what another node says is refused");
        return false;
      }
      if (noteOf(MERGE, outcome.value as never)) return true;
      before = this.#find(delta);
      // Gone, or its keeper's own word by now.
      if (blob === null && before === undefined) return true;
    }
    return false;
  }

  #find({ service, id }: Delta): InstanceRecord | undefined {
    return this.#parts.registry.read((view) => view.instance(this.#parts.account, service, id));
  }
}

/** The latest word on each instance, oldest first. */
function latestOf(list: readonly Delta[]): readonly Delta[] {
  const latest = new Map<string, Delta>();
  for (const delta of list) {
    const known = latest.get(keyOf(delta));
    if (known === undefined || known.stampMs < delta.stampMs) latest.set(keyOf(delta), delta);
  }
  return [...latest.values()].sort((a, b) => a.stampMs - b.stampMs);
}
