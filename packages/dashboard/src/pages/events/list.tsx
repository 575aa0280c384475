/** Events as rows: equal ones within ten seconds are one. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type FeedFilter, useFeed } from "../../data/feed.ts";
import { query, setQuery } from "../../data/router.ts";
import { count, plural } from "../../model/numbers.ts";
import {
  authorText,
  type Event,
  type EventRow,
  eventText,
  foldEvents,
  lookOfEvent,
  showTimes,
  subjectOf,
} from "../../model/past/events.ts";
import { instanceAt, keyAt, serviceAt } from "../../model/places.ts";
import { Card, Chip, Failure, Loading } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { readClock, Time } from "../../parts/time.tsx";

const KINDS = [
  ["", "All types"],
  ["instance.*", "Instances"],
  ["lease.*", "Leases"],
  ["key.*", "Configuration"],
  ["instance.overridden", "Operators"],
] as const;

export interface ListProps {
  readonly account: string;
  readonly service?: string;
  readonly since?: string;
  readonly until?: string;
  readonly title?: string;
}

export function EventList({ account, service, since, until, title = "Events" }: ListProps): JSX.Element {
  const get = (name: string) => query.value.get(name) ?? "";
  const [type, text] = [get("type"), get("q")];
  const services = service ?? get("service");
  const filter: FeedFilter = {
    ...(type === "" ? {} : { types: [type] }),
    ...(services === "" ? {} : { services: [services] }),
    ...(get("instance") === "" ? {} : { instance: get("instance") }),
    ...(get("key") === "" ? {} : { key: get("key") }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const feed = useFeed(filter);
  const shown = useHeld(feed.data, JSON.stringify(filter));
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(
    () => unfold(foldEvents((shown.events ?? []).filter((event) => says(event, text))), open),
    [shown.events, text, open],
  );
  if (feed.error !== undefined && feed.data === undefined)
    return (
      <Card title={title}>
        <Failure what="The events could not be read" error={feed.error} again={feed.again} />
      </Card>
    );
  return (
    <Card
      bare
      title={title}
      note={
        shown.events === undefined
          ? undefined
          : `${plural(shown.events.length, "event")}${feed.older === undefined ? "" : " and older ones"}`
      }
      side={
        shown.waiting > 0 ? (
          <button type="button" class="small-button" onClick={shown.show}>
            {plural(shown.waiting, "new event")}, show
          </button>
        ) : undefined
      }
    >
      <div class="tools">
        <div class="chips scroll">
          {KINDS.map(([value, label]) => (
            <Chip key={value} isOn={type === value} onPick={() => setQuery({ type: value })}>
              {label}
            </Chip>
          ))}
          {["service", "instance", "key"]
            .filter((name) => get(name) !== "" && (name !== "service" || service === undefined))
            .map((name) => (
              <Chip key={name} isOn onPick={() => setQuery({ [name]: null })}>
                {name} {get(name)} ×
              </Chip>
            ))}
        </div>
        <input
          class="push"
          type="search"
          data-filter
          aria-label="Service, instance or key"
          placeholder="service, instance or key"
          value={text}
          onInput={(event) => setQuery({ q: event.currentTarget.value })}
        />
      </div>
      {shown.events === undefined ? <Loading lines={6} /> : null}
      {shown.events !== undefined && rows.length === 0 ? (
        <p class="in second">No event {text === "" ? "yet" : `says “${text}”`}.</p>
      ) : null}
      <div class="data">
        <Table
          label="Events"
          class="events"
          items={rows}
          columns={columnsOf(account, setOpen)}
          keyOf={({ key }) => key}
          classOf={({ events }) => (events.length > 1 ? "folded" : "")}
        />
      </div>
      <End feed={feed} />
    </Card>
  );
}

function End({ feed }: { feed: ReturnType<typeof useFeed> }): JSX.Element | null {
  if (feed.data === undefined) return null;
  if (feed.older !== undefined)
    return (
      <div class="in in-row">
        <button type="button" class="button" onClick={feed.older}>
          Older events
        </button>
      </div>
    );
  if (feed.oldest === undefined || feed.oldest.at === null) return null;
  return (
    <p class="in small quiet">
      History begins at revision {count(feed.oldest.revision)}, <Time at={feed.oldest.at} />.
    </p>
  );
}

/** While somebody reads further down, what is new waits. */
function useHeld(events: readonly Event[] | undefined, kind: string) {
  const [kept, setKept] = useState<{ kind: string; first: string } | null>(null);
  const first = events?.[0]?.id;
  useEffect(() => {
    const look = (): void => {
      if (scrollY < 200) setKept(null);
      else setKept((former) => former ?? (first === undefined ? null : { kind, first }));
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, [first, kind]);
  const waiting =
    kept === null || kept.kind !== kind || events === undefined
      ? 0
      : Math.max(
          0,
          events.findIndex(({ id }) => id === kept.first),
        );
  return {
    events: waiting === 0 ? events : events?.slice(waiting),
    waiting,
    show: () => {
      setKept(null);
      scrollTo(0, 0);
    },
  };
}

function says(event: Event, text: string): boolean {
  if (text === "") return true;
  const { service = "", instance = "", key = "", lease = "" } = event;
  return [service, instance, key, lease, event.reason].join("\n").toLowerCase().includes(text.toLowerCase());
}

function unfold(rows: readonly EventRow[], open: ReadonlySet<string>): EventRow[] {
  return rows.flatMap((row) =>
    row.events.length > 1 && open.has(row.key)
      ? row.events.map((event, index) => ({ key: index === 0 ? row.key : event.id, events: [event] }))
      : [row],
  );
}

function hrefOf(account: string, { events }: EventRow): string | undefined {
  const [first] = events;
  if (first?.key !== undefined) return keyAt(account, first.key);
  if (first?.service === undefined) return undefined;
  return events.length > 1 || first.instance === undefined
    ? serviceAt(account, first.service)
    : instanceAt(account, first.service, first.instance);
}

function columnsOf(
  account: string,
  setOpen: (change: (open: ReadonlySet<string>) => ReadonlySet<string>) => void,
): Column<EventRow>[] {
  const head = ({ events }: EventRow) => events[0] as Event;
  return [
    {
      name: "at",
      label: "When",
      class: "second",
      cell: (row) => <Time at={head(row).at} revision={head(row).revision} />,
    },
    {
      name: "type",
      label: "What",
      class: "not-phone",
      cell: (row) => (
        <>
          <Shape name={lookOfEvent(head(row))} /> <code class="second">{head(row).type}</code>
        </>
      ),
    },
    {
      name: "who",
      label: "Of",
      cell: (row) => {
        const href = hrefOf(account, row);
        return href === undefined ? (
          subjectOf(row)
        ) : (
          <a class="name" href={href}>
            {subjectOf(row)}
          </a>
        );
      },
    },
    {
      name: "says",
      label: "Why",
      class: "says",
      cell: (row) => (
        <>
          {row.events.length > 1 ? (
            <button type="button" class="small-button" onClick={() => setOpen((open) => new Set([...open, row.key]))}>
              {row.events.length} ×
            </button>
          ) : null}{" "}
          {showTimes(eventText(head(row)), readClock())}
          {head(row).by === null || head(row).by === undefined || head(row).by?.token == null
            ? ""
            : `, by ${authorText(head(row).by)}`}
        </>
      ),
    },
    {
      name: "revision",
      label: "Revision",
      class: "num not-phone quiet",
      cell: (row) => `r ${count(head(row).revision)}`,
    },
  ];
}
