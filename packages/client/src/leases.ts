import { PROBLEMS, RollcallError } from "./error.ts";
import { followStream } from "./http/stream.ts";
import { pathOf, type Transport } from "./http/transport.ts";
import { heartbeatLimitMs } from "./register/heartbeats.ts";
import type {
  GrantBody,
  GrantedBody,
  LeaseBody,
  LeasesBody,
  ProblemBody,
  ReleasedBody,
  RenewedBody,
} from "./shapes.ts";

export interface Page {
  readonly from?: string | undefined;
  readonly limit?: number | undefined;
}

/** `timeoutMs` instead of the client's own: an answer that is waited for longer than the ttl comes too late. */
export interface BeatOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A lease that lives as long as this connection: no heartbeats needed. */
export interface LeaseSession {
  readonly lease: string;
  /** Resolves when the session ends: undefined after `close`, the error when the lease is gone or refused. */
  readonly ended: Promise<unknown>;
  /** Lets go of the connection; from now on the time to live runs, or with `lingerMs` that. */
  close(): void;
}

export interface SessionOptions {
  /**
   * When the connection ends, as that of a program that was killed does at once, the lease lapses after so long unless it is
   * taken up again: from 50 ms on. Without it, after its time to live.
   */
  readonly lingerMs?: number | undefined;
}

export interface Leases {
  grant(body: GrantBody): Promise<GrantedBody>;
  /** 404 as a `RollcallError` when it is gone. */
  renew(lease: string, options?: BeatOptions): Promise<{ ttlMs: number | null }>;
  /** Many heartbeats in one request. */
  renewMany(leases: readonly string[], options?: BeatOptions): Promise<RenewedBody>;
  /** Holds the lease by an open connection, taken up again when it is lost. */
  session(lease: string, options?: SessionOptions & { readonly onDown?: (error: unknown) => void }): LeaseSession;
  list(page?: Page): Promise<LeasesBody>;
  get(lease: string): Promise<LeaseBody>;
  /** Ends it and everything it holds. */
  end(lease: string): Promise<{ revision: number }>;
  /** Leases that protection keeps although they lapsed. */
  held(page?: Page): Promise<LeasesBody>;
  /** Lets held leases go: these, those that keep an instance of a service, or all. */
  release(
    which?: readonly string[] | { readonly service: string },
    /** Only says how many would go. */
    options?: { readonly dry?: boolean },
  ): Promise<ReleasedBody>;
}

const RENEW_MANY_MAX = 10_000;

export function createLeases(transport: Transport): Leases {
  const at = (...rest: readonly string[]) => pathOf("v2", transport.account, ...rest);

  async function renewMany(leases: readonly string[], options: BeatOptions = {}): Promise<RenewedBody> {
    const asked: Promise<RenewedBody>[] = [];
    for (let from = 0; from < leases.length; from += RENEW_MANY_MAX) {
      const json = { leases: leases.slice(from, from + RENEW_MANY_MAX) };
      asked.push(transport.json({ ...options, method: "POST", effect: "same", path: at("leases", "renew"), json }));
    }
    const total: RenewedBody = { renewed: 0, missing: [] };
    // All at once: one that gets no answer does not keep the others waiting.
    for (const { renewed, missing, unreached } of await Promise.all(asked)) {
      total.renewed += renewed;
      total.missing.push(...missing);
      if (unreached !== undefined) total.unreached = [...(total.unreached ?? []), ...unreached];
    }
    return total;
  }

  return {
    grant: async (json) => transport.json({ method: "POST", path: at("leases"), json }),
    renew: async (lease, options = {}) =>
      transport.json({ ...options, method: "POST", effect: "same", path: at("leases", lease, "renew") }),
    renewMany,
    session: (lease, options) => openSession(transport, lease, options),
    list: async (page) => transport.json({ path: at("leases"), query: { ...page } }),
    get: async (lease) => transport.json({ path: at("leases", lease) }),
    end: async (lease) => transport.json({ method: "DELETE", path: at("leases", lease) }),
    held: async (page) => transport.json({ path: at("held"), query: { ...page } }),
    release: async (which, { dry = false } = {}) => {
      const json = Array.isArray(which) ? { leases: which } : (which ?? {});
      const query = dry ? { dry: "true" } : {};
      return transport.json({ method: "POST", effect: "same", path: at("held", "release"), query, json });
    },
  };
}

/** What a session tells, beside its end. */
export interface SessionWatcher extends SessionOptions {
  /** The connection is there, and keeps the lease alive. */
  readonly onUp?: () => void;
  readonly onDown?: ((error: unknown) => void) | undefined;
}

/** Holds a lease by an open connection until `close`. */
export function openSession(transport: Transport, lease: string, watcher: SessionWatcher = {}): LeaseSession {
  const stop = new AbortController();

  const path = pathOf("v2", transport.account, "leases", lease, "session");
  const query = watcher.lingerMs === undefined ? {} : { linger: `${Math.round(watcher.lingerMs)}ms` };
  /** Known from the first answer on. */
  let ttlMs: number | null = null;
  const limitMs = () => (ttlMs === null ? undefined : heartbeatLimitMs(ttlMs));

  async function hold(): Promise<unknown> {
    try {
      const stream = followStream(transport, {
        // Each new connection is a heartbeat, too.
        call: () => ({ path, query, timeoutMs: Math.min(transport.timeoutMs, limitMs() ?? Number.POSITIVE_INFINITY) }),
        pauseMsMax: limitMs,
        atOnce: watcher.lingerMs !== undefined,
        signal: stop.signal,
        onDown: watcher.onDown,
      });
      for await (const { event, data } of stream)
        if (event === "ended") return new RollcallError(toProblem(data));
        else if (event === "ready") {
          ({ ttlMs } = JSON.parse(data) as { ttlMs: number | null });
          watcher.onUp?.();
        }
      return undefined;
    } catch (error) {
      if (error instanceof RollcallError) return error;
      throw error;
    }
  }

  return { lease, ended: hold(), close: () => stop.abort() };
}

/** The registry says that the lease is gone: the same error as a renewal would have met. */
function toProblem(data: string): ProblemBody {
  const { reason } = JSON.parse(data) as { reason: string };
  return { type: `${PROBLEMS}not-found`, title: "not found", status: 404, detail: reason };
}
