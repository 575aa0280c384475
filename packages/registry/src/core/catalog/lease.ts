/** A lease as the catalog holds it, with its members and where its time is kept. */
import type { LeaseRecord } from "../types.ts";
import type { Member } from "../view.ts";
import { sizeOf } from "./size.ts";

/** A lease with its members. */
export class LeaseState {
  record: LeaseRecord;
  /** Where the wheel keeps its time; -1 until it does. */
  slot = -1;
  /** Another node keeps its time; set by `AccountState.setElsewhere`, which counts. */
  isElsewhere = false;
  /** Lease time at which it came, as long as it is kept elsewhere and stands in for nobody. */
  newAt = Number.NEGATIVE_INFINITY;
  /** Overdue for its heartbeat; set by `AccountState.setSilent`, which counts. */
  silent = false;
  /** Of its members, by `sizeOf`. */
  bytes = 0;
  #members: Member | Set<Member> | null = null;

  constructor(record: LeaseRecord) {
    this.record = record;
  }

  add(member: Member): void {
    this.bytes += sizeOf(member);
    if (this.#members === null) this.#members = member;
    else if (this.#members instanceof Set) this.#members.add(member);
    else this.#members = new Set([this.#members, member]);
  }

  /** False when it was none. */
  remove(member: Member): boolean {
    if (this.#members === member) this.#members = null;
    else if (!(this.#members instanceof Set) || !this.#members.delete(member)) return false;
    this.bytes -= sizeOf(member);
    return true;
  }

  /** Whether it keeps one instance alive and no second one. */
  keepsOne(): boolean {
    let instances = 0;
    for (const member of this.each()) if (!("key" in member) && ++instances > 1) return false;
    return instances === 1;
  }

  *each(): Iterable<Member> {
    if (this.#members instanceof Set) yield* this.#members;
    else if (this.#members !== null) yield this.#members;
  }
}

/** Where what it keeps is counted. */
export function whereOf({ isElsewhere }: LeaseState): "kept" | "elsewhere" {
  return isElsewhere ? "elsewhere" : "kept";
}
