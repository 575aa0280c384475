/**
 * @live Who subscribes to which provider: noted in memory, within bounds of its own, as a read must neither write nor use
 * up what registrations need. An orderly stop saves it, and the next start goes on with it.
 */
import {
  type Account,
  type Clock,
  type Command,
  fromBytes,
  LIMITS,
  prefixEnd,
  type Registry,
  SYSTEM_ACCOUNT,
  toBytes,
} from "../../../core/index.ts";
import { WAIT_MS_MAX } from "../../../native/wire/numbers.ts";
import type { Consumer, Consumers, Source } from "../desk.ts";

/** In the system's account, by the name of the account that the consumers are in. */
const PREFIX = "\0http/consumers/";
/** Longer than the longest poll: a consumer that waits in one stays a consumer. */
export const CONSUMER_TTL_MS = WAIT_MS_MAX + 60_000;
/** As JSON: what is noted of an account can be saved in one value. */
const ACCOUNT_BYTES_MAX = LIMITS.valueBytesMax - 1024;
const ALL_BYTES_MAX = 4 * ACCOUNT_BYTES_MAX;
const SWEEP_MS = 1000;

interface Noted extends Consumer {
  readonly bytes: number;
  /** When it was last here, by the clock that only goes forward. */
  seenMs: number;
}

/** The consumers of one account; who was here last is last. */
class Circle {
  readonly noted = new Map<string, Noted>();
  bytes = 0;
}

/** An account's consumers as they are saved. */
interface Saved {
  readonly savedMs: number;
  readonly consumers: readonly Consumer[];
}

export class NotedConsumers implements Consumers {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #circles = new Map<Account, Circle>();
  #bytes = 0;
  #sweptMs = 0;

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    registry.read((view) => {
      for (const { key, value } of view.entries(SYSTEM_ACCOUNT, PREFIX, prefixEnd(PREFIX))) {
        const { savedMs, consumers } = JSON.parse(fromBytes(value)) as Saved;
        if (clock.now() - savedMs > CONSUMER_TTL_MS) continue;
        for (const consumer of consumers) this.#add(key.slice(PREFIX.length), consumer);
      }
    });
  }

  note(account: Account, consumer: string, provider: string, protocol: string, source: Source = "subscription"): void {
    if (Math.max(consumer.length, provider.length, protocol.length) > LIMITS.nameLengthMax) return;
    const id = toId(provider, consumer, protocol);
    const circle = this.#circles.get(account);
    const known = circle?.noted.get(id);
    const nowMs = this.#clock.monotonic();
    if (circle !== undefined && known !== undefined && nowMs - known.seenMs <= CONSUMER_TTL_MS) {
      known.seenMs = nowMs;
      circle.noted.delete(id);
      circle.noted.set(id, known);
      return;
    }
    this.#forget(account);
    this.#add(account, { consumer, provider, protocol, sinceMs: this.#clock.now(), source });
  }

  #add(account: Account, consumer: Consumer): void {
    const json = JSON.stringify(consumer);
    const bytes = Buffer.byteLength(json) + 1;
    if (this.#bytes + bytes > ALL_BYTES_MAX) this.#sweep();
    const circle = this.#circles.get(account) ?? new Circle();
    if (this.#bytes + bytes > ALL_BYTES_MAX || circle.bytes + bytes > ACCOUNT_BYTES_MAX) return;
    // Copies: these names may be cut out of a request, all of which they would keep in memory.
    const own = JSON.parse(json) as Consumer;
    const seenMs = this.#clock.monotonic();
    circle.noted.set(toId(own.provider, own.consumer, own.protocol), { ...own, bytes, seenMs });
    this.#circles.set(account, circle);
    circle.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Looks at all accounts, now and then only. */
  #sweep(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    for (const account of this.#circles.keys()) this.#forget(account);
  }

  /** Drops those of an account that were not here for too long. */
  #forget(account: Account): void {
    const circle = this.#circles.get(account);
    if (circle === undefined) return;
    const seenMsMin = this.#clock.monotonic() - CONSUMER_TTL_MS;
    for (const [id, { seenMs, bytes }] of circle.noted) {
      if (seenMs >= seenMsMin) return;
      circle.noted.delete(id);
      circle.bytes -= bytes;
      this.#bytes -= bytes;
    }
    this.#circles.delete(account);
  }

  list(account: Account): (Noted & { readonly lastMs: number })[] {
    this.#forget(account);
    const offMs = this.#clock.now() - this.#clock.monotonic();
    const noted = [...(this.#circles.get(account)?.noted.values() ?? [])];
    return (
      noted
        // The two clocks may be a millisecond apart.
        .map((one) => ({ ...one, lastMs: Math.max(one.sinceMs, Math.round(one.seenMs + offMs)) }))
        .sort(
          (a, b) =>
            compare(a.provider, b.provider) || compare(a.consumer, b.consumer) || compare(a.protocol, b.protocol),
        )
    );
  }

  /** A store that takes no writes harms nobody: they are known again after their next poll. */
  async save(): Promise<void> {
    const commands: Command[] = [];
    for (const account of this.#circles.keys()) {
      const consumers = this.list(account).map(({ bytes: _, seenMs: __, lastMs: ___, ...consumer }) => consumer);
      const saved: Saved = { savedMs: this.#clock.now(), consumers };
      commands.push({ kind: "put", key: PREFIX + account, value: toBytes(JSON.stringify(saved)) });
    }
    if (commands.length === 0) return;
    commands.unshift({ kind: "delete", from: PREFIX, to: prefixEnd(PREFIX) });
    await Promise.all(commands.map((command) => this.#registry.propose(SYSTEM_ACCOUNT, command)));
  }
}

function toId(provider: string, consumer: string, protocol: string): string {
  return `${provider}\0${consumer}\0${protocol}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
