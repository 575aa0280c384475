import { RollcallError } from "../error.ts";
import { followStream } from "../http/stream.ts";
import { type Call, pathOf, type Transport } from "../http/transport.ts";
import type { CommitBody, EventBody, EventsBody, WatchBody } from "./changes.ts";

/** What a watch yields. */
export type WatchItem =
  | { readonly kind: "commit"; readonly commit: CommitBody }
  /** Everything up to this revision has been seen; what follows is new. */
  | { readonly kind: "ready"; readonly revision: number }
  /** History no longer holds the position: read the state again. The watch goes on after `revision`. */
  | { readonly kind: "resync"; readonly revision: number; readonly compacted: number };

export interface WatchOptions {
  /** Changes of these services' instances. */
  readonly service?: string | readonly string[];
  /** Changes of this one key. */
  readonly key?: string;
  /** Changes of all keys that begin with this. */
  readonly prefix?: string;
  /** Who watches: makes it a known consumer of the services. */
  readonly consumer?: string;
  /** Begin after this revision; now when left out. */
  readonly after?: number;
  readonly signal?: AbortSignal;
  /** Told when the connection is lost; it is taken up again by itself. */
  readonly onDown?: (error: unknown) => void;
}

export interface WatchManyOptions extends Pick<WatchOptions, "after" | "signal" | "onDown"> {
  readonly subscriptions: WatchBody["subscriptions"];
}

export interface EventsOptions {
  /** Begin after this cursor or event id. */
  readonly after?: string | undefined;
  /** Only these types, such as `instance.expired` or `instance.*`. */
  readonly types?: readonly string[] | undefined;
  /** Only of the instances of these services, and of leases that such an instance has to itself. */
  readonly services?: readonly string[] | undefined;
  /** Only of instances of this id, and of leases that such an instance has to itself. */
  readonly instance?: string | undefined;
  /** Only of this lease, and of instances and keys that it keeps alive. */
  readonly lease?: string | undefined;
  /** Only of this key, or of keys that begin with the prefix. */
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
  /** Without the records: `before` and `after` are left out. */
  readonly brief?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EventsPageOptions extends EventsOptions {
  /** The latest ones before this cursor or event id. */
  readonly before?: string | undefined;
  /** Not older, or not newer, than this: a time, or `-15m`. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** At most so many: the latest ones when `after` is left out. */
  readonly limit?: number | undefined;
  /** Wait so long for an event when there is none. */
  readonly waitMs?: number | undefined;
}

export interface EventsFollowOptions extends EventsOptions {
  readonly onDown?: (error: unknown) => void;
  /** Told when history no longer holds the position: events up to now are missing. */
  readonly onLost?: () => void;
}

export function watch(transport: Transport, options: WatchOptions): AsyncGenerator<WatchItem, void> {
  const query = {
    service: typeof options.service === "string" ? [options.service] : options.service,
    key: options.key,
    prefix: options.prefix,
    consumer: options.consumer,
  };
  const path = pathOf("v2", transport.account, "watch");
  return items(transport, options, (after) => ({ path, query: { ...query, after } }));
}

/** Many subscriptions over one connection; `commit.subscriptions` lists the subscriptions that a commit is for. */
export function watchMany(transport: Transport, options: WatchManyOptions): AsyncGenerator<WatchItem, void> {
  const path = pathOf("v2", transport.account, "watch");
  const { subscriptions } = options;
  return items(transport, options, (after) => {
    const json: WatchBody = after === undefined ? { subscriptions } : { subscriptions, after };
    return { method: "POST", effect: "none", path, json };
  });
}

type Position = Pick<WatchOptions, "after" | "signal" | "onDown">;

async function* items(
  transport: Transport,
  options: Position,
  call: (after: number | string | undefined) => Call,
): AsyncGenerator<WatchItem, void> {
  let after: number | string | undefined = options.after;
  let lost = false;
  while (!options.signal?.aborted) {
    try {
      const stream = followStream(transport, {
        // The position goes into the request itself: a header that a proxy drops would lose changes.
        call: () => call(after),
        signal: options.signal,
        onDown: options.onDown,
      });
      for await (const { event, id, data } of stream) {
        const item = toItem(event, data, lost);
        if (item === undefined) continue;
        // It tells which registry it is of, where the revision by itself would be taken by any.
        after = id === "" ? toRevision(item) : id;
        lost = false;
        yield item;
      }
      return;
    } catch (error) {
      // Refused outright as too old: begin anew from now, and say so with the first message.
      if (!(error instanceof RollcallError) || error.code !== "compacted" || after === undefined) throw error;
      after = undefined;
      lost = true;
    }
  }
}

function toRevision(item: WatchItem): number {
  return item.kind === "commit" ? item.commit.revision : item.revision;
}

function toItem(event: string, data: string, lost: boolean): WatchItem | undefined {
  if (event === "change") return { kind: "commit", commit: JSON.parse(data) as CommitBody };
  if (event !== "ready" && event !== "resync") return undefined;
  const body = JSON.parse(data) as { revision: number; compacted?: number };
  if (event === "ready" && !lost) return { kind: "ready", revision: body.revision };
  return { kind: "resync", revision: body.revision, compacted: body.compacted ?? body.revision };
}

function toFilter({ types, services, instance, lease, key, prefix, brief }: EventsOptions): Call["query"] {
  return { type: types, service: services, instance, lease, key, prefix, brief: brief ? "" : undefined };
}

function eventsPath(transport: Transport): string {
  return pathOf("v2", transport.account, "events");
}

/** One page of the events feed, oldest first. */
export function eventsPage(transport: Transport, options: EventsPageOptions): Promise<EventsBody> {
  const { after, before, since, until, limit, waitMs, signal } = options;
  const wait = waitMs === undefined ? undefined : `${waitMs}ms`;
  return transport.json({
    path: eventsPath(transport),
    query: { ...toFilter(options), after, before, since, until, limit, wait },
    signal,
    waitMs,
  });
}

/** The events after a cursor, or from now on, and every new one as it happens. */
export async function* events(transport: Transport, options: EventsFollowOptions): AsyncGenerator<EventBody, void> {
  let { after } = options;
  const stream = followStream(transport, {
    call: () => ({ path: eventsPath(transport), query: { ...toFilter(options), after } }),
    signal: options.signal,
    onDown: options.onDown,
  });
  for await (const message of stream) {
    if (message.id !== "") after = message.id;
    if (message.event === "event") yield JSON.parse(message.data) as EventBody;
    else if (message.event === "resync") options.onLost?.();
  }
}
