/** Calls that wait their turn: a few at once, fewer to one target, so that a slow target holds up only its own. */

const AT_ONCE_MAX = 16;
const AT_ONE_TARGET_MAX = 4;

type Job = () => Promise<void>;

interface Target {
  readonly name: string;
  readonly waiting: Job[];
  running: number;
}

export class Queue {
  readonly #targets = new Map<string, Target>();
  /** Targets with waiting work and room for it, the one that waited longest first. */
  readonly #ready = new Set<Target>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  /** A job must not reject. */
  add(name: string, job: Job): void {
    if (this.#closed) return;
    let target = this.#targets.get(name);
    if (target === undefined) {
      target = { name, waiting: [], running: 0 };
      this.#targets.set(name, target);
    }
    target.waiting.push(job);
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
    while (!this.#closed && this.#running.size < AT_ONCE_MAX) {
      const [target] = this.#ready;
      if (target === undefined) return;
      // To the back, so that targets take turns.
      this.#ready.delete(target);
      const job = target.waiting.shift() as Job;
      target.running++;
      if (target.waiting.length > 0 && target.running < AT_ONE_TARGET_MAX) this.#ready.add(target);
      const run: Promise<void> = job().finally(() => {
        this.#running.delete(run);
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
