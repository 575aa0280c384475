import { RollcallError } from "../error.ts";
import type { EventsBody } from "../follow/changes.ts";
import { pathOf, type Query, type Transport } from "../http/transport.ts";
import type { InstanceBody, ServiceBody } from "../shapes.ts";
import { backoffMs, pause, release } from "../wait.ts";
import { type BalanceOptions, Balancer, type Standing, type Taken } from "./balance/balancer.ts";
import { findGone, type HoldOptions, judgeLoss, type Loss, WINDOW_MS } from "./hold.ts";
import { Saved, type Snapshots } from "./saved.ts";

/** Which instances of a service are wanted. All conditions must hold. */
export interface InstanceFilter {
  readonly tags?: readonly string[];
  readonly zone?: string;
  readonly version?: string;
  readonly protocol?: string;
  /** Any of these; `healthy` means passing or warning. */
  readonly status?: string | readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  /** The dialect that it came through. */
  readonly via?: string;
  readonly address?: string;
  /** Whether protection holds it. */
  readonly held?: boolean;
  /** Whether an operator's word counts. */
  readonly override?: boolean;
  /** In its service, its id, or its address with the port, whatever the case. */
  readonly q?: string;
}

export function toQuery(filter: InstanceFilter): Query {
  const { tags, meta, ...rest } = filter;
  const query: Record<string, Query[string]> = { ...rest, tag: tags };
  for (const [key, value] of Object.entries(meta ?? {})) query[`meta.${key}`] = value;
  return query;
}

/** The instances of one service, kept up to date in memory. */
export interface Discovery {
  readonly service: string;
  /**
   * The last known instances; they stay while the registry is out of reach. `held` marks those that the registry holds,
   * and those that it lost and the client holds (`DiscoverOptions.hold`).
   */
  readonly instances: readonly InstanceBody[];
  /** True while what is shown may be out of date: the registry is out of reach, or the client holds what it lost. */
  readonly stale: boolean;
  /**
   * The next instance, by the policy (`DiscoverOptions.balance`) and as often as its weight says; undefined when there is
   * none. One of weight 0 only when all are, one that is not healthy only when none is. `key`: what it is asked for, for
   * `rendezvous`.
   */
  pick(key?: string): InstanceBody | undefined;
  /** As `pick`, and counts as a call under way until its `done` tells how it went. */
  take(key?: string): Taken | undefined;
  /** What calls begun with `take` have shown of each instance: what is under way, what failed, what is ejected. */
  standings(): readonly Standing[];
  /** Tells each change from now on. Returns its cancel. */
  onChange(listener: (instances: readonly InstanceBody[]) => void): () => void;
  /** Resolves with the first answer of the registry, or with a snapshot where there is one and no answer. */
  readonly ready: Promise<void>;
  close(): void;
}

export interface DiscoverOptions extends InstanceFilter, BalanceOptions {
  readonly onChange?: (instances: readonly InstanceBody[]) => void;
  /** Who asks: makes it a known consumer of the service, for the dependency graph. */
  readonly consumer?: string;
  /** How long one request waits for a change. */
  readonly waitMs?: number;
  /** When instances that the registry lost at once are held, or false: never. */
  readonly hold?: HoldOptions | false;
  /** Keeps what is known, for a start while the registry is out of reach: then it is shown, and `stale`. */
  readonly snapshots?: Snapshots;
}

/** Follows one service by long-poll. Healthy instances only, unless `status` says otherwise. */
export function discover(transport: Transport, service: string, options: DiscoverOptions = {}): Discovery {
  const followed = new Followed(transport, service, options);
  const ready = followed.follow();
  // A refusal that nobody waits for must not end the process.
  ready.catch(() => {});
  return {
    service,
    ready,
    get instances() {
      return followed.instances;
    },
    get stale() {
      return followed.stale;
    },
    pick: (key) => followed.balancer.pick(key),
    take: (key) => followed.balancer.take(key),
    standings: () => followed.balancer.standings(),
    onChange(listener) {
      followed.listeners.add(listener);
      return () => followed.listeners.delete(listener);
    },
    close: () => followed.close(),
  };
}

/** So long a snapshot waits for the registry to tell better, in ms. */
const SNAPSHOT_AFTER_MS = 1000;

/** The longest that a timer can wait. */
const MS_MAX = 2 ** 31 - 1;

/** Events by which an instance goes because somebody said so, and how many of the latest are looked through. */
const GOODBYES = ["instance.deregistered", "instance.closed", "instance.released"];
const GOODBYES_MAX = 1000;

class Followed {
  readonly balancer: Balancer;
  readonly listeners = new Set<(instances: readonly InstanceBody[]) => void>();
  instances: readonly InstanceBody[] = [];
  readonly #transport: Transport;
  readonly #service: string;
  readonly #options: DiscoverOptions;
  readonly #path: string;
  readonly #query: Query;
  readonly #waitMs: number;
  readonly #saved: Saved | undefined;
  readonly #stop = new AbortController();
  /** Instances that the registry lost, each with when it is let go, in ms of `performance.now()`. */
  readonly #held = new Map<string, number>();
  /** Instances that went lately, with the time: what goes soon after them is part of the same loss. */
  #went: ReadonlyMap<string, { readonly instance: InstanceBody; readonly atMs: number }> = new Map();
  #letGo: ReturnType<typeof setTimeout> | undefined;
  #away = true;
  /** The service's latest revision that was seen, also from a registry that is another one now. */
  #revision = 0;
  /** What is shown is a snapshot: the registry has not answered yet. */
  #isSnapshot = false;
  #hasAnswer = false;

  constructor(transport: Transport, service: string, options: DiscoverOptions) {
    this.#transport = transport;
    this.#service = service;
    this.#options = options;
    this.#path = pathOf("v2", transport.account, "services", service);
    const { onChange, hold: _h, balance: _b, near: _n, outliers: _o, waitMs = 30_000, ...rest } = options;
    const { snapshots, consumer, ...filter } = rest;
    this.#waitMs = waitMs;
    const query = { status: "healthy", ...toQuery(filter) };
    this.#query = { ...query, consumer };
    this.#saved = snapshots && new Saved(snapshots, service, JSON.stringify([transport.account, service, query]));
    this.balancer = new Balancer(options);
    if (onChange !== undefined) this.listeners.add(onChange);
  }

  get stale(): boolean {
    return this.#away || this.#held.size > 0;
  }

  /** Resolves with the first answer, rejects with the first refusal; goes on until `close`. */
  follow(): Promise<void> {
    return new Promise((resolve, reject) => void this.#run(resolve, reject));
  }

  close(): void {
    clearTimeout(this.#letGo);
    this.#stop.abort();
  }

  async #run(settle: () => void, fail: (error: unknown) => void): Promise<void> {
    const recalled = this.#recall(settle);
    let after: number | undefined;
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      try {
        after = await this.#poll(after);
        failures = 0;
        settle();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#away = true;
        // Asked afresh: the registry that comes back may be another one.
        after = undefined;
        if (error instanceof RollcallError && !error.transient) fail(error);
        await recalled;
        if (this.#isSnapshot) settle();
        await pause(backoffMs(failures++), this.#stop.signal);
      }
    }
  }

  /** Shows the snapshot at once, if there is one; it is good enough to begin with when the registry is slow. */
  async #recall(settle: () => void): Promise<void> {
    const known = await this.#saved?.read();
    if (known === undefined || this.#hasAnswer || this.#stop.signal.aborted) return;
    this.#isSnapshot = true;
    this.#revision = known.revision;
    this.#show(known.instances);
    void pause(SNAPSHOT_AFTER_MS, this.#stop.signal).then(settle);
  }

  async #poll(after: number | undefined): Promise<number> {
    const waitMs = this.#waitMs;
    const { revision, instances } = await this.#transport.json<ServiceBody>({
      path: this.#path,
      query: after === undefined ? this.#query : { ...this.#query, after, wait: `${waitMs}ms` },
      waitMs: after === undefined ? 0 : waitMs,
      signal: this.#stop.signal,
    });
    if (revision === after) this.#away = false;
    else await this.#take(revision, instances);
    return revision;
  }

  async #take(revision: number, found: readonly InstanceBody[]): Promise<void> {
    this.#hasAnswer = true;
    const forgot = revision < this.#revision;
    // What a snapshot shows is held only when the registry lost it: else it went while nobody looked.
    const known = forgot ? this.instances : this.#isSnapshot ? [] : [...this.instances, ...this.#wentLately()];
    const held = await this.#hold({ known, found, held: this.#held, forgot });
    if (this.#stop.signal.aborted) return;
    this.#revision = revision;
    this.#isSnapshot = false;
    this.#away = false;
    this.#letGoLater();
    this.#show([...found, ...held]);
    this.#saved?.write({ revision, instances: this.instances });
  }

  #show(instances: readonly InstanceBody[]): void {
    this.instances = instances;
    this.balancer.set(instances);
    for (const listener of this.listeners) listener(instances);
  }

  /** What is held beside the instances that are found, marked. */
  async #hold(loss: Loss): Promise<readonly InstanceBody[]> {
    const hold = this.#options.hold ?? {};
    if (hold === false) return [];
    this.#dropOver();
    const gone = findGone(loss);
    for (const id of this.#held.keys()) if (!gone.some((one) => one.id === id)) this.#held.delete(id);
    const held = gone.filter(({ id }) => this.#held.has(id));
    const missing = gone.filter(({ id }) => !this.#held.has(id));
    let lost: readonly InstanceBody[] = missing;
    let reason = judgeLoss(gone.length, loss, hold);
    if (lost.length > 0 && reason !== undefined) {
      lost = await this.#findLost(missing);
      reason = judgeLoss(held.length + lost.length, loss, hold);
    }
    this.#remember(reason === undefined ? lost : []);
    if (lost.length === 0 || reason === undefined) return held;
    const { holdMs = 600_000 } = hold;
    for (const { id } of lost) this.#held.set(id, performance.now() + holdMs);
    const nowMs = Date.now();
    const until = new Date(nowMs + holdMs).toISOString();
    const mark = { since: new Date(nowMs).toISOString(), until, reason };
    return [...held, ...lost.map((one) => ({ ...one, held: mark }))];
  }

  /** Keeps those that are not shown any more for a while. */
  #remember(gone: readonly InstanceBody[]): void {
    const nowMs = performance.now();
    this.#went = new Map(gone.map((one) => [one.id, this.#went.get(one.id) ?? { instance: one, atMs: nowMs }]));
  }

  #wentLately(): readonly InstanceBody[] {
    const sinceMs = performance.now() - WINDOW_MS;
    return [...this.#went.values()].filter(({ atMs }) => atMs > sinceMs).map(({ instance }) => instance);
  }

  /** Those among the missing that are not there in another state, and of which nobody said that they go. */
  async #findLost(missing: readonly InstanceBody[]): Promise<readonly InstanceBody[]> {
    const { account } = this.#transport;
    const query = { type: GOODBYES, service: this.#service, limit: GOODBYES_MAX };
    const read = { signal: this.#stop.signal };
    // A registry that does not say keeps nobody from being held.
    const [all, goodbyes] = await Promise.all([
      this.#transport.json<ServiceBody>({ ...read, path: this.#path }).catch(() => undefined),
      this.#transport
        .json<EventsBody>({ ...read, path: pathOf("v2", account, "events"), query })
        .catch(() => undefined),
    ]);
    const there = new Set(all?.instances?.map(({ id }) => id));
    const gone = new Map<string | undefined, number>();
    for (const { instance, revision } of goodbyes?.events ?? []) gone.set(instance, revision);
    return missing.filter(({ id, modRevision }) => !there.has(id) && !((gone.get(id) ?? 0) > modRevision));
  }

  /** Forgets which were held long enough, and answers them. */
  #dropOver(): ReadonlySet<string> {
    const nowMs = performance.now();
    const over = new Set<string>();
    for (const [id, untilMs] of this.#held) if (untilMs <= nowMs) over.add(id);
    for (const id of over) this.#held.delete(id);
    return over;
  }

  #letGoLater(): void {
    clearTimeout(this.#letGo);
    const [firstMs] = this.#held.values();
    if (firstMs === undefined) return;
    const letGo = () => {
      // What is known stays while the registry is out of reach; its next answer decides.
      if (this.#away) return;
      const over = this.#dropOver();
      if (over.size > 0) this.#show(this.instances.filter(({ id }) => !over.has(id)));
      this.#letGoLater();
    };
    this.#letGo = setTimeout(letGo, Math.min(Math.max(0, firstMs - performance.now()), MS_MAX));
    release(this.#letGo);
  }
}
