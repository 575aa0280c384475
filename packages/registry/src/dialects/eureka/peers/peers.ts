/**
 * @live The other servers of a Eureka cluster. What happens here is passed on to each of them, whichever dialect it came
 * through; what came from one of them is not. Ends of leases are not passed on either: every server sees them by itself.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Account,
  type Commit,
  type Following,
  type InstanceRecord,
  keepUp,
  type LeaseId,
  leaverOf,
  type Revision,
} from "../../../core/index.ts";
import type { Desk, PeerStatus } from "../desk.ts";
import { infoOf, lastDirtyOf } from "../instances/info.ts";
import type { Origin, Replication } from "../instances/operations.ts";
import type { InstanceInfo } from "../wire/messages.ts";
import { Gone } from "./gone.ts";
import { joinOnce } from "./join.ts";
import { Natives } from "./natives.ts";
import { showUrl, toNews, toPauseMs } from "./news.ts";
import { Peer } from "./peer.ts";
import { isSelf } from "./self.ts";

/** A commit is looked at so much later: by then it is known whether it came from a peer. */
const SETTLE_MS = 100;
const SWEEP_MS = 250;
/** The start waits no longer than this for a peer's registry; the rest comes in afterwards. */
const JOIN_MS_MAX = 5000;
const RETRY_MS = 250;
const RETRY_MS_MAX = 30_000;
/** On which nodes of one registry tell each other which commits came from a peer. */
const CHANNEL = "eureka/replicated";
/** A stop waits no longer than this for what is still to be said. */
const GRACE_MS = 1000;

export interface Peers extends Replication {
  /** What is shown of them. */
  status(): readonly PeerStatus[];
  /** Takes over what a peer has. Resolves when that is done, or has taken too long to wait for. */
  join(): Promise<void>;
  close(): Promise<void>;
}

/** Costs nothing when there are no peers. */
export function openPeers(desk: Desk): Peers {
  return desk.settings.peers.length === 0 ? new Alone() : new Cluster(desk);
}

class Alone implements Peers {
  beaten(): void {}
  taken(): void {}
  isGone(): boolean {
    return false;
  }
  status(): readonly PeerStatus[] {
    return [];
  }
  async join(): Promise<void> {}
  async close(): Promise<void> {}
}

class Cluster implements Peers {
  readonly #desk: Desk;
  readonly #origin: Origin;
  readonly #abort = new AbortController();
  readonly #natives = new Natives();
  readonly #following: Following;
  /** By lease, which a heartbeat has at hand: until then (monotonic ms) no other heartbeat is passed on. */
  readonly #pauses = new Map<string, number>();
  /** Commits that have not settled yet. */
  #fresh: Commit[] = [];
  /** The revisions of commits that came from a peer. */
  readonly #replicated = new Set<Revision>();
  /** Those among them that the other nodes of this registry are still to be told of. */
  readonly #untold: Revision[] = [];
  readonly #deafen: () => void;
  readonly #gone = new Gone();
  #settling: NodeJS.Timeout | undefined;
  #peers: readonly Peer[] = [];
  #sweep: NodeJS.Timeout | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#deafen = desk.nodes.on(CHANNEL, (bytes) => this.#hear(bytes));
    this.#origin = { replicated: true, account: desk.settings.account };
    const { account } = this.#origin;
    // All of the account: no narrower scope has the changes of leases.
    this.#following = keepUp(
      desk.registry,
      { account },
      {
        read: (view) => this.#natives.scan(view.account(account), desk.clock.monotonic()),
        take: (commit) => {
          this.#bury(commit);
          this.#fresh.push(commit);
          this.#settling ??= setTimeout(() => this.#settle(), SETTLE_MS);
        },
      },
    );
  }

  async join(): Promise<void> {
    await this.#openPeers();
    if (this.#peers.length === 0) return;
    this.#sweep = setInterval(() => this.#tellDue(), SWEEP_MS);
    const first = this.#takeOver();
    const late = sleep(JOIN_MS_MAX, undefined, { signal: this.#abort.signal, ref: false }).catch(() => undefined);
    void first.then((isDone) => (isDone ? undefined : this.#takeOverLater()));
    await Promise.race([first, late]);
  }

  beaten(account: Account, record: InstanceRecord): void {
    if (account !== this.#origin.account || record.lease === null) return;
    const nowMs = this.#desk.clock.monotonic();
    const nextMs = this.#pauses.get(record.lease);
    if (nextMs !== undefined && nowMs < nextMs) return;
    const ttlMs = this.#desk.registry.read((view) => view.lease(account, record.lease ?? "")?.ttlMs);
    const pauseMs = toPauseMs(record, ttlMs);
    this.#pauses.set(record.lease, nowMs + pauseMs);
    for (const peer of this.#peers) peer.beat(record.service, record.id, nowMs + pauseMs);
  }

  taken(account: Account, revision: Revision): void {
    // Other accounts' commits are not followed: nobody would ever take them off.
    if (account !== this.#origin.account) return;
    this.#replicated.add(revision);
    // The node on duty passes on what came through any: it must not tell the peers of what is theirs.
    this.#untold.push(revision);
    if (this.#untold.length > 1) return;
    setImmediate(() => {
      const revisions = this.#untold.splice(0);
      this.#desk.nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify(revisions)));
    });
  }

  /** Another node took these from a peer. Their commits may have come before, or are still to come. */
  #hear(bytes: Uint8Array): void {
    for (const revision of JSON.parse(Buffer.from(bytes).toString()) as Revision[]) this.#replicated.add(revision);
  }

  isGone(account: Account, app: string, id: string, dirtyMs: number | undefined): boolean {
    return account === this.#origin.account && this.#gone.has(app, id, dirtyMs, this.#desk.clock.monotonic());
  }

  status(): readonly PeerStatus[] {
    return this.#peers.map((peer) => peer.status);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#following.close();
    this.#deafen();
    clearInterval(this.#sweep);
    clearTimeout(this.#settling);
    this.#settle();
    await Promise.all(this.#peers.map((peer) => peer.close(GRACE_MS)));
  }

  async #openPeers(): Promise<void> {
    const { settings, listener, clock, log } = this.#desk;
    const others: string[] = [];
    for (const url of new Set(settings.peers))
      if (await isSelf(url, listener)) log.info(`peer ${showUrl(url)} is this server itself`);
      else others.push(url);
    const identity = `${listener.host}:${listener.port}`;
    this.#peers = others.map(
      (url) =>
        new Peer({
          url,
          identity,
          clock,
          log,
          show: (service, id) => this.#show(service, id),
          adopt: (service, id, info) => this.#adopt(service, id, info),
          onBack: (peer) => this.#tellAll(peer),
        }),
    );
  }

  /** False when nobody was reached. */
  async #takeOver(): Promise<boolean> {
    const { operations, log } = this.#desk;
    const parts = { peers: this.#peers, operations, origin: this.#origin, log, signal: this.#abort.signal };
    try {
      const joined = await joinOnce(parts);
      if (joined.kind === "joined") {
        const { peer, taken, refused } = joined;
        log.info({ peer, taken, refused }, `took over ${taken} instances from peer ${peer}, refused ${refused}`);
      }
      return joined.kind !== "nobody";
    } catch (error) {
      log.error({ err: error }, "taking over a peer's registry failed");
      return true;
    }
  }

  /** In the background: the first server of a cluster has no other to ask. */
  async #takeOverLater(): Promise<void> {
    const { signal } = this.#abort;
    let pauseMs = RETRY_MS;
    do {
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX);
    } while (!signal.aborted && !(await this.#takeOver()));
  }

  /** Notes at once what was taken out: a peer's word about it may come next. What expired here may be alive there. */
  #bury(commit: Commit): void {
    const nowMs = this.#desk.clock.monotonic();
    for (const change of commit.changes) {
      const leaver = change.kind === "instance" && change.cause !== "expired" ? leaverOf(change) : null;
      if (leaver !== null) this.#gone.add(leaver.service, leaver.id, lastDirtyOf(leaver), nowMs);
    }
  }

  #settle(): void {
    this.#settling = undefined;
    const commits = this.#fresh;
    this.#fresh = [];
    for (const commit of commits) this.#tell(commit, this.#replicated.has(commit.revision));
    const settled = commits.at(-1)?.revision ?? 0;
    for (const revision of this.#replicated) if (revision <= settled) this.#replicated.delete(revision);
  }

  #tell(commit: Commit, isReplicated: boolean): void {
    const nowMs = this.#desk.clock.monotonic();
    const isOnDuty = this.#desk.nodes.isOnDuty();
    for (const change of commit.changes) {
      const news = isReplicated || !isOnDuty || this.#peers.length === 0 ? [] : toNews(change);
      for (const one of news) for (const peer of this.#peers) peer.add(one);
      if (change.kind !== "instance") continue;
      const { after } = change;
      if (after !== null) this.#natives.learn(after, news.length > 0, nowMs);
      const leaver = leaverOf(change);
      if (leaver === null) continue;
      this.#natives.forget(leaver.service, leaver.id);
      this.#pauses.delete(leaver.lease ?? "");
    }
  }

  #tellDue(): void {
    const { registry, nodes, clock } = this.#desk;
    const name = this.#origin.account;
    const nowMs = clock.monotonic();
    registry.read((view) => {
      const pulse = (lease: LeaseId) => registry.pulse(name, lease);
      const due = { account: view.account(name), pulse, isOnDuty: nodes.isOnDuty(), nowMs };
      this.#natives.due(due, (service, id, everyMs) => {
        for (const peer of this.#peers) peer.beat(service, id, nowMs + everyMs);
      });
      return true;
    });
  }

  /** A peer that is back hears of all natives: this server alone speaks for them, the other clients beat again soon. */
  #tellAll(peer: Peer): void {
    if (!this.#desk.nodes.isOnDuty()) return;
    const untilMs = this.#desk.clock.monotonic() + RETRY_MS_MAX;
    this.#natives.each((service, id) => peer.beat(service, id, untilMs));
  }

  #show(service: string, id: string): InstanceInfo | undefined {
    const { registry, settings } = this.#desk;
    const { account } = this.#origin;
    const record = registry.read((view) => view.instance(account, service, id));
    if (record === undefined) return undefined;
    const info = infoOf({ registry, dataCenter: settings.dataCenter }, account, record);
    const dirtyMs = this.#natives.dirtyOf(record);
    return dirtyMs === undefined ? info : { ...info, lastDirtyTimestamp: dirtyMs };
  }

  /** Takes a peer's newer copy, but not of an instance that another protocol's client keeps alive here. */
  async #adopt(service: string, id: string, info: InstanceInfo): Promise<void> {
    if (this.#natives.has(service, id)) return;
    await this.#desk.operations.register(info, info.app, this.#origin);
  }
}
