/**
 * Who takes part, and who is there: each node counts its own beats, and everybody passes on the greatest count that he has
 * heard of each. A count that does not grow is of a node that is gone, or cut off from all whom we hear.
 */

/** What is passed on of a node. */
export interface Beat {
  readonly name: string;
  /** Of its order: a node that lost its data has another one. */
  readonly line: string;
  readonly count: number;
  /** `host:port`, or "" when that is not known. */
  readonly address: string;
  /** How many leases it keeps. */
  readonly kept: number;
  /** When it came, in wall-clock ms of its own. */
  readonly sinceMs: number;
  /** It said that it stops. */
  readonly left: boolean;
}

interface Heard extends Beat {
  /** Monotonic time at which it was last heard, of itself or of others. */
  readonly atMs: number;
}

export interface Member {
  readonly name: string;
  readonly address: string;
  readonly kept: number;
  readonly sinceMs: number;
  readonly isPresent: boolean;
  /** Since it was last heard. */
  readonly ageMs: number;
}

/** So long nothing is heard of a node, by whatever way, before what it kept is given up to the others. */
export const GONE_MS = 10_000;
/** After so long it is forgotten. */
const FORGOTTEN_MS = 24 * 3600 * 1000;
const MEMBERS_MAX = 1000;
const TEXT_MAX = 300;

export class Members {
  readonly #own: Pick<Beat, "name" | "line" | "sinceMs">;
  readonly #startMs: number;
  readonly #heard = new Map<string, Heard>();
  #count: number;

  /** `count`: from which this node counts on; more than in its life before. */
  constructor(own: Pick<Beat, "name" | "line" | "sinceMs">, nowMs: number, count: number) {
    this.#own = own;
    this.#startMs = nowMs;
    this.#count = count;
  }

  /** One beat of this node, and what it knows of all. */
  beat(address: string, kept: number, left = false): readonly Beat[] {
    this.#count++;
    return [{ ...this.#own, count: this.#count, address, kept, left }, ...this.#heard.values()];
  }

  /** What another node knows. */
  take(beats: readonly Beat[], nowMs: number): void {
    for (const beat of beats) {
      const known = this.#heard.get(beat.name);
      // It is what others still know of a life before this one.
      if (beat.name === this.#own.name) this.#count = Math.max(this.#count, beat.count);
      else if (known === undefined ? this.#heard.size < MEMBERS_MAX : beat.count > known.count)
        this.#heard.set(beat.name, { ...beat, address: beat.address || (known?.address ?? ""), atMs: nowMs });
    }
  }

  /** There is a connection to it. */
  reached(name: string, nowMs: number): void {
    const known = this.#heard.get(name);
    if (known !== undefined && !known.left) this.#heard.set(name, { ...known, atMs: nowMs });
  }

  /** Whether it is there; of one that was never heard that is believed at first. */
  isPresent(name: string, nowMs: number): boolean {
    if (name === this.#own.name) return true;
    const known = this.#heard.get(name);
    if (known === undefined) return nowMs - this.#startMs < GONE_MS;
    return !known.left && nowMs - known.atMs < GONE_MS;
  }

  /** All but this one, and when. */
  list(nowMs: number): readonly Member[] {
    for (const { name, atMs } of this.#heard.values()) if (nowMs - atMs > FORGOTTEN_MS) this.#heard.delete(name);
    return [...this.#heard.values()]
      .filter(({ left }) => !left)
      .map(({ name, address, kept, sinceMs, atMs }) => ({
        ...{ name, address, kept, sinceMs, ageMs: nowMs - atMs },
        isPresent: this.isPresent(name, nowMs),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The names of those that are there, this one among them, sorted. */
  present(nowMs: number): readonly string[] {
    const others = [...this.#heard.keys()].filter((name) => this.isPresent(name, nowMs));
    return [this.#own.name, ...others].sort();
  }
}

export function encodeBeats(beats: readonly Beat[]): Buffer {
  return Buffer.from(
    JSON.stringify(
      beats.map((one) => [one.name, one.line, one.count, one.address, one.kept, one.sinceMs, one.left ? 1 : 0]),
    ),
  );
}

/** What can be read of it. */
export function decodeBeats(bytes: Buffer): readonly Beat[] {
  let told: unknown;
  try {
    told = JSON.parse(bytes.toString());
  } catch {
    return [];
  }
  return Array.isArray(told) ? told.slice(0, MEMBERS_MAX).flatMap(toBeat) : [];
}

function toBeat(one: unknown): readonly Beat[] {
  if (!Array.isArray(one)) return [];
  const [name, line, count, address, kept, sinceMs, left] = one as readonly unknown[];
  const isText = (text: unknown): text is string => typeof text === "string" && text.length <= TEXT_MAX;
  if (!isText(name) || name === "" || !isText(line) || !isText(address)) return [];
  const numbers = [count, kept, sinceMs] as const;
  if (!numbers.every(Number.isSafeInteger)) return [];
  const [counted, keeps, came] = numbers as readonly [number, number, number];
  return [{ name, line, count: counted, address, kept: keeps, sinceMs: came, left: left === 1 }];
}
