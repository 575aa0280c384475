/** Registrations by convention: entries in a known place that are instances, and instances that are entries. */
import type { Bytes, Instance, InstanceKey, InstanceRecord } from "../types.ts";

/** Where the entry of an instance lies. */
export interface Place {
  /** Under this key, when its id is the name of an entry; null when it is not. Other names are remembered. */
  readonly own: Bytes | null;
  /**
   * Else, or when that key is another's, under a new one: `name` in `parent` and a number of so many digits, which the
   * counter of the parent gives (`counterOf`).
   */
  readonly parent: Bytes;
  readonly name: Bytes;
  readonly digits: number;
}

/**
 * One convention at one place. Pure. What an entry says and what its instance says change in the same commit, and the
 * same lease keeps both.
 */
export interface Layout {
  readonly kind: string;
  /** What tells it from others of its kind at the same place; nothing when left out. */
  readonly rule?: string;
  /**
   * How long an instance is good whose entry is not written again, where the entry says nothing of that by a lease of
   * its own. For good when left out.
   */
  readonly lifeMs?: number;
  /** All its entries begin with this; it ends with a slash. */
  readonly prefix: Bytes;
  /**
   * The instance that an entry registers; null when the entry is none: bytes of something else, or a key that is no
   * member's. What the entry has no word for stays as it was `known`.
   */
  toInstance(key: Bytes, value: Bytes, known: InstanceRecord | null): Instance | null;
  /**
   * Null when instances of this name have no place here. Of one that is named alone only `own` counts, and where names of
   * entries say more than ids, that is null.
   */
  placeOf(instance: InstanceKey | InstanceRecord): Place | null;
  /**
   * Where the name of an entry says what its instance is: whether it does so still. Else the instance gets another entry.
   * Left out where names say nothing but ids.
   */
  says?(key: Bytes, record: InstanceRecord): boolean;
  /** The bytes of its entry: `before` itself when they say the same; null when an entry cannot say it. */
  toValue(record: InstanceRecord, before: Bytes | null): Bytes | null;
}

/** The reserved key of the number that the next numbered child of `parent` gets, in decimal; missing is 0. */
export function counterOf(parent: Bytes): Bytes {
  return `\0count/${parent}`;
}
