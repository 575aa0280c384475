/**
 * What one peer is still to be told. Kept per instance and without content: that is read when it is sent, so the newest
 * word is the only one, and an instance that changes a hundred times while a peer is away costs one line.
 */
import type { InstanceInfo, PeerTask } from "../wire/messages.ts";
import { keyOf, type News, toCancelTask, toHeartbeatTask, toOverrideTask, toRegisterTask } from "./news.ts";

/** As the original sends and takes them. */
const BATCH_TASKS_MAX = 250;
/** A batch of large instances is cut short: other servers have limits, too. */
const BATCH_CHARACTERS_MAX = 1024 * 1024;
const INSTANCE_CHARACTERS = 1000;
const WAITING_MAX = 50_000;

/** What is to be told of one instance. */
interface Wish {
  readonly service: string;
  readonly id: string;
  register: boolean;
  override: boolean;
  /** The lastDirtyTimestamp of the copy that was taken out; undefined when none was. */
  cancelled: number | undefined;
  /** A heartbeat is worth sending until then (monotonic ms); 0 for none. */
  beatUntilMs: number;
}

/** One line of a batch, and what it was made of. */
export interface Sent {
  readonly task: PeerTask;
  readonly service: string;
  readonly id: string;
  /** The lastDirtyTimestamp of the copy that was taken out; 0 when none was. */
  readonly cancelledMs: number;
}

export interface Batch {
  readonly sent: readonly Sent[];
  /** Puts everything back: the peer has not got it. */
  giveBack(): void;
}

/** The instance as it is shown to peers now; undefined when it is gone. */
export type Show = (service: string, id: string) => InstanceInfo | undefined;

export class Queue {
  readonly #wishes = new Map<string, Wish>();

  get size(): number {
    return this.#wishes.size;
  }

  get isFullBatch(): boolean {
    return this.#wishes.size >= BATCH_TASKS_MAX;
  }

  /** False when nothing more fits. Heartbeats set right later what was lost. */
  add(news: News): boolean {
    const wish = this.#wish(news.service, news.id);
    if (wish === undefined) return false;
    if (news.kind === "cancel") wish.cancelled = Math.max(wish.cancelled ?? 0, news.dirtyMs);
    else if (news.kind === "register") wish.register = true;
    else wish.override = true;
    return true;
  }

  beat(service: string, id: string, untilMs: number): boolean {
    const wish = this.#wish(service, id);
    if (wish === undefined) return false;
    wish.beatUntilMs = untilMs;
    return true;
  }

  /** Takes the oldest wishes out of the queue, as lines. Undefined when there is nothing left to say. */
  take(show: Show, nowMs: number): Batch | undefined {
    const taken: Wish[] = [];
    const sent: Sent[] = [];
    let characters = 0;
    for (const [key, wish] of this.#wishes) {
      // One wish makes three lines at most.
      if (sent.length + 3 > BATCH_TASKS_MAX || characters > BATCH_CHARACTERS_MAX) break;
      this.#wishes.delete(key);
      const { service, id } = wish;
      const tasks = toTasks(wish, show(service, id), nowMs);
      if (tasks.length === 0) continue;
      taken.push(wish);
      for (const task of tasks) {
        sent.push({ task, service, id, cancelledMs: wish.cancelled ?? 0 });
        characters += sizeOf(task);
      }
    }
    const giveBack = (): void => {
      for (const wish of taken) this.#restore(wish);
    };
    return sent.length === 0 ? undefined : { sent, giveBack };
  }

  #wish(service: string, id: string): Wish | undefined {
    const key = keyOf(service, id);
    const known = this.#wishes.get(key);
    if (known !== undefined) return known;
    if (this.#wishes.size >= WAITING_MAX) return undefined;
    const wish: Wish = { service, id, register: false, override: false, cancelled: undefined, beatUntilMs: 0 };
    this.#wishes.set(key, wish);
    return wish;
  }

  #restore(old: Wish): void {
    const wish = this.#wish(old.service, old.id);
    if (wish === undefined) return;
    wish.register ||= old.register;
    wish.override ||= old.override;
    wish.cancelled ??= old.cancelled;
    wish.beatUntilMs = Math.max(wish.beatUntilMs, old.beatUntilMs);
  }
}

function toTasks(wish: Wish, info: InstanceInfo | undefined, nowMs: number): readonly PeerTask[] {
  const { service, id, cancelled } = wish;
  if (info === undefined) return cancelled === undefined ? [] : [toCancelTask(service, id)];
  const tasks: PeerTask[] = [];
  if (wish.register) {
    // The peer would keep a copy that claims to be newer.
    if (cancelled !== undefined && cancelled > (info.lastDirtyTimestamp ?? 0)) tasks.push(toCancelTask(service, id));
    tasks.push(toRegisterTask(info));
  }
  if (wish.override) tasks.push(toOverrideTask(info));
  if (wish.beatUntilMs > nowMs && !wish.register) tasks.push(toHeartbeatTask(info));
  return tasks;
}

function sizeOf({ instanceInfo }: PeerTask): number {
  if (instanceInfo === undefined) return INSTANCE_CHARACTERS / 5;
  let size = INSTANCE_CHARACTERS;
  for (const key in instanceInfo.metadata) size += key.length + (instanceInfo.metadata[key] as string).length;
  return size;
}
