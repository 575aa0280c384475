/**
 * @live What each address may do, and how many answers each network gets. Above a rate answers thin out, so that nobody
 * can make us flood others by forging their addresses.
 */
import type { Access, Clock } from "../../../core/index.ts";
import { isLoopback } from "../../../net/loopback.ts";
import type { Settings } from "../settings/model.ts";
import { toNetworkKey, unmappedAddress } from "../settings/networks.ts";

/** What an address may do. */
export interface Standing {
  /** As in `Asker.address`. */
  readonly address: string;
  readonly mayAsk: boolean;
  readonly mayForward: boolean;
  /** It is an address of this machine, as far as can be told: a packet from our own port there is our own. */
  readonly isLocal: boolean;
  /** Chooses the records that it gets of a truncated answer. */
  readonly share: number;
  /** Undefined: no limit. */
  readonly bucket: Bucket | undefined;
}

/** A small number, always the same for an address. */
export function toShare(address: string): number {
  let hash = 0;
  for (let i = 0; i < address.length; i++) hash = (Math.imul(hash, 31) + address.charCodeAt(i)) >>> 0;
  return hash % SHARES;
}

/** The answers that a network may still have. */
export interface Bucket {
  tokens: number;
  /** When tokens were last added. */
  atMs: number;
  /** Answers over the rate: every second one becomes a hint to come by TCP. */
  over: number;
}

/** `slip`: an answer without records, with TC: an honest client then asks again over TCP. */
export type Verdict = "send" | "slip" | "drop";

const SHARES = 256;
const STANDINGS_MAX = 16_384;
const BUCKETS_MAX = 65_536;

export interface StandingsOptions {
  readonly settings: Settings;
  readonly access: Access;
  readonly clock: Clock;
  /** The address that we listen on. */
  readonly host: string;
}

/** What is known of addresses. Bounded: addresses that sent nothing lately are forgotten. */
export class Standings {
  readonly #options: StandingsOptions;
  #known = new Map<string, Standing>();
  #older = new Map<string, Standing>();
  #buckets = new Map<string, Bucket>();
  #olderBuckets = new Map<string, Bucket>();
  /** Of the last packet: most packets come from the same address as the one before. */
  #last: Standing | undefined;
  #lastAddress = "";
  #wasOpen: boolean;

  constructor(options: StandingsOptions) {
    this.#options = options;
    this.#wasOpen = options.access.open;
  }

  of(address: string): Standing {
    const { open } = this.#options.access;
    if (open !== this.#wasOpen) {
      this.#wasOpen = open;
      this.forget();
    }
    if (address === this.#lastAddress && this.#last !== undefined) return this.#last;
    const standing = this.#known.get(address) ?? this.#find(address);
    this.#last = standing;
    this.#lastAddress = address;
    return standing;
  }

  /** Forgets who may ask; the answers that networks had still count. */
  forget(): void {
    this.#known = new Map();
    this.#older = new Map();
    this.#last = undefined;
  }

  #find(address: string): Standing {
    const standing = this.#older.get(address) ?? this.#make(address);
    if (this.#known.size >= STANDINGS_MAX / 2) {
      this.#older = this.#known;
      this.#known = new Map();
    }
    this.#known.set(address, standing);
    return standing;
  }

  #make(given: string): Standing {
    const { settings, access, host } = this.#options;
    const address = unmappedAddress(given);
    const mayAsk = settings.allowQuery?.has(address) ?? (access.open || isLoopback(address));
    const isLimited = settings.responsesPerSecond > 0 && !settings.unlimited.has(address);
    return {
      address,
      mayAsk,
      isLocal: isLoopback(address) || address === host,
      share: toShare(address),
      mayForward: settings.forward.length > 0 && settings.allowForward.has(address),
      bucket: isLimited ? this.#bucket(toNetworkKey(address)) : undefined,
    };
  }

  #bucket(network: string): Bucket {
    const { settings, clock } = this.#options;
    const bucket = this.#buckets.get(network) ??
      this.#olderBuckets.get(network) ?? { tokens: settings.responsesPerSecond, atMs: clock.monotonic(), over: 0 };
    if (this.#buckets.size >= BUCKETS_MAX / 2) {
      this.#olderBuckets = this.#buckets;
      this.#buckets = new Map();
    }
    this.#buckets.set(network, bucket);
    return bucket;
  }

  /** Takes one answer out of the bucket. */
  take(bucket: Bucket): Verdict {
    const { settings, clock } = this.#options;
    const rate = settings.responsesPerSecond;
    const nowMs = clock.monotonic();
    bucket.tokens = Math.min(rate, bucket.tokens + ((nowMs - bucket.atMs) * rate) / 1000);
    bucket.atMs = nowMs;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return "send";
    }
    bucket.over += 1;
    return bucket.over % 2 === 0 ? "slip" : "drop";
  }
}
