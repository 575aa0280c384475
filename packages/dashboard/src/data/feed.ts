/** The events feed of a page: the latest ones, older ones when they are asked for, and each new one as it happens. */
import type { CommitBody, EventBody } from "@rollcall/client";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Event, eventsOf } from "../model/past/events.ts";
import { listen, recentCommits } from "./live.ts";
import { type Read, useRead } from "./reads.ts";
import { account, api, noteError } from "./session.ts";

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

const HOUR = { since: "-60m", brief: true } as const;
const HOUR_PAGE = 500;
const HOUR_EVENTS_MAX = 5000;
const OLDER_PAUSE_MS = 500;
const NONE: readonly EventBody[] = [];

/** What happened in the last hour, oldest first, in brief: read once, and moved on by the commits. */
export function useHour(types?: readonly string[]): readonly Event[] | undefined {
  const key = `hour ${account.value} ${types?.join() ?? ""}`;
  const filter = types === undefined ? {} : { types };
  const { data } = useRead(key, (client) => client.eventsPage({ ...filter, ...HOUR, limit: HOUR_PAGE }));
  const older = useOlder(key, filter, data);
  const [fresh, setFresh] = useState<readonly Event[]>([]);
  useEffect(() => {
    setFresh([]);
    if (data === undefined) return undefined;
    const last = data.events.at(-1)?.revision ?? 0;
    const take = (commits: readonly CommitBody[]): void => {
      const more = commits.flatMap(eventsOf).filter((event) => event.revision > last && matches(event, filter));
      if (more.length === 0) return;
      const brief = more.map(({ before: _, ...event }) => event);
      setFresh((former) => [...former, ...brief].slice(-HOUR_EVENTS_MAX));
    };
    take(recentCommits());
    return listen({ commits: take, resync: () => {} });
  }, [data]);
  return useMemo(
    () => (data === undefined ? undefined : [...older, ...data.events, ...fresh].slice(-HOUR_EVENTS_MAX)),
    [data, older, fresh],
  );
}

/** The rest of the hour, in the background: a screen is shown with the first page. */
function useOlder(
  key: string,
  filter: { readonly types?: readonly string[] },
  first: { readonly next: string | null } | undefined,
): readonly EventBody[] {
  const [older, setOlder] = useState<{ key: string; events: readonly EventBody[] }>({ key: "", events: [] });
  useEffect(() => {
    let isOn = true;
    const go = async (): Promise<void> => {
      let events: readonly EventBody[] = [];
      for (let before = first?.next; before != null && events.length < HOUR_EVENTS_MAX - HOUR_PAGE; ) {
        await new Promise((resolve) => setTimeout(resolve, OLDER_PAUSE_MS));
        if (!isOn) return;
        const page = await api.value.eventsPage({ ...filter, ...HOUR, before, limit: HOUR_PAGE });
        events = [...page.events, ...events];
        before = page.next;
      }
      if (isOn) setOlder({ key, events });
    };
    void go().catch(noteError);
    return () => {
      isOn = false;
    };
  }, [key, first]);
  return older.key === key ? older.events : NONE;
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
