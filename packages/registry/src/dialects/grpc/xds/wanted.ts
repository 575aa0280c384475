/** What one stream wants of one kind of resource, and what it was told. */

import { isWhole, type Kind, TYPE_OF } from "./kinds.ts";
import type { Asked, Response } from "./messages.ts";
import type { Resource } from "./resources.ts";

/** By which clients say that they want all. */
const ALL = "*";
/** What was told of a resource that is not there. */
const ABSENT = "";

/** The catalog at one revision. */
export interface Found {
  readonly revision: number;
  find(kind: Kind, name: string): Resource | undefined;
  services(): Iterable<string>;
}

export class Wanted {
  readonly kind: Kind;
  readonly #isDelta: boolean;
  names: ReadonlySet<string> = new Set();
  isAll = false;
  /** By name the version that was told. */
  #told = new Map<string, string>();
  #nonces = 0;
  /** Of the response that was refused last. */
  #refused = 0;
  #isFirst = true;

  constructor(kind: Kind, isDelta: boolean) {
    this.kind = kind;
    this.#isDelta = isDelta;
  }

  /** Whether it is to be told something new, if there is anything. */
  take(asked: Asked): boolean {
    const changed = this.#isDelta ? this.#takeDelta(asked) : this.#takeWhole(asked);
    return changed || this.#isFirst;
  }

  /** Whether a client refuses the last response, and did not say so before. */
  isRefusal({ nonce, error }: Asked): boolean {
    if (error === undefined || nonce !== String(this.#nonces) || this.#refused === this.#nonces) return false;
    this.#refused = this.#nonces;
    return true;
  }

  #takeWhole({ names, nonce }: Asked): boolean {
    // An answer to what was told before the last.
    if (nonce !== "" && nonce !== String(this.#nonces)) return false;
    const wanted = new Set(names);
    const isAll = isWhole(this.kind) && (wanted.has(ALL) || (wanted.size === 0 && (this.isAll || this.#isFirst)));
    wanted.delete(ALL);
    const isSame =
      isAll === this.isAll && wanted.size === this.names.size && [...wanted].every((name) => this.names.has(name));
    this.isAll = isAll;
    this.names = wanted;
    for (const name of this.#told.keys()) if (!this.#wants(name)) this.#told.delete(name);
    return !isSame;
  }

  #takeDelta({ names, dropped, known }: Asked): boolean {
    const wanted = new Set(this.names);
    if (this.#isFirst) {
      this.isAll = isWhole(this.kind) && names.length === 0;
      for (const [name, version] of known) this.#told.set(name, version);
    }
    for (const name of names) {
      if (name === ALL && isWhole(this.kind)) this.isAll = true;
      else wanted.add(name);
      // Whoever asks again has let it go.
      if (!this.#isFirst) this.#told.delete(name);
    }
    for (const name of dropped) {
      if (name === ALL) this.isAll = false;
      wanted.delete(name);
    }
    this.names = wanted;
    for (const name of this.#told.keys()) if (!this.#wants(name)) this.#told.delete(name);
    return names.length > 0;
  }

  #wants(name: string): boolean {
    return this.isAll || this.names.has(name);
  }

  #allOf(found: Found): Iterable<string> {
    // Who listens for all has ports of its own, which none of ours is for.
    return this.isAll && this.kind !== "listener" ? new Set([...found.services(), ...this.names]) : this.names;
  }

  /** What is new, of these services or of all; undefined when nothing is. */
  tell(found: Found, changed?: Iterable<string>): Response | undefined {
    const candidates = changed ?? new Set([...this.#allOf(found), ...this.#told.keys()]);
    const [resources, gone]: [Resource[], string[]] = [[], []];
    for (const name of candidates) {
      if (!this.names.has(name) && !(this.isAll && this.kind !== "listener")) continue;
      const resource = found.find(this.kind, name);
      const told = this.#told.get(name);
      if (resource === undefined) {
        if (told !== ABSENT && (told !== undefined || this.names.has(name))) gone.push(name);
      } else if (told !== resource.version) resources.push(resource);
    }
    const isFirst = this.#isFirst && (this.isAll || (!this.#isDelta && isWhole(this.kind)));
    if (resources.length === 0 && gone.length === 0 && !isFirst) return undefined;
    for (const { name, version } of resources) this.#told.set(name, version);
    for (const name of gone) {
      if (this.names.has(name)) this.#told.set(name, ABSENT);
      else this.#told.delete(name);
    }
    return this.#respond(found, resources, gone);
  }

  #respond(found: Found, changed: readonly Resource[], gone: readonly string[]): Response | undefined {
    let resources = changed;
    if (!this.#isDelta && isWhole(this.kind)) {
      const all = Array.from(this.#allOf(found), (name) => found.find(this.kind, name));
      resources = all.filter((one) => one !== undefined);
    } else if (!this.#isDelta && resources.length === 0) return undefined;
    this.#isFirst = false;
    this.#nonces += 1;
    const nonce = String(this.#nonces);
    return { type: TYPE_OF[this.kind], version: String(found.revision), nonce, resources, gone };
  }
}
