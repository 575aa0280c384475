/** @live Ends overrides that were given a time: the node on duty takes them back. */
import type { Account, Clock, InstanceKey, InstanceRecord, Nodes, Registry } from "../core/index.ts";

/** A clock may be set: it is looked at so often at least. */
const LOOK_MS_MAX = 60_000;
const RETRY_MS = 1000;

interface Timed {
  readonly account: Account;
  readonly instance: InstanceKey;
  readonly untilMs: number;
}

interface Parts {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly clock: Clock;
}

export class Overrides {
  readonly #parts: Parts;
  readonly #off: () => void;
  readonly #timed = new Map<string, Timed>();
  #timer: NodeJS.Timeout | undefined;
  #lookAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#off = parts.nodes.onDuty(() => this.#look());
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#off();
  }

  /** One that is taken back, or becomes another, is told from this when its time has come. */
  note(account: Account, { service, id, overridden }: InstanceRecord): void {
    if (overridden === undefined || overridden.untilMs === 0) return;
    const { untilMs } = overridden;
    this.#timed.set(`${account}\0${service}\0${id}`, { account, instance: { service, id }, untilMs });
    if (untilMs < this.#lookAtMs) this.#lookAt(untilMs);
  }

  #lookAt(atMs: number): void {
    clearTimeout(this.#timer);
    this.#lookAtMs = atMs;
    const inMs = Math.min(LOOK_MS_MAX, Math.max(0, atMs - this.#parts.clock.now()));
    this.#timer = setTimeout(() => this.#look(), inMs).unref();
  }

  #look(): void {
    const { nodes, clock } = this.#parts;
    const nowMs = clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [name, timed] of this.#timed) {
      if (timed.untilMs > nowMs) nextMs = Math.min(nextMs, timed.untilMs);
      else if (nodes.isOnDuty()) {
        this.#timed.delete(name);
        void this.#end(name, timed);
      }
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#lookAt(nextMs);
    else this.#lookAtMs = nextMs;
  }

  /** Tried again while the store takes nothing. */
  async #end(name: string, timed: Timed): Promise<void> {
    const { account, instance, untilMs } = timed;
    const ended = await this.#parts.registry.propose(account, {
      ...{ kind: "override", instance, status: null },
      ifUntilMs: untilMs,
    });
    if (ended.ok || (ended.refusal !== "unavailable" && ended.refusal !== "unknown")) return;
    this.#timed.set(name, timed);
    this.#lookAt(Math.min(this.#lookAtMs, this.#parts.clock.now() + RETRY_MS));
  }
}
