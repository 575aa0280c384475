/** @live A stream of heartbeats: all that come in one turn are passed on together, and answered in their order. */
import type { LeaseId, Refused } from "../../../../core/index.ts";
import type { Answers, Call, Talk } from "../../../../net/grpc/method.ts";
import { Status } from "../../../../net/grpc/status.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import { admit, type Desk, headerOf, revisionNow } from "../../desk.ts";
import { ERRORS } from "../../refusals.ts";
import { writeKeptAlive } from "../../wire/heartbeat.ts";

/** With so many heartbeats that have no answer yet, the client has to wait. */
const ASKED_MAX = 4096;
const TTL_S_MAX = 9_000_000_000;

export class KeepAlives implements Talk<LeaseId>, Visit {
  readonly #desk: Desk;
  readonly #call: Call;
  readonly #answers: Answers<Buffer>;
  #asked: LeaseId[] = [];
  #isAtWork = false;
  #isFull = false;
  #isEnded = false;
  #release: (() => void) | undefined;

  constructor(desk: Desk, call: Call, answers: Answers<Buffer>) {
    this.#desk = desk;
    this.#call = call;
    this.#answers = answers;
    desk.lasting.enter(this, call);
    answers.onDrain(() => {
      this.#isFull = false;
      this.#goOn();
    });
  }

  message(lease: LeaseId): void | Promise<void> {
    this.#asked.push(lease);
    if (!this.#isAtWork) {
      this.#isAtWork = true;
      queueMicrotask(() => void this.#work());
    }
    if (this.#asked.length >= ASKED_MAX || this.#isFull) return new Promise((resolve) => (this.#release = resolve));
  }

  async #work(): Promise<void> {
    try {
      while (this.#asked.length > 0 && this.#answers.isOpen) await this.#renew(this.#asked.splice(0));
    } finally {
      this.#isAtWork = false;
      this.#goOn();
      if (this.#isEnded) this.#answers.end();
    }
  }

  async #renew(leases: readonly LeaseId[]): Promise<void> {
    const account = await admit(this.#desk, this.#call, "writer");
    if (account instanceof Status) return this.#answers.end(account);
    const header = headerOf(this.#desk, revisionNow(this.#desk));
    const ttls = await this.#desk.registry.renewMany(account, leases);
    for (const [nth, lease] of leases.entries()) {
      const ttlMs = ttls[nth] as number;
      // Its keeper is not reached: that it is gone would be untrue.
      if (ttlMs < 0) return this.#answers.end(ERRORS.timedOut);
      const ttlS = Number.isFinite(ttlMs) ? Math.ceil(ttlMs / 1000) : TTL_S_MAX;
      if (!this.#answers.writeEncoded(writeKeptAlive(header, lease, ttlS))) this.#isFull = true;
    }
  }

  #goOn(): void {
    if (this.#isFull || this.#asked.length >= ASKED_MAX) return;
    this.#release?.();
    this.#release = undefined;
  }

  ended(): void {
    this.#isEnded = true;
    if (!this.#isAtWork) this.#answers.end();
  }

  bye(revoked?: Refused): void {
    this.#answers.end(revoked === undefined ? ERRORS.stopped : ERRORS.invalidToken);
  }

  closed(): void {
    this.#desk.lasting.leave(this);
    this.#asked = [];
    this.#isFull = false;
    this.#goOn();
  }
}
