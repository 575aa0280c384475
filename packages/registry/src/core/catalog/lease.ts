/** A lease as the catalog holds it, with its members and where its time is kept. */
import type { LeaseRecord } from "../types.ts";
import type { Member } from "../view.ts";
import { sizeOf } from "./size.ts";

/**
 * Slots of leases whose time the wheel does not keep: nobody yet, or another node. What is below says since which tick of
 * lease time another node keeps it: a map of all these would cost the collector more than it does.
 */
const NOWHERE = -1;
const ELSEWHERE = -2;

/** Several members, and what they take. */
class Crowd extends Set<Member> {
  bytes = 0;
}

/** A lease with its members. There are as many as instances, so each field counts: most keep one member. */
export class LeaseState {
  record: LeaseRecord;
  /** Where the wheel keeps its time; below 0 as long as it does not. */
  slot = NOWHERE;
  /** Overdue for its heartbeat; set by `AccountState.setSilent`, which counts. */
  silent = false;
  #members: Member | Crowd | null = null;

  constructor(record: LeaseRecord) {
    this.record = record;
  }

  /** Another node keeps its time; set by `AccountState.setElsewhere`, which counts. */
  get isElsewhere(): boolean {
    return this.slot <= ELSEWHERE;
  }

  /** It came at this tick, kept by another node, and may stand in for another lease; undefined when it may not. */
  get newElsewhere(): number | undefined {
    return this.slot < ELSEWHERE ? ELSEWHERE - 1 - this.slot : undefined;
  }

  /** Of one that another node keeps. */
  set newElsewhere(tick: number | undefined) {
    if (this.isElsewhere) this.slot = tick === undefined ? ELSEWHERE : ELSEWHERE - 1 - tick;
  }

  /** The wheel keeps its time no longer, and no other node does yet. */
  leave(): void {
    this.slot = NOWHERE;
  }

  /** To be called by `AccountState.setElsewhere` alone, of one that has no slot. */
  setElsewhere(isElsewhere: boolean): void {
    this.slot = isElsewhere ? ELSEWHERE : NOWHERE;
  }

  /** Of its members, by `sizeOf`. */
  get bytes(): number {
    if (this.#members === null) return 0;
    return this.#members instanceof Crowd ? this.#members.bytes : sizeOf(this.#members);
  }

  add(member: Member): void {
    if (this.#members === null) {
      this.#members = member;
      return;
    }
    if (!(this.#members instanceof Crowd)) {
      const first = this.#members;
      this.#members = new Crowd([first]);
      this.#members.bytes = sizeOf(first);
    }
    this.#members.add(member);
    this.#members.bytes += sizeOf(member);
  }

  /** False when it was none. */
  remove(member: Member): boolean {
    if (this.#members === member) {
      this.#members = null;
      return true;
    }
    if (!(this.#members instanceof Crowd) || !this.#members.delete(member)) return false;
    this.#members.bytes -= sizeOf(member);
    return true;
  }

  /** Whether it keeps one instance alive and no second one. */
  keepsOne(): boolean {
    let instances = 0;
    for (const member of this.each()) if (!("key" in member) && ++instances > 1) return false;
    return instances === 1;
  }

  *each(): Iterable<Member> {
    if (this.#members instanceof Crowd) yield* this.#members;
    else if (this.#members !== null) yield this.#members;
  }
}

/** Where what it keeps is counted. */
export function whereOf({ isElsewhere }: LeaseState): "kept" | "elsewhere" {
  return isElsewhere ? "elsewhere" : "kept";
}
