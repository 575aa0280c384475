/** @live A stream that keeps a lease alive as long as it is open. */
import { LIMITS, type Outcome, ok, refuse } from "../../../core/index.ts";
import { decodeDuration, toTtl } from "../../../native/wire/numbers.ts";
import type { Stream, Streaming } from "../../../net/http/reply.ts";
import { encodePosition } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import type { Visit } from "../../../net/routes/visits.ts";
import type { Desk, Exchange, Session } from "../desk.ts";
import { encodeEvent } from "../wire/sse.ts";

/** Probes begin after this long without traffic; with the kernel's ten at 1 s, a lost peer is known within 15 s. */
const PROBE_AFTER_MS = 5000;
/**
 * Longer than the probes take: bytes under way would keep the kernel from probing. Shorter than the minute after which
 * proxies and clients take a silent connection for dead.
 */
const COMMENT_MS = 45_000;
/** A lease with a long time, or none, is looked at again by then. */
const PAUSE_MS_MAX = 3_600_000;
/** Less would not be enough to know of others that end together. */
const LINGER_MS_MIN = 50;
const LINGER_MS_MAX = 3_600_000;

/** GET …/leases/:lease/session */
export function keepLease(exchange: Exchange<Streaming>): Result | undefined {
  const { desk, account, params, reply } = exchange;
  const lease = params[0] as string;
  const ttlMs = desk.registry.read((view) => view.lease(account, lease)?.ttlMs);
  if (ttlMs === undefined) return refuse("not-found", `there is no lease ${lease}`);
  const linger = decodeLinger(exchange.query.get("linger"), ttlMs);
  if (!linger.ok) return linger;
  if (desk.lasting.draining) return refuse("unavailable", "the registry is stopping");
  const stream = reply.events({ keepAliveMs: COMMENT_MS, probeAfterMs: PROBE_AFTER_MS });
  new Keeper(exchange, { lease, ttlMs, lingerMs: linger.value }, stream).start();
  return undefined;
}

function decodeLinger(text: string | undefined, ttlMs: number): Outcome<number | undefined> {
  if (text === undefined) return ok(undefined);
  const lingerMs = decodeDuration(text);
  if (lingerMs === undefined || lingerMs < LINGER_MS_MIN || lingerMs > LINGER_MS_MAX)
    return refuse("invalid", "query parameter linger must be a duration from 50ms to 1h");
  if (ttlMs === Number.POSITIVE_INFINITY)
    return refuse("invalid", "a lease without time does not lapse: leave linger out");
  return ok(lingerMs);
}

interface Hold {
  readonly lease: string;
  readonly ttlMs: number;
  /** Undefined: when the connection ends, the ttl runs. */
  readonly lingerMs: number | undefined;
}

class Keeper implements Visit, Session {
  readonly #desk: Desk;
  readonly #account: string;
  readonly #lease: string;
  readonly #stream: Stream;
  readonly #lingerMs: number | undefined;
  readonly #leave: () => void;
  readonly #quit: (lingerMs?: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #ttlMs: number;
  /** Monotonic ms of the last renewal, or of the beginning. */
  #renewedMs: number;
  #isReady = false;

  constructor(exchange: Exchange, { lease, ttlMs, lingerMs }: Hold, stream: Stream) {
    this.#lingerMs = lingerMs;
    this.#ttlMs = ttlMs;
    this.#renewedMs = exchange.desk.clock.monotonic();
    this.#desk = exchange.desk;
    this.#account = exchange.account;
    this.#lease = lease;
    this.#stream = stream;
    this.#leave = exchange.desk.lasting.enter(this, exchange);
    this.#quit = exchange.desk.sessions.enter(this.#account, lease, this);
  }

  start(): void {
    this.#stream.onClose((byPeer) => {
      clearTimeout(this.#timer);
      this.#leave();
      // A peer that does not answer may live on behind a network that does not carry: then its ttl runs.
      this.#quit(byPeer && !this.#desk.lasting.draining ? this.#lingerMs : undefined);
    });
    void this.#beat();
  }

  renew(): void {
    void this.#desk.registry.renew(this.#account, this.#lease);
  }

  /** Renews, and again after a third of the ttl that the lease has now. */
  async #beat(): Promise<void> {
    const outcome = await this.#desk.registry.renew(this.#account, this.#lease);
    if (!this.#stream.open) return;
    if (!outcome.ok && outcome.refusal !== "unavailable") {
      this.#stream.end(this.#encode("ended", { lease: this.#lease, reason: outcome.detail }));
      return;
    }
    if (!outcome.ok && this.#isLate) return this.bye();
    if (outcome.ok) this.#renewed(outcome.value.ttlMs);
    const nextMs = outcome.ok ? this.#ttlMs / 3 : this.#ttlMs / 12;
    this.#timer = setTimeout(() => void this.#beat(), Math.min(Math.max(LIMITS.ttlMsMin / 4, nextMs), PAUSE_MS_MAX));
  }

  /** The lease's keeper was not reached for a whole ttl: nobody knows whether it lives on. Another node may. */
  get #isLate(): boolean {
    return this.#desk.clock.monotonic() - this.#renewedMs >= this.#ttlMs;
  }

  #renewed(ttlMs: number): void {
    this.#ttlMs = ttlMs;
    this.#renewedMs = this.#desk.clock.monotonic();
    if (this.#isReady) return;
    this.#isReady = true;
    this.#stream.write(this.#encode("ready", { lease: this.#lease, ttlMs: toTtl(ttlMs) }));
  }

  #encode(event: string, data: object): Buffer {
    const revision = this.#desk.registry.read((view) => view.revision);
    const id = encodePosition(revision, this.#desk.mark);
    return Buffer.from(encodeEvent(event, id, JSON.stringify({ revision, ...data })));
  }

  bye(): void {
    this.#stream.end(this.#encode("bye", {}));
  }
}
