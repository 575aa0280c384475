/** @live What is done now and then: old tombstones are forgotten, and what is to be known after a restart is written down. */
import {
  type Account,
  ALL_TOMBSTONES,
  type Clock,
  type Command,
  KNOWN_KEY,
  type Replicator,
  SYSTEM_ACCOUNT,
  type View,
} from "../../core/index.ts";
import type { InStep } from "./in-step.ts";

/** Tombstones of one commit. */
const AT_ONCE = 500;
/** What is known of the others is written down so many times while tombstones are kept. */
const REMEMBERED = 100;

export interface ChoresParts {
  readonly clock: Clock;
  readonly inStep: InStep;
  readonly tombstoneMs: number;
  readonly store: Pick<Replicator, "propose">;
}

export class Chores {
  readonly #parts: ChoresParts;
  #rememberedMs = 0;

  constructor(parts: ChoresParts) {
    this.#parts = parts;
  }

  do(view: View): void {
    const { clock, tombstoneMs, store } = this.#parts;
    for (const { name } of view.accounts()) {
      const then = forgetting(view, name, clock.now() - tombstoneMs);
      if (then.length > 0) void store.propose(name, { kind: "when", guards: [], then, otherwise: [] });
    }
    if (clock.now() - this.#rememberedMs > tombstoneMs / REMEMBERED) this.remember();
  }

  remember(): void {
    const { clock, store, inStep } = this.#parts;
    this.#rememberedMs = clock.now();
    void store.propose(SYSTEM_ACCOUNT, { kind: "put", key: KNOWN_KEY, value: inStep.write() });
  }

  /** Throws when it cannot be read. */
  recall(view: View): void {
    this.#parts.inStep.read(view.entry(SYSTEM_ACCOUNT, KNOWN_KEY)?.value ?? "");
  }
}

/** The steps that forget what was deleted before this time; some of them when there are many. */
function forgetting(view: View, account: Account, beforeMs: number): readonly Command[] {
  const steps: Command[] = [];
  for (const { key, createdAtMs } of view.entries(account, ALL_TOMBSTONES.from, ALL_TOMBSTONES.to)) {
    if (createdAtMs >= beforeMs) continue;
    steps.push({ kind: "delete", from: key });
    if (steps.length >= AT_ONCE) break;
  }
  return steps;
}
