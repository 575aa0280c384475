/**
 * Calls that wait their turn: a few at once, fewer to one target, so that a slow target holds up only its own. Those that
 * failed before have half of the places at most: targets that hang hold up nobody else.
 */

const AT_ONCE_MAX = 64;
const AGAIN_AT_ONCE_MAX = AT_ONCE_MAX / 2;
const AT_ONE_TARGET_MAX = 4;

type Job = () => Promise<void>;

interface Waiting {
  readonly job: Job;
  readonly again: boolean;
}

interface Target {
  readonly name: string;
  readonly waiting: Waiting[];
  running: number;
}

export class Queue {
  readonly #targets = new Map<string, Target>();
  /** Targets with waiting work and room for it, the one that waited longest first. */
  readonly #ready = new Set<Target>();
  readonly #running = new Set<Promise<void>>();
  #again = 0;
  #closed = false;

  /** A job must not reject. `again`: it was tried before. */
  add(name: string, again: boolean, job: Job): void {
    if (this.#closed) return;
    let target = this.#targets.get(name);
    if (target === undefined) {
      target = { name, waiting: [], running: 0 };
      this.#targets.set(name, target);
    }
    target.waiting.push({ job, again });
    if (target.running < AT_ONE_TARGET_MAX) this.#ready.add(target);
    this.#start();
  }

  /** What waits is dropped; what runs ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ready.clear();
    this.#targets.clear();
    await Promise.all(this.#running);
  }

  #start(): void {
    for (const target of this.#ready) {
      if (this.#closed || this.#running.size >= AT_ONCE_MAX) return;
      if (target.waiting[0]?.again === true && this.#again >= AGAIN_AT_ONCE_MAX) continue;
      // To the back, so that targets take turns.
      this.#ready.delete(target);
      const { job, again } = target.waiting.shift() as Waiting;
      target.running++;
      this.#again += Number(again);
      if (target.waiting.length > 0 && target.running < AT_ONE_TARGET_MAX) this.#ready.add(target);
      const run: Promise<void> = job().finally(() => {
        this.#running.delete(run);
        this.#again -= Number(again);
        this.#leave(target);
      });
      this.#running.add(run);
    }
  }

  #leave(target: Target): void {
    target.running--;
    if (target.waiting.length > 0) this.#ready.add(target);
    else if (target.running === 0 && this.#targets.get(target.name) === target) this.#targets.delete(target.name);
    this.#start();
  }
}
