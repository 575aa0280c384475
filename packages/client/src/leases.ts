import { PROBLEMS, RollcallError } from "./error.ts";
import { followStream } from "./http/stream.ts";
import { pathOf, type Transport } from "./http/transport.ts";
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

/** A lease that lives as long as this connection: no heartbeats needed. */
export interface LeaseSession {
  readonly lease: string;
  /** Resolves when the session ends: undefined after `close`, the error when the lease is gone or refused. */
  readonly ended: Promise<unknown>;
  /** Lets go of the connection; from now on the time to live runs. */
  close(): void;
}

export interface Leases {
  grant(body: GrantBody): Promise<GrantedBody>;
  /** 404 as a `RollcallError` when it is gone. */
  renew(lease: string): Promise<{ ttlMs: number }>;
  /** Many heartbeats in one request. */
  renewMany(leases: readonly string[]): Promise<RenewedBody>;
  /** Holds the lease by an open connection, taken up again when it is lost. */
  session(lease: string, options?: { readonly onDown?: (error: unknown) => void }): LeaseSession;
  list(page?: Page): Promise<LeasesBody>;
  get(lease: string): Promise<LeaseBody>;
  /** Ends it and everything it holds. */
  end(lease: string): Promise<{ revision: number }>;
  /** Leases that protection keeps although they lapsed. */
  held(page?: Page): Promise<LeasesBody>;
  /** Lets held leases go: these, those that keep an instance of a service, or all. */
  release(which?: readonly string[] | { readonly service: string }): Promise<ReleasedBody>;
}

const RENEW_MANY_MAX = 10_000;

export function createLeases(transport: Transport): Leases {
  const at = (...rest: readonly string[]) => pathOf("v2", transport.account, ...rest);

  async function renewMany(leases: readonly string[]): Promise<RenewedBody> {
    const total: RenewedBody = { renewed: 0, missing: [] };
    for (let from = 0; from < leases.length; from += RENEW_MANY_MAX) {
      const json = { leases: leases.slice(from, from + RENEW_MANY_MAX) };
      const answer = await transport.json<RenewedBody>({ method: "POST", path: at("leases", "renew"), json });
      total.renewed += answer.renewed;
      total.missing.push(...answer.missing);
    }
    return total;
  }

  return {
    grant: async (json) => transport.json({ method: "POST", path: at("leases"), json }),
    renew: async (lease) => transport.json({ method: "POST", path: at("leases", lease, "renew") }),
    renewMany,
    session: (lease, options) => openSession(transport, lease, options?.onDown),
    list: async (page) => transport.json({ path: at("leases"), query: { ...page } }),
    get: async (lease) => transport.json({ path: at("leases", lease) }),
    end: async (lease) => transport.json({ method: "DELETE", path: at("leases", lease) }),
    held: async (page) => transport.json({ path: at("held"), query: { ...page } }),
    release: async (which) => {
      const json = Array.isArray(which) ? { leases: which } : (which ?? {});
      return transport.json({ method: "POST", path: at("held", "release"), json });
    },
  };
}

function openSession(transport: Transport, lease: string, onDown?: (error: unknown) => void): LeaseSession {
  const stop = new AbortController();

  async function hold(): Promise<unknown> {
    try {
      const path = pathOf("v2", transport.account, "leases", lease, "session");
      const stream = followStream(transport, { call: () => ({ path }), signal: stop.signal, onDown });
      for await (const message of stream)
        if (message.event === "ended") return new RollcallError(toProblem(message.data));
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
