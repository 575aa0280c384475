/** Reads after a barrier, writes and swaps of the same keys at all nodes are linearizable. */
import { judge, REGISTER, TooHard } from "../linear/checker.ts";
import type { RegisterSeen, Registers } from "../load/registers.ts";
import { type Complaint, complain } from "./complaint.ts";

export class RegisterCheck {
  readonly #registers: Registers;
  /** What each key was when the last round ended, and what may still be done of that round. */
  readonly #states = new Map<string, string | null>();
  readonly #open = new Map<string, RegisterSeen[]>();
  operations = 0;
  /** Histories that took too many steps: of these nothing is known. */
  unjudged = 0;

  constructor(registers: Registers) {
    this.#registers = registers;
  }

  /** `states`: what the keys are now. Nobody is under way. */
  judge(states: ReadonlyMap<string, string | null>): Complaint[] {
    return this.#registers.keys.flatMap((key) => {
      const own = this.#registers.take(key);
      this.operations += own.length;
      const nowMs = performance.now();
      const value = states.get(key) ?? null;
      const last: RegisterSeen = {
        op: { kind: "read", value, node: "the end" },
        calledMs: nowMs,
        answeredMs: nowMs,
      };
      const seen = [...(this.#open.get(key) ?? []), ...own, last];
      const initial = this.#states.get(key) ?? null;
      this.#states.set(key, value);
      // A change that nobody knows of may still be under way, but not for two rounds.
      this.#open.set(
        key,
        own.filter(({ answeredMs }) => answeredMs === Number.POSITIVE_INFINITY),
      );
      return this.#judgeOne(key, initial, seen);
    });
  }

  #judgeOne(key: string, initial: string | null, seen: readonly RegisterSeen[]): Complaint[] {
    try {
      const judgement = judge(REGISTER, initial, seen);
      if (judgement.isLinearizable) return [];
      const say = (op: unknown): string => JSON.stringify(op);
      const times = seen
        .filter(({ op }) => judgement.stuck.includes(op) || judgement.order.slice(-6).includes(op))
        .map(({ op, calledMs, answeredMs }) => `${Math.round(calledMs)}–${Math.round(answeredMs)} ${say(op)}`);
      const order = judgement.order.slice(-6).map((op) => `taken: ${say(op)}`);
      const stuck = judgement.stuck.map((op) => `cannot be next: ${say(op)}`);
      const detail = `${key}: ${seen.length} operations from ${initial}, ${judgement.order.length} in order, then none`;
      return [complain("linearizable after a barrier", detail, [...order, ...stuck, ...times])];
    } catch (error) {
      if (!(error instanceof TooHard)) throw error;
      this.unjudged++;
      return [];
    }
  }
}
