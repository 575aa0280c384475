/**
 * @live What each address may do, and how many answers each network gets. Above a rate answers thin out, so that nobody
 * can make us flood others by forging their addresses.
 */
import type { Access, Clock } from "../../../core/index.ts";
import { isLoopback } from "../../../net/hosts/loopback.ts";
import type { Settings } from "../settings/model.ts";
import { toNetworkKey, unmappedAddress } from "../settings/networks.ts";
import { HEADER_BYTES } from "../wire/header.ts";

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

/** What a network may still have. */
export interface Bucket {
  /** In answers of `ANSWER_BYTES`. */
  tokens: number;
  /** When tokens were last added. */
  atMs: number;
}

/** With its headers. A longer answer counts for as many, a shorter one for one. */
const ANSWER_BYTES = 200;
/** Those of IPv4 and UDP. */
const HEADERS_BYTES = 28;
/** The part of what a network may have that is for hints to come by TCP alone. */
const HINTS_SHARE = 0.1;
/** No hint is shorter: with its headers, a question for the root. */
const HINT_TOKENS_MIN = (HEADERS_BYTES + HEADER_BYTES + 5) / ANSWER_BYTES;

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
      this.#olderBuckets.get(network) ?? { tokens: settings.responsesPerSecond, atMs: clock.monotonic() };
    if (this.#buckets.size >= BUCKETS_MAX / 2) {
      this.#olderBuckets = this.#buckets;
      this.#buckets = new Map();
    }
    this.#buckets.set(network, bucket);
    return bucket;
  }

  /** Whether there is anything left for this network now. */
  mayHave(bucket: Bucket): boolean {
    const { settings, clock } = this.#options;
    const rate = settings.responsesPerSecond;
    const nowMs = clock.monotonic();
    bucket.tokens = Math.min(rate, bucket.tokens + ((nowMs - bucket.atMs) * rate) / 1000);
    bucket.atMs = nowMs;
    return bucket.tokens >= HINT_TOKENS_MIN;
  }

  /** Takes an answer of so many bytes out of the bucket; false when it does not hold that much. */
  takeAnswer(bucket: Bucket, bytes: number): boolean {
    const left = bucket.tokens - Math.max(1, toTokens(bytes));
    if (left < HINTS_SHARE * this.#options.settings.responsesPerSecond) return false;
    bucket.tokens = left;
    return true;
  }

  /** The same for an answer without records, with TC: an honest client then asks again over TCP. */
  takeHint(bucket: Bucket, bytes: number): boolean {
    const left = bucket.tokens - toTokens(bytes);
    if (left < 0) return false;
    bucket.tokens = left;
    return true;
  }
}

function toTokens(bytes: number): number {
  return (bytes + HEADERS_BYTES) / ANSWER_BYTES;
}
