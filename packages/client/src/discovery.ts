import { RollcallError } from "./error.ts";
import { pathOf, type Query, type Transport } from "./http/transport.ts";
import type { InstanceBody, ServiceBody } from "./shapes.ts";
import { backoffMs, pause } from "./wait.ts";

/** Which instances of a service are wanted. All conditions must hold. */
export interface InstanceFilter {
  readonly tags?: readonly string[];
  readonly zone?: string;
  readonly version?: string;
  readonly protocol?: string;
  /** Any of these; `healthy` means passing or warning. */
  readonly status?: string | readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
}

export function toQuery(filter: InstanceFilter): Query {
  const { tags, meta, ...rest } = filter;
  const query: Record<string, Query[string]> = { ...rest, tag: tags };
  for (const [key, value] of Object.entries(meta ?? {})) query[`meta.${key}`] = value;
  return query;
}

/** The instances of one service, kept up to date in memory. */
export interface Discovery {
  readonly service: string;
  /** The last known instances; they stay while the registry is out of reach. */
  readonly instances: readonly InstanceBody[];
  /** True while what is shown may be out of date. */
  readonly stale: boolean;
  /** The next instance, round robin; undefined when there is none. */
  pick(): InstanceBody | undefined;
  /** Resolves with the first answer of the registry. */
  readonly ready: Promise<void>;
  close(): void;
}

export interface DiscoverOptions extends InstanceFilter {
  readonly onChange?: (instances: readonly InstanceBody[]) => void;
  /** Who asks: makes it a known consumer of the service, for the dependency graph. */
  readonly consumer?: string;
  /** How long one request waits for a change. */
  readonly waitMs?: number;
}

/** Follows one service by long-poll. Healthy instances only, unless `status` says otherwise. */
export function discover(transport: Transport, service: string, options: DiscoverOptions = {}): Discovery {
  const { onChange, consumer, waitMs = 30_000, ...filter } = options;
  const path = pathOf("v2", transport.account, "services", service);
  const query = { status: "healthy", consumer, ...toQuery(filter) };
  const stop = new AbortController();
  let instances: readonly InstanceBody[] = [];
  let stale = true;
  let next = 0;

  async function poll(after: number | undefined): Promise<number> {
    const wait = after === undefined ? undefined : `${waitMs}ms`;
    const timeoutMs = after === undefined ? undefined : waitMs + 10_000;
    const body = await transport.json<ServiceBody>({
      path,
      query: { ...query, after, wait },
      signal: stop.signal,
      timeoutMs,
    });
    stale = false;
    if (body.revision === after) return after;
    instances = body.instances;
    onChange?.(instances);
    return body.revision;
  }

  async function follow(settle: () => void, fail: (error: unknown) => void): Promise<void> {
    let after: number | undefined;
    for (let failures = 0; !stop.signal.aborted; ) {
      try {
        after = await poll(after);
        failures = 0;
        settle();
      } catch (error) {
        if (stop.signal.aborted) return;
        stale = true;
        // Asked afresh: the registry that comes back may be another one.
        after = undefined;
        if (error instanceof RollcallError && !error.transient) fail(error);
        await pause(backoffMs(failures++), stop.signal);
      }
    }
  }

  const ready = new Promise<void>((resolve, reject) => void follow(resolve, reject));
  // A refusal that nobody waits for must not end the process.
  ready.catch(() => {});

  return {
    service,
    ready,
    get instances() {
      return instances;
    },
    get stale() {
      return stale;
    },
    pick() {
      if (instances.length === 0) return undefined;
      next = (next + 1) % instances.length;
      return instances[next];
    },
    close: () => stop.abort(),
  };
}
