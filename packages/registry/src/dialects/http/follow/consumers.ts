/** @live Who subscribes to which provider: kept as reserved keys under a lease that each later poll renews. */
import {
  type Account,
  type Clock,
  type Command,
  fromBytes,
  type LeaseId,
  prefixEnd,
  type Registry,
  toBytes,
  type View,
} from "../../../core/index.ts";
import type { Consumers } from "../desk.ts";
import { WAIT_MS_MAX } from "../wire/numbers.ts";

const PREFIX = "\0http/consumers/";
/** Longer than the longest poll: a consumer that waits in one stays a consumer. */
export const CONSUMER_TTL_MS = WAIT_MS_MAX + 60_000;
const CONSUMERS_MAX = 20_000;
const PENDING_MAX = 10_000;

export interface Consumer {
  readonly consumer: string;
  readonly provider: string;
  readonly protocol: string;
  readonly sinceMs: number;
}

function toKey(consumer: string, provider: string, protocol: string): string {
  return PREFIX + [provider, consumer, protocol].map(encodeURIComponent).join("/");
}

function toLease(consumer: string): LeaseId {
  return `${PREFIX}${consumer}`;
}

export class KeptConsumers implements Consumers {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #pending = new Set<string>();

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** A durable write only when that is news; else a heartbeat. */
  note(account: Account, consumer: string, provider: string, protocol: string): void {
    const key = toKey(consumer, provider, protocol);
    const lease = toLease(consumer);
    if (this.#registry.read((view) => view.entry(account, key) !== undefined)) {
      void this.#registry.renew(account, lease);
      return;
    }
    const pending = `${account}\0${key}`;
    if (this.#pending.has(pending) || this.#pending.size >= PENDING_MAX) return;
    this.#pending.add(pending);
    const value = toBytes(JSON.stringify({ since: this.#clock.now() }));
    const settled = (): void => {
      this.#pending.delete(pending);
    };
    this.#registry.propose(account, toNote(lease, key, value)).then(settled, settled);
  }
}

function toNote(lease: LeaseId, key: string, value: string): Command {
  const grant: Command = { kind: "grant", lease, ttlMs: CONSUMER_TTL_MS, via: "http" };
  const put: Command = { kind: "put", key, value, lease };
  return {
    kind: "when",
    guards: [{ on: "count", of: "keys", prefix: PREFIX, below: CONSUMERS_MAX }],
    // Granting a lease that is there already changes nothing.
    then: [grant, put],
    otherwise: [],
  };
}

/** All consumers of an account, sorted by provider. */
export function listConsumers(view: View, account: Account): Consumer[] {
  const found: Consumer[] = [];
  for (const record of view.entries(account, PREFIX, prefixEnd(PREFIX))) {
    const [provider = "", consumer = "", protocol = ""] = record.key
      .slice(PREFIX.length)
      .split("/")
      .map(decodeURIComponent);
    const { since } = JSON.parse(fromBytes(record.value)) as { since: number };
    found.push({ consumer, provider, protocol, sinceMs: since });
  }
  return found;
}
