/** @live Sessions: leases that a connection has taken a seat with, begun, moved and ended. */
import { randomBytes } from "node:crypto";
import {
  type Account,
  type Bytes,
  type Command,
  type LeaseId,
  type Outcome,
  ok,
  type Registry,
  refuse,
} from "../../../core/index.ts";
import { openLine } from "../../../net/answers/turns.ts";
import { isPassword, passwordOf } from "./password.ts";
import { VIA } from "./realm.ts";

export interface SessionLimits {
  readonly sessionMsMin: number;
  readonly sessionMsMax: number;
}

export interface Begun {
  readonly session: LeaseId;
  readonly password: Bytes;
  readonly timeoutMs: number;
}

/** What a client asks for, brought into the range; 0 and less become the least. */
export function negotiate(askedMs: number, { sessionMsMin, sessionMsMax }: SessionLimits): number {
  return Math.min(Math.max(askedMs, sessionMsMin), sessionMsMax);
}

/** A word that no other connection has, on any node. */
export function newSeat(): string {
  return randomBytes(9).toString("base64url");
}

const ID_BITS = 63;
/** In one turn. */
const ENDING_MS = 2;

const inTurn = openLine();

/** Numbers above 0 that nobody guesses. */
export function newSession(): LeaseId {
  const id = BigInt.asUintN(ID_BITS, randomBytes(8).readBigUInt64BE());
  return id === 0n ? newSession() : id.toString();
}

export class Sessions {
  readonly #registry: Registry;
  readonly #secret: Buffer;
  readonly #limits: SessionLimits;
  #ending: (() => void)[] = [];

  constructor(registry: Registry, secret: Buffer, limits: SessionLimits) {
    this.#registry = registry;
    this.#secret = secret;
    this.#limits = limits;
  }

  /** One that is nowhere yet: the connection belongs to no account. */
  draft(askedMs: number): Begun {
    return this.#begun(newSession(), negotiate(askedMs, this.#limits));
  }

  #begun(session: LeaseId, timeoutMs: number): Begun {
    return { session, timeoutMs, password: passwordOf(this.#secret, session) };
  }

  /** Makes it stand in an account. */
  async begin(account: Account, begun: Begun, at: string): Promise<Outcome<Begun>> {
    const granted = await this.#registry.propose(account, {
      ...this.#grant(begun.session, begun.timeoutMs, at),
      ifAbsent: true,
    });
    return granted.ok ? ok(begun) : granted;
  }

  #grant(lease: LeaseId, ttlMs: number, at: string): Command & { readonly kind: "grant" } {
    return { kind: "grant", lease, ttlMs, via: VIA, meta: { at } };
  }

  /** Takes a session to another connection, with the time that is asked for there. `not-found` when it is over, or not that client's. */
  async move(account: Account, session: LeaseId, said: Bytes, askedMs: number, at: string): Promise<Outcome<Begun>> {
    if (!isPassword(this.#secret, session, said)) return refuse("not-found", "there is no such session");
    const begun = this.#begun(session, negotiate(askedMs, this.#limits));
    const moved = await this.#registry.propose(account, {
      kind: "when",
      guards: [{ on: "lease-exists", lease: session, exists: true }],
      then: [this.#grant(session, begun.timeoutMs, at)],
      otherwise: [{ kind: "refuse", refusal: "not-found", detail: "the session is over" }],
    });
    return moved.ok ? ok(begun) : moved;
  }

  /** The account that a session stands in; `first` is looked at first. */
  find(first: Account, session: LeaseId): Account | undefined {
    return this.#registry.read((view) => {
      const isIn = (account: Account): boolean => view.lease(account, session)?.via === VIA;
      if (isIn(first)) return first;
      for (const { name } of view.accounts()) if (isIn(name)) return name;
      return undefined;
    });
  }

  /** With all that goes with it, in one revision. Many that end at once do so in turns: nobody's pings wait for them. */
  end(account: Account, session: LeaseId): ReturnType<Registry["propose"]> {
    return new Promise((resolve, reject) => {
      const command: Command = { kind: "end", lease: session, cause: "closed" };
      this.#ending.push(() => void this.#registry.propose(account, command).then(resolve, reject));
      if (this.#ending.length === 1) inTurn(() => this.#endSome());
    });
  }

  #endSome(): void {
    const untilMs = performance.now() + ENDING_MS;
    let ended = 0;
    while (ended < this.#ending.length && performance.now() < untilMs) this.#ending[ended++]?.();
    this.#ending = this.#ending.slice(ended);
    if (this.#ending.length > 0) inTurn(() => this.#endSome());
  }
}
