/** @live Ends of leases that lapsed, from when they are proposed until it is known what came of it. */
import type { Outcome } from "../../outcome.ts";
import type { LeaseState } from "../catalog/lease.ts";
import type { Command, Receipt } from "../command.ts";
import type { Account, Silence } from "../types.ts";
import type { Keeping } from "./keeping.ts";
import type { Clock } from "./policy.ts";
import type { LeaseWheel } from "./wheel.ts";

export interface EndsOptions {
  readonly clock: Clock;
  readonly wheel: LeaseWheel;
  keeping(): Keeping | undefined;
  propose(account: Account, command: Command): Promise<Outcome<Receipt>>;
  onExpired?(count: number): void;
}

export class Ends {
  readonly #options: EndsOptions;
  readonly #underWay = new Map<LeaseState, Promise<void>>();

  constructor(options: EndsOptions) {
    this.#options = options;
  }

  /** Proposes it, unless this node is not sure that it keeps the lease. */
  propose(account: Account, state: LeaseState, lateMs: number): void {
    const { clock, wheel } = this.#options;
    const nowMs = clock.now();
    const beats = wheel.beats(state.slot);
    const silence: Silence = {
      deadlineMs: Math.round(nowMs - lateMs),
      lastBeatMs: beats === 0 ? 0 : Math.round(nowMs - Math.max(0, wheel.now - wheel.heardAt(state.slot))),
      beats,
    };
    const { id, createRevision } = state.record;
    const keeper = this.#options.keeping()?.keeper;
    // It is given again, and may know by then.
    if (keeper === null) return;
    const end = { kind: "end", lease: id, cause: "expired", silence, createRevision } as const;
    const command: Command = keeper === undefined ? end : { ...end, keeper };
    const over = this.#options.propose(account, command).then((outcome) => {
      if (this.#underWay.get(state) === over) this.#underWay.delete(state);
      if (outcome.ok) this.#options.onExpired?.(1);
    });
    this.#underWay.set(state, over);
  }

  /** A heartbeat would be answered as good, and the lease end all the same. */
  isUnderWay(state: LeaseState): boolean {
    return this.#underWay.size > 0 && this.#underWay.has(state);
  }

  /** Resolves when nothing is under way of these; undefined when nothing is. */
  over(states: Iterable<LeaseState | undefined>): Promise<unknown> | undefined {
    if (this.#underWay.size === 0) return undefined;
    const all = [...states].flatMap((state) => (state && this.#underWay.get(state)) ?? []);
    return all.length === 0 ? undefined : Promise.all(all);
  }
}
