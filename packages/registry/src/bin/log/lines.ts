/**
 * Lines to stdout and stderr of a program that must go on: nothing here waits for a reader, or throws. While a pipe or
 * a terminal is full, lines wait in memory up to a bound; what finds no place, or cannot be written, is counted.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const WAITING_BYTES_MAX = 1024 * 1024;
const RETRY_MS_MIN = 5;
const RETRY_MS_MAX = 200;
const LINE_END = Buffer.from("\n");

/** The part of a file descriptor that lines need. */
export interface Descriptor {
  /** Bytes taken. Throws as `fs.writeSync`; `EAGAIN` for full. */
  write(bytes: Buffer): number;
}

/** Opens the descriptor so that a write to a full pipe, socket or terminal fails instead of waiting. */
export function openDescriptor(fd: number): Descriptor {
  const kind = fstatSync(fd);
  if (kind.isFIFO() || kind.isSocket()) neverWait(fd);
  // A file takes all, or fails.
  const quick = kind.isCharacterDevice() ? reopen(fd) : fd;
  return { write: (bytes) => writeSync(quick, bytes) };
}

/** Collected, they would close their descriptors. */
const kept: Socket[] = [];

/** A socket of Node tells the kernel so. */
function neverWait(fd: number): void {
  kept.push(new Socket({ fd, readable: false, writable: true }).on("error", () => {}).unref());
}

/** What is said of waiting must not hold for others at the same terminal. */
function reopen(fd: number): number {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // The terminal of another user.
    return fd;
  }
}

export class Lines {
  readonly #descriptor: Descriptor;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** The last line ended in its middle. */
  #torn = false;
  #lost = 0;
  #retryMs = RETRY_MS_MIN;
  #retry: NodeJS.Timeout | undefined;

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** Lines that were not written, and will not be. */
  get lost(): number {
    return this.#lost;
  }

  /** One line, with its end. Answers whether it is written: else it waits, or is lost. */
  write(line: string): boolean {
    const bytes = Buffer.from(line);
    const lostBefore = this.#lost;
    const isFirst = this.#waiting.length === 0;
    const rest = isFirst ? this.#put(bytes) : bytes;
    if (rest === undefined) return this.#lost === lostBefore;
    // What is left of a line that has begun must follow.
    if (isFirst || this.#waitingBytes + rest.length <= WAITING_BYTES_MAX) this.#wait(rest);
    else this.#lost++;
    return false;
  }

  /** Gives what waits a last time to be taken, then drops it. */
  async close(msMax: number): Promise<void> {
    const endMs = performance.now() + msMax;
    while (this.#waiting.length > 0 && performance.now() < endMs) {
      await delay(RETRY_MS_MIN);
      this.#flush();
    }
    clearTimeout(this.#retry);
    this.#lost += this.#waiting.length;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Writes what is taken; the rest is returned if it may be taken later. */
  #put(bytes: Buffer): Buffer | undefined {
    const whole = this.#torn ? Buffer.concat([LINE_END, bytes]) : bytes;
    let rest = whole;
    try {
      while (rest.length > 0) {
        const taken = this.#descriptor.write(rest);
        if (taken === 0) break;
        rest = rest.subarray(taken);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") {
        this.#lost++;
        this.#torn ||= rest.length < whole.length;
        return undefined;
      }
    }
    this.#torn = false;
    return rest.length === 0 ? undefined : rest;
  }

  #wait(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#flush();
    }, this.#retryMs).unref();
  }

  #flush(): void {
    const beforeBytes = this.#waitingBytes;
    const waiting = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    let at = 0;
    let rest: Buffer | undefined;
    while (rest === undefined && at < waiting.length) rest = this.#put(waiting[at++] as Buffer);
    if (rest === undefined) {
      this.#retryMs = RETRY_MS_MIN;
      return;
    }
    const left = [rest, ...waiting.slice(at)];
    const leftBytes = left.reduce((sum, one) => sum + one.length, 0);
    this.#retryMs = leftBytes < beforeBytes ? RETRY_MS_MIN : Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
    for (const bytes of left) this.#wait(bytes);
  }
}
