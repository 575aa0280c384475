/**
 * Who watches which keys. Watches of one range stand in one place; the places of a key are found by its name, by the
 * beginnings of it that somebody watches, and among the ranges that are neither.
 */
import { type Bytes, isInRange, type KeyRange, prefixEnd } from "../../../../core/index.ts";

/** What stands in a place, and knows where in it. */
export interface Standing {
  readonly range: KeyRange;
  /** The place, and the position in it; undefined before it is added, and after it is removed. */
  place: unknown;
  nth: number;
}

export class Place<S> {
  readonly range: KeyRange;
  /** Most places have one: it takes the room of one. */
  readonly standing: S[];

  constructor(range: KeyRange, first: S) {
    this.range = range;
    this.standing = [first];
  }
}

export class Places<S extends Standing> {
  readonly #keys = new Map<Bytes, Place<S>>();
  /** By the length of the prefix, then by the prefix. */
  readonly #prefixes = new Map<number, Map<Bytes, Place<S>>>();
  /** By both ends. */
  readonly #others = new Map<string, Place<S>>();
  size = 0;

  add(one: S): void {
    this.size++;
    const [shelf, name] = this.#shelf(one.range, true);
    const known = shelf.get(name);
    const place = known ?? new Place(one.range, one);
    one.place = place;
    one.nth = known === undefined ? 0 : known.standing.push(one) - 1;
    if (known === undefined) shelf.set(name, place);
  }

  /** Moves the last one into its room, so that it costs the same however many there are. */
  remove(one: S): void {
    const place = one.place as Place<S> | undefined;
    if (place === undefined) return;
    one.place = undefined;
    this.size--;
    const last = place.standing.pop() as S;
    if (last !== one) {
      place.standing[one.nth] = last;
      last.nth = one.nth;
    }
    if (place.standing.length === 0) this.#drop(place.range);
  }

  /** The places that hold the key; each is told once. */
  find(key: Bytes, tell: (place: Place<S>) => void): void {
    const exact = this.#keys.get(key);
    if (exact !== undefined) tell(exact);
    for (const [length, places] of this.#prefixes) {
      if (length > key.length) continue;
      const place = places.get(key.slice(0, length));
      if (place !== undefined) tell(place);
    }
    for (const place of this.#others.values()) if (isInRange(place.range, key)) tell(place);
  }

  *[Symbol.iterator](): Iterator<S> {
    for (const place of this.#keys.values()) yield* place.standing;
    for (const places of this.#prefixes.values()) for (const place of places.values()) yield* place.standing;
    for (const place of this.#others.values()) yield* place.standing;
  }

  #drop(range: KeyRange): void {
    const [map, name] = this.#shelf(range, false);
    map.delete(name);
    if (map.size === 0 && isPrefix(range)) this.#prefixes.delete(range.from.length);
  }

  #shelf(range: KeyRange, isNew: boolean): readonly [Map<string, Place<S>>, string] {
    const { from, to } = range;
    if (to === undefined) return [this.#keys, from];
    if (!isPrefix(range)) return [this.#others, `${from.length} ${from}${to}`];
    const known = this.#prefixes.get(from.length);
    if (known !== undefined) return [known, from];
    const places = new Map<Bytes, Place<S>>();
    if (isNew) this.#prefixes.set(from.length, places);
    return [places, from];
  }
}

/** Whether these are all keys that begin with one name. */
export function isPrefix({ from, to }: KeyRange): boolean {
  return to !== undefined && prefixEnd(from) === to;
}
