/** Answers to lookups by topic: good until the topic changes, or a tombstone in it has had its time. */
import type { Revision, ServiceView } from "../../core/index.ts";

/** What an answer was made of. */
export interface Stamp {
  readonly producers: Revision;
  readonly channels: Revision;
}

interface Made extends Stamp {
  readonly untilMs: number;
  readonly body: Buffer;
}

const BYTES_MAX = 32 * 1024 * 1024;

/** The one that was made longest ago goes first. */
export class Kept {
  readonly #made = new Map<ServiceView, Made>();
  #bytes = 0;

  get(topic: ServiceView, { producers, channels }: Stamp, nowMs: number): Buffer | undefined {
    const made = this.#made.get(topic);
    const isGood = made?.producers === producers && made.channels === channels && made.untilMs > nowMs;
    return isGood ? made.body : undefined;
  }

  set(topic: ServiceView, made: Made): void {
    this.#drop(topic);
    if (made.body.length > BYTES_MAX / 8) return;
    this.#made.set(topic, made);
    this.#bytes += made.body.length;
    for (const oldest of this.#made.keys()) {
      if (this.#bytes <= BYTES_MAX) break;
      this.#drop(oldest);
    }
  }

  #drop(topic: ServiceView): void {
    this.#bytes -= this.#made.get(topic)?.body.length ?? 0;
    this.#made.delete(topic);
  }
}
