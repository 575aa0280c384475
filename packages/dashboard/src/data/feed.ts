/** The events feed of a page: the latest ones, older ones when they are asked for, and each new one as it happens. */
import type { CommitBody, EventBody, HistogramBody } from "@rollcall/client";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Event, eventsOf } from "../model/past/events.ts";
import { type Bucket, kindOf, toBucket } from "../model/past/histogram.ts";
import { listen, recentCommits } from "./live.ts";
import { type Read, useRead } from "./reads.ts";
import { account, api } from "./session.ts";

export interface FeedFilter {
  readonly types?: readonly string[];
  readonly services?: readonly string[];
  readonly instance?: string;
  readonly key?: string;
  readonly since?: string;
  readonly until?: string;
}

export interface Feed extends Read<readonly Event[]> {
  /** Where history begins. */
  readonly oldest: { readonly revision: number; readonly at: string | null } | undefined;
  /** Reads the page before; undefined when there is none. */
  readonly older: (() => void) | undefined;
}

const PAGE = 300;
/** No page keeps more. */
const EVENTS_MAX = 10_000;

interface Loaded {
  readonly events: readonly EventBody[];
  readonly next: string | null;
  readonly oldest: Feed["oldest"];
}

/** Newest first. */
export function useFeed(filter: FeedFilter, isLive = true): Feed {
  const key = `feed ${JSON.stringify(filter)}`;
  const read = useRead<Loaded>(key, (client) => client.eventsPage({ ...filter, limit: PAGE }));
  const [older, setOlder] = useState<{ key: string; events: readonly EventBody[]; next: string | null } | undefined>(
    undefined,
  );
  const [fresh, setFresh] = useState<readonly Event[]>([]);
  useEffect(() => {
    setFresh([]);
    if (!isLive || filter.until !== undefined) return undefined;
    const take = (commits: readonly CommitBody[]): void => {
      const more = commits.flatMap(eventsOf).filter((event) => matches(event, filter));
      if (more.length > 0) setFresh((former) => [...former, ...more].slice(-EVENTS_MAX));
    };
    // Some may have come while the answer was on its way.
    take(recentCommits());
    return listen({ commits: take, resync: () => {} });
  }, [key, isLive, read.data]);
  const own = older?.key === key ? older : undefined;
  const next = own === undefined ? read.data?.next : own.next;
  const events = useMemo(() => {
    if (read.data === undefined) return undefined;
    const last = read.data.events.at(-1)?.revision ?? 0;
    return [...(own?.events ?? []), ...read.data.events, ...fresh.filter(({ revision }) => revision > last)].reverse();
  }, [read.data, own, fresh]);
  async function readOlder(before: string): Promise<void> {
    const page = await api.value.eventsPage({ ...filter, before, limit: PAGE });
    setOlder({ key, events: [...page.events, ...(own?.events ?? [])], next: page.next });
  }
  return {
    data: events,
    error: read.error,
    again: read.again,
    oldest: read.data?.oldest,
    older: next == null || (events?.length ?? 0) >= EVENTS_MAX ? undefined : () => void readOlder(next),
  };
}

export interface Hour {
  readonly buckets: readonly Bucket[];
  /** Of those that left, how many expired. */
  readonly expired: number;
}

const HOUR_REFRESH_MS = 30_000;

/** How much of what happened in the last hour: the registry counts, and what comes meanwhile is added. */
export function useHour(buckets: number, types: readonly string[] = []): Hour | undefined {
  const key = `hour ${account.value} ${buckets} ${types.join()}`;
  const { data } = useRead(key, (client) => client.histogram({ from: "-60m", buckets, type: types }), {
    everyMs: HOUR_REFRESH_MS,
  });
  const [fresh, setFresh] = useState<readonly Event[]>([]);
  useEffect(() => {
    setFresh([]);
    if (data === undefined) return undefined;
    const take = (commits: readonly CommitBody[]): void => {
      const more = commits.flatMap(eventsOf).filter((event) => event.at > data.to && matches(event, { types }));
      if (more.length > 0) setFresh((former) => [...former, ...more]);
    };
    // Some may have come while the answer was on its way.
    take(recentCommits());
    return listen({ commits: take, resync: () => {} });
  }, [data]);
  return useMemo(() => (data === undefined ? undefined : toHour(data, fresh)), [data, fresh]);
}

function toHour(data: HistogramBody, fresh: readonly Event[]): Hour {
  const buckets = data.buckets.map(({ counts }) => toBucket(counts));
  const last = buckets.at(-1);
  for (const event of fresh) if (last !== undefined) last[kindOf(event)]++;
  const expired = data.buckets.reduce((sum, { counts }) => sum + (counts["instance.expired"] ?? 0), 0);
  return { buckets, expired: expired + fresh.filter(({ type }) => type === "instance.expired").length };
}

function matches(event: Event, { types, services, instance, key }: FeedFilter): boolean {
  const [kind = "", cause = ""] = event.type.split(".");
  if (
    types !== undefined &&
    types.length > 0 &&
    !types.some(
      (type) => type === event.type || type === `${kind}.*` || (type.startsWith("*.") && type.slice(2) === cause),
    )
  )
    return false;
  if (services !== undefined && services.length > 0 && !services.includes(event.service ?? "")) return false;
  if (instance !== undefined && event.instance !== instance) return false;
  return key === undefined || event.key === key;
}
