/**
 * @live Tells clients that a service they watch has ended. A callback lies in the store until it was made, so a restart
 * forgets none: a watched registration that is not there any more has ended, whether its end was seen or not.
 */
import type { Logger } from "pino";
import {
  type Account,
  type Bytes,
  type Change,
  type Clock,
  type Commit,
  type Following,
  type InstanceRecord,
  type KeyRecord,
  keepUp,
  leaverOf,
  type Nodes,
  prefixEnd,
  type Registry,
  subjectOf,
  type View,
} from "../../../core/index.ts";
import type { Calls } from "../../contract.ts";
import { toBody } from "../instances.ts";
import type { Settings } from "../settings.ts";
import { encodeJson, toRfc3339 } from "../wire/answer.ts";
import { toCall } from "./call.ts";
import { PREFIX, readWatched, toForget, type Watched } from "./keys.ts";

export interface CallbackParts {
  readonly registry: Registry;
  /** One of them calls. */
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly calls: Calls;
  readonly log: Logger;
  readonly settings: Settings;
}

/** A callback that cannot be delivered is tried again after these times, then given up; the original does so at once. */
const RETRY_MS: readonly number[] = [1000, 5000];

export class Callbacks {
  readonly #parts: CallbackParts;
  /** What is watched, by account and key. */
  readonly #watched = new Map<string, Watched>();
  /** The same by account, service and id. */
  readonly #awaited = new Map<string, Set<Watched>>();
  /** What is being told, also when all is read anew. */
  readonly #telling = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #following: Following;
  readonly #resign: () => void;

  constructor(parts: CallbackParts) {
    this.#parts = parts;
    this.#following = keepUp(
      parts.registry,
      {},
      {
        read: (view) => this.#read(view),
        take: (commit) => {
          for (const change of commit.changes) this.#see(commit, change);
        },
      },
    );
    this.#resign = parts.nodes.onDuty(() => parts.registry.read((view) => this.#read(view)));
  }

  /** Breaks off calls under way; they are made again after the next start. */
  async close(): Promise<void> {
    this.#following.close();
    this.#resign();
    this.#abort.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #read(view: View): void {
    this.#watched.clear();
    this.#awaited.clear();
    for (const account of view.accounts())
      for (const record of account.entries(PREFIX, prefixEnd(PREFIX))) this.#learn(account.name, record);
  }

  #see(commit: Commit, change: Change): void {
    if (change.kind === "key") {
      const { key } = subjectOf(change);
      if (!key.startsWith(PREFIX)) return;
      this.#forget(commit.account, key);
      if (change.after !== null) this.#learn(commit.account, change.after);
      return;
    }
    const leaver = change.kind === "instance" && this.#awaited.size > 0 ? leaverOf(change) : null;
    if (leaver === null) return;
    const awaiting = this.#awaited.get(nameOf(commit.account, leaver.service, leaver.id));
    for (const watched of awaiting ?? []) this.#tell(watched, leaver, endedAt(commit));
  }

  #learn(account: Account, record: KeyRecord): void {
    const watched = readWatched(account, record);
    if (watched === undefined) return;
    this.#watched.set(`${account}/${record.key}`, watched);
    const name = nameOf(account, watched.service, watched.id);
    const others = this.#awaited.get(name);
    if (others === undefined) this.#awaited.set(name, new Set([watched]));
    else others.add(watched);
    // It may have ended between the question and the answer, or while this process was not there.
    const now = this.#parts.registry.read((view) => view.instance(account, watched.service, watched.id));
    if (now?.createRevision !== watched.createRevision) this.#tell(watched, undefined, this.#parts.clock.now());
  }

  #forget(account: Account, key: Bytes): void {
    const watched = this.#watched.get(`${account}/${key}`);
    if (watched === undefined) return;
    this.#watched.delete(`${account}/${key}`);
    const name = nameOf(account, watched.service, watched.id);
    const others = this.#awaited.get(name);
    others?.delete(watched);
    if (others?.size === 0) this.#awaited.delete(name);
  }

  #tell(watched: Watched, last: InstanceRecord | undefined, atMs: number): void {
    if (!this.#parts.nodes.isOnDuty() || this.#telling.has(turnOf(watched))) return;
    this.#telling.add(turnOf(watched));
    const { environment } = this.#parts.settings;
    const { body } = watched;
    const ended =
      last === undefined || last.createRevision !== watched.createRevision
        ? { ...body, TTL: 0, Expires: toRfc3339(atMs) }
        : toBody(last, { kind: "ended", atMs }, environment, atMs);
    this.#queue(watched, encodeJson({ ...ended, NoExpire: body.NoExpire }), 0);
  }

  #queue(watched: Watched, body: string, tries: number): void {
    const run: Promise<void> = this.#call(watched, body, tries).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #call(watched: Watched, body: string, tries: number): Promise<void> {
    const { settings, log, nodes, calls } = this.#parts;
    // Another node has the duty now, and all that was not forgotten with it.
    if (!nodes.isOnDuty()) {
      this.#telling.delete(turnOf(watched));
      return;
    }
    const call = toCall({ ...watched, body }, settings.callbackHosts, tries > 0);
    const { kind: called } = await calls.make(call, this.#abort.signal);
    if (this.#abort.signal.aborted && called !== "answered") return;
    const { uuid, reply, port } = watched;
    const retryMs = RETRY_MS[tries];
    if (called === "unreachable" && retryMs !== undefined) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#queue(watched, body, tries + 1);
      }, retryMs);
      this.#timers.add(timer);
      return;
    }
    if (called !== "answered") log.warn({ callback: uuid, reply, port, why: called }, "a callback did not arrive");
    await this.#done(watched);
  }

  async #done(watched: Watched): Promise<void> {
    const outcome = await this.#parts.registry.propose(watched.account, toForget(watched));
    this.#telling.delete(turnOf(watched));
    if (!outcome.ok) this.#parts.log.warn({ callback: watched.uuid, why: outcome.detail }, "a callback may come again");
  }
}

function nameOf(account: Account, service: string, id: string): string {
  return `${account}/${service}/${id}`;
}

/** A key that was written again is told again. */
function turnOf({ account, key, modRevision }: Watched): string {
  return `${account}/${key}@${modRevision}`;
}

/** When it ran out, for what ran out; else when it was removed. */
function endedAt(commit: Commit): number {
  for (const change of commit.changes) {
    if (change.kind === "lease" && change.after === null && change.silence !== null) return change.silence.deadlineMs;
  }
  return commit.atMs;
}
