/** A hash over keys with all that clients know of them: the same at all nodes that have the same. */
import type { KeyRecord } from "../../../../core/index.ts";

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export class Hash {
  #value = BASIS;

  add({ key, value, createRevision, modRevision, version, lease }: KeyRecord): void {
    this.#text(key);
    this.#text(value);
    this.#text(`${createRevision} ${modRevision} ${version} ${lease ?? ""}`);
  }

  /** With its length, so that no two texts run together. */
  #text(text: string): void {
    let hash = this.#value;
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
    this.#value = Math.imul(hash ^ text.length, PRIME);
  }

  get value(): number {
    return this.#value >>> 0;
  }
}
