/** @live Heartbeats of leases that other nodes keep: gathered for a turn, and sent to each keeper in one message. */
import type { Account, LeaseId, Pulse, Sink } from "../../../core/index.ts";
import type { Link } from "../../../net/link/link.ts";
import {
  CHANNELS,
  decodeLeases,
  decodePulses,
  decodeTtls,
  encodeLeases,
  encodePulses,
  encodeTtls,
  type NamedLease,
  read,
} from "./messages.ts";
import type { Roster } from "./roster.ts";

/** A heartbeat that takes longer is refused: the client tries again. */
const TIMEOUT_MS = 2000;
const LEASES_AT_ONCE = 10_000;
/** As `Keeping.renew` has it. */
const UNREACHED = -1;

interface Waiting extends NamedLease {
  readonly resolve: (ttlMs: number) => void;
}

export class Beats {
  readonly #roster: Roster;
  readonly #keeperOf: (account: Account, lease: LeaseId) => string | undefined;
  readonly #waiting = new Map<string, Waiting[]>();

  /** `keeperOf`: the node that keeps a lease; undefined when there is no such lease. */
  constructor(roster: Roster, keeperOf: (account: Account, lease: LeaseId) => string | undefined) {
    this.#roster = roster;
    this.#keeperOf = keeperOf;
  }

  /** As `Keeping.renew`. */
  async renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    if (leases.length === 1) return Float64Array.of(await this.#renewOne(account, leases[0] as LeaseId));
    return Float64Array.from(await Promise.all(leases.map((lease) => this.#renewOne(account, lease))));
  }

  #renewOne(account: Account, lease: LeaseId): number | Promise<number> {
    const keeper = this.#keeperOf(account, lease);
    if (keeper === undefined) return 0;
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(keeper);
      if (waiting !== undefined) {
        waiting.push({ account, lease, resolve });
        if (waiting.length >= LEASES_AT_ONCE) this.#send(keeper);
        return;
      }
      this.#waiting.set(keeper, [{ account, lease, resolve }]);
      setImmediate(() => this.#send(keeper));
    });
  }

  #send(keeper: string): void {
    const waiting = this.#waiting.get(keeper);
    if (waiting === undefined) return;
    this.#waiting.delete(keeper);
    void this.#roster.ask(keeper, CHANNELS.renew, encodeLeases(waiting), TIMEOUT_MS).then((answer) => {
      const ttls = answer.ok ? read(decodeTtls, answer.value) : undefined;
      for (const [nth, { resolve }] of waiting.entries()) resolve(ttls?.[nth] ?? UNREACHED);
    });
  }

  /** As `Keeping.pulses`. */
  async pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]> {
    const found = new Array<Pulse | undefined>(leases.length).fill(undefined);
    const byKeeper = new Map<string, number[]>();
    for (const [nth, lease] of leases.entries()) {
      const keeper = this.#keeperOf(account, lease);
      if (keeper === undefined) continue;
      const places = byKeeper.get(keeper);
      if (places === undefined) byKeeper.set(keeper, [nth]);
      else places.push(nth);
    }
    const ask = async ([keeper, places]: readonly [string, readonly number[]]): Promise<void> => {
      const asked = encodeLeases(places.map((nth) => ({ account, lease: leases[nth] as LeaseId })));
      const answer = await this.#roster.ask(keeper, CHANNELS.pulses, asked, TIMEOUT_MS);
      if (!answer.ok) return;
      const pulses = read(decodePulses, answer.value);
      for (const [at, nth] of places.entries()) found[nth] = pulses?.[at];
    };
    await Promise.all([...byKeeper].map(ask));
    return found;
  }
}

/** Answers other nodes of leases that are kept here. */
export function answerBeats(link: Link, sink: Sink): void {
  link.on(CHANNELS.renew, (payload) =>
    encodeTtls(decodeLeases(payload).flatMap(({ account, leases }) => [...sink.renewHere(account, leases)])),
  );
  link.on(CHANNELS.pulses, (payload) =>
    encodePulses(decodeLeases(payload).flatMap(({ account, leases }) => [...sink.pulsesHere(account, leases)])),
  );
}
