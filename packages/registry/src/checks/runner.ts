/**
 * @live When which check runs: each at its time within its interval, by one timer for all of them, and only so many at once.
 * What is due while all places are taken waits in the line of its account; accounts take turns, and none takes more than
 * half of the places. A check that still waits or runs when it is due again is passed over: nothing piles up.
 */
import { createHash } from "node:crypto";
import type { Account, Clock } from "../core/index.ts";

const TICK_MS = 50;
/** Begun in one turn of the event loop. */
const BEGUN_MAX = 4;
/** One that is new runs for the first time within so long. */
const FIRST_MS = 1000;
/** After a longer pause slots are looked for instead of counted through. */
const SLOTS_MAX = 1000;

export interface Task {
  readonly account: Account;
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Of its interval, 0 to 1: when in it it runs. The same over restarts, and spread over all checks. */
  readonly phase: number;
  /** Ends soon after the signal. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

interface Entry {
  readonly task: Task;
  dueMs: number;
  slot: number;
  isWaiting: boolean;
  /** When it was due that it waits or runs for. */
  sinceMs: number;
  /** While it runs. */
  control: AbortController | undefined;
  deadlineMs: number;
}

interface Lane {
  readonly waiting: Set<Entry>;
  running: number;
}

export interface RunnerParts {
  readonly clock: Pick<Clock, "monotonic">;
  readonly parallelMax: number;
  /** Nothing is begun while this node is not the one that does it. */
  isOnDuty(): boolean;
}

export interface RunnerNumbers {
  readonly tasks: number;
  readonly running: number;
  readonly waiting: number;
  readonly begun: number;
  /** Those that were due again while they still ran or waited. */
  readonly passedOver: number;
  /** Of all that were begun, how much later than due, in ms. */
  readonly lateMs: number;
}

export class Runner {
  readonly #parts: RunnerParts;
  readonly #entries = new Map<Task, Entry>();
  readonly #slots = new Map<number, Set<Entry>>();
  readonly #running = new Set<Entry>();
  /** The first one takes the next turn. */
  readonly #lanes = new Map<Account, Lane>();
  #timer: NodeJS.Timeout | undefined;
  /** Slots up to here are over. */
  #past = 0;
  #waiting = 0;
  #isPlanned = false;
  #begun = 0;
  #passedOver = 0;
  #lateMs = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** `soon`: it has never run, and is not to wait for its time. */
  add(task: Task, soon: boolean): void {
    const nowMs = this.#parts.clock.monotonic();
    if (this.#timer === undefined) {
      this.#past = Math.floor(nowMs / TICK_MS);
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
    const dueMs = soon ? nowMs + task.phase * Math.min(FIRST_MS, task.everyMs) : nextOf(task, nowMs);
    const entry = { task, dueMs, slot: 0, isWaiting: false, sinceMs: 0, control: undefined, deadlineMs: 0 };
    this.#entries.set(task, entry);
    this.#place(entry);
  }

  remove(task: Task): void {
    const entry = this.#entries.get(task);
    if (entry === undefined) return;
    this.#entries.delete(task);
    this.#unplace(entry);
    const lane = this.#lanes.get(task.account);
    if (entry.isWaiting && lane?.waiting.delete(entry) === true) this.#waiting--;
    if (lane !== undefined) this.#forget(task.account, lane);
    entry.control?.abort();
    if (this.#entries.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get numbers(): RunnerNumbers {
    return {
      tasks: this.#entries.size,
      running: this.#running.size,
      waiting: this.#waiting,
      begun: this.#begun,
      passedOver: this.#passedOver,
      lateMs: this.#lateMs,
    };
  }

  close(): void {
    for (const task of [...this.#entries.keys()]) this.remove(task);
  }

  #place(entry: Entry): void {
    entry.slot = Math.max(this.#past + 1, Math.ceil(entry.dueMs / TICK_MS));
    const others = this.#slots.get(entry.slot);
    if (others === undefined) this.#slots.set(entry.slot, new Set([entry]));
    else others.add(entry);
  }

  #unplace(entry: Entry): void {
    const others = this.#slots.get(entry.slot);
    others?.delete(entry);
    if (others?.size === 0) this.#slots.delete(entry.slot);
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonic();
    const isOnDuty = this.#parts.isOnDuty();
    for (const entry of this.#running) if (!isOnDuty || nowMs >= entry.deadlineMs) entry.control?.abort();
    const now = Math.floor(nowMs / TICK_MS);
    const over =
      now - this.#past > SLOTS_MAX
        ? [...this.#slots.keys()].filter((slot) => slot <= now)
        : Array.from({ length: now - this.#past }, (_, at) => this.#past + 1 + at);
    this.#past = now;
    for (const slot of over) {
      const due = this.#slots.get(slot);
      this.#slots.delete(slot);
      for (const entry of due ?? []) this.#isDue(entry, nowMs, isOnDuty);
    }
    if (!isOnDuty && this.#waiting > 0) this.#letGo();
    this.#begin();
  }

  #isDue(entry: Entry, nowMs: number, isOnDuty: boolean): void {
    const { task } = entry;
    if (entry.isWaiting || entry.control !== undefined) this.#passedOver++;
    else if (isOnDuty) {
      entry.isWaiting = true;
      entry.sinceMs = entry.dueMs;
      this.#waiting++;
      this.#laneOf(task.account).waiting.add(entry);
    }
    entry.dueMs = nextOf(task, nowMs);
    this.#place(entry);
  }

  /** Another node does it now. */
  #letGo(): void {
    for (const [account, lane] of this.#lanes) {
      for (const entry of lane.waiting) entry.isWaiting = false;
      lane.waiting.clear();
      this.#forget(account, lane);
    }
    this.#waiting = 0;
  }

  #begin(): void {
    for (let begun = 0; this.#waiting > 0 && this.#running.size < this.#parts.parallelMax; begun++) {
      if (begun >= BEGUN_MAX) return this.#plan();
      const entry = this.#next();
      if (entry === undefined) return;
      void this.#run(entry);
    }
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#begin();
    });
  }

  /** Of the account whose turn it is, the one that has waited longest. */
  #next(): Entry | undefined {
    const each = Math.ceil(this.#parts.parallelMax / 2);
    for (const [account, lane] of this.#lanes) {
      const [entry] = lane.waiting;
      if (entry === undefined || lane.running >= each) continue;
      lane.waiting.delete(entry);
      this.#waiting--;
      this.#lanes.delete(account);
      this.#lanes.set(account, lane);
      return entry;
    }
    return undefined;
  }

  async #run(entry: Entry): Promise<void> {
    const { task } = entry;
    const lane = this.#laneOf(task.account);
    const control = new AbortController();
    const nowMs = this.#parts.clock.monotonic();
    entry.isWaiting = false;
    entry.control = control;
    entry.deadlineMs = nowMs + task.timeoutMs;
    lane.running++;
    this.#running.add(entry);
    this.#begun++;
    this.#lateMs += Math.max(0, nowMs - entry.sinceMs);
    await task.run(control.signal);
    entry.control = undefined;
    this.#running.delete(entry);
    lane.running--;
    this.#forget(task.account, lane);
    this.#begin();
  }

  #laneOf(account: Account): Lane {
    const known = this.#lanes.get(account);
    if (known !== undefined) return known;
    const lane: Lane = { waiting: new Set(), running: 0 };
    this.#lanes.set(account, lane);
    return lane;
  }

  #forget(account: Account, { waiting, running }: Lane): void {
    if (waiting.size === 0 && running === 0) this.#lanes.delete(account);
  }
}

/** The next time that this task is due after `nowMs`. */
function nextOf({ everyMs, phase }: Task, nowMs: number): number {
  const offset = phase * everyMs;
  return (Math.floor((nowMs - offset) / everyMs) + 1) * everyMs + offset;
}

/** The `phase` of a task of this name. */
export function phaseOf(name: string): number {
  return createHash("sha1").update(name).digest().readUInt32LE(0) / 2 ** 32;
}
