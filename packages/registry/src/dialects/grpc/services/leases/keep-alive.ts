/** @live A stream of heartbeats: all that come in one turn are passed on together, and answered in their order. */
import type { Account, LeaseId, Refused } from "../../../../core/index.ts";
import type { Answers, Call, Talk } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import { admit, type Desk, type Guest } from "../../desk.ts";
import { STOPPED, toStatus } from "../../refusals.ts";
import { type Beats, writeBeats } from "../../wire/beats.ts";
import { Holding } from "./holding.ts";

/** With so many heartbeats that have no answer yet, the client has to wait. */
const ASKED_MAX = 4096;

const OTHER_ACCOUNT = new Status(CODES.invalidArgument, "the account must be the same in all requests of a stream");

export class KeepAlives implements Talk<Beats>, Visit {
  readonly #desk: Desk;
  readonly #call: Call;
  readonly #answers: Answers<Buffer>;
  /** Undefined until the first request says which account it is. */
  #guest: Guest | undefined;
  readonly #holding: Holding;
  #asked: Beats[] = [];
  #leases = 0;
  #isAtWork = false;
  #isFull = false;
  #isEnded = false;
  #release: (() => void) | undefined;

  constructor(desk: Desk, call: Call, answers: Answers<Buffer>) {
    this.#desk = desk;
    this.#call = call;
    this.#answers = answers;
    this.#holding = new Holding((leases) => this.#beatHeld(leases));
    answers.onDrain(() => {
      this.#isFull = false;
      this.#goOn();
    });
  }

  message(beats: Beats): void | Promise<void> {
    if (this.#guest === undefined) {
      this.#guest = { call: this.#call, account: beats.account, need: "writer" };
      this.#desk.lasting.enter(this, this.#guest);
    } else if (beats.account !== "" && beats.account !== this.#guest.account) throw OTHER_ACCOUNT;
    this.#asked.push(beats);
    this.#leases += 1 + beats.leases.length;
    if (!this.#isAtWork) {
      this.#isAtWork = true;
      queueMicrotask(() => void this.#work());
    }
    if (this.#leases >= ASKED_MAX || this.#isFull) return new Promise((resolve) => (this.#release = resolve));
  }

  async #work(): Promise<void> {
    try {
      while (this.#asked.length > 0 && this.#answers.isOpen) {
        this.#leases = 0;
        await this.#renew(this.#asked.splice(0));
      }
    } catch (error) {
      this.#answers.end(new Status(CODES.internal, "something went wrong; the server's log has it"));
      throw error;
    } finally {
      this.#isAtWork = false;
      this.#goOn();
      if (this.#isEnded) this.#answers.end();
    }
  }

  async #renew(asked: readonly Beats[]): Promise<void> {
    const account = await this.#admit();
    if (account instanceof Status) return this.#answers.end(account);
    const leases = asked.length === 1 ? (asked[0] as Beats).leases : asked.flatMap((beats) => beats.leases);
    const ttls = await this.#desk.registry.renewMany(account, leases);
    let from = 0;
    for (const beats of asked) {
      const own = ttls.subarray(from, from + beats.leases.length);
      from += beats.leases.length;
      for (const lease of beats.release) this.#holding.release(lease);
      if (beats.hold && !this.#holding.add(beats.leases, own)) return this.#answers.end(TOO_MANY);
      this.#write(beats.leases, own);
    }
  }

  #write(leases: readonly LeaseId[], ttls: Float64Array): void {
    if (!this.#answers.writeEncoded(writeBeats(leases, ttls))) this.#isFull = true;
  }

  #admit(): Account | Status | Promise<Account | Status> {
    return admit(this.#desk, this.#guest as Guest, true);
  }

  /** Of what is held: what went is told. */
  async #beatHeld(leases: readonly LeaseId[]): Promise<Float64Array | undefined> {
    const account = await this.#admit();
    if (!this.#answers.isOpen) return undefined;
    if (account instanceof Status) {
      this.#answers.end(account);
      return undefined;
    }
    const ttls = await this.#desk.registry.renewMany(account, leases);
    const gone = leases.filter((_, nth) => ttls[nth] === 0);
    if (gone.length > 0 && this.#answers.isOpen) this.#write(gone, new Float64Array(gone.length));
    return ttls;
  }

  #goOn(): void {
    if (this.#isFull || this.#leases >= ASKED_MAX) return;
    this.#release?.();
    this.#release = undefined;
  }

  ended(): void {
    this.#isEnded = true;
    if (!this.#isAtWork) this.#answers.end();
  }

  bye(revoked?: Refused): void {
    this.#answers.end(revoked === undefined ? STOPPED : toStatus(revoked));
  }

  closed(): void {
    this.#holding.close();
    this.#desk.lasting.leave(this);
    this.#asked = [];
    this.#leases = 0;
    this.#isFull = false;
    this.#goOn();
  }
}

const TOO_MANY = new Status(CODES.resourceExhausted, "a stream holds at most 10000 leases");
