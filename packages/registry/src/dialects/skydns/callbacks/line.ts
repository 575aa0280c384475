/** Work that waits its turn: so much at once, less of it for one place, so that a slow place holds up only itself. */

const AT_ONCE_MAX = 16;
const AT_ONE_PLACE_MAX = 4;

type Job = () => Promise<void>;

interface Place {
  readonly name: string;
  readonly waiting: Job[];
  running: number;
}

export class Line {
  readonly #places = new Map<string, Place>();
  /** Places with waiting work and room for it, the one that waited longest first. */
  readonly #ready = new Set<Place>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  /** A job must not reject. */
  add(name: string, job: Job): void {
    if (this.#closed) return;
    let place = this.#places.get(name);
    if (place === undefined) {
      place = { name, waiting: [], running: 0 };
      this.#places.set(name, place);
    }
    place.waiting.push(job);
    if (place.running < AT_ONE_PLACE_MAX) this.#ready.add(place);
    this.#start();
  }

  /** What waits is dropped; what runs ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ready.clear();
    this.#places.clear();
    await Promise.all(this.#running);
  }

  #start(): void {
    while (!this.#closed && this.#running.size < AT_ONCE_MAX) {
      const [place] = this.#ready;
      if (place === undefined) return;
      // To the back, so that places take turns.
      this.#ready.delete(place);
      const job = place.waiting.shift() as Job;
      place.running++;
      if (place.waiting.length > 0 && place.running < AT_ONE_PLACE_MAX) this.#ready.add(place);
      const run: Promise<void> = job().finally(() => {
        this.#running.delete(run);
        this.#leave(place);
      });
      this.#running.add(run);
    }
  }

  #leave(place: Place): void {
    place.running--;
    if (place.waiting.length > 0) this.#ready.add(place);
    else if (place.running === 0 && this.#places.get(place.name) === place) this.#places.delete(place.name);
    this.#start();
  }
}
