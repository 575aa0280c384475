/** What happened to it, newest first. */
import type { JSX } from "preact";
import { useFeed } from "../../data/feed.ts";
import { count } from "../../model/numbers.ts";
import { authorText, eventText, lookOfEvent, showTimes } from "../../model/past/events.ts";
import { pathTo } from "../../model/places.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { readClock, Time } from "../../parts/time.tsx";
import type { InstanceProps } from "./instance.tsx";

const SHOWN = 20;

export function History({ account, service, id }: InstanceProps): JSX.Element {
  const { data, error } = useFeed({ services: [service], instance: id, types: ["instance.*"] });
  const all = `${pathTo(account, "events")}?service=${encodeURIComponent(service)}&instance=${encodeURIComponent(id)}`;
  return (
    <Card title="History" side={<a href={all}>All events</a>}>
      {error === undefined ? null : <p class="second">It could not be read.</p>}
      {data?.length === 0 ? <p class="second">History does not reach back to it.</p> : null}
      <ol class="history data">
        {data?.slice(0, SHOWN).map((event) => (
          <li key={event.id}>
            <Time at={event.at} revision={event.revision} />
            <Shape name={lookOfEvent(event)} />
            <span>
              {showTimes(eventText(event), readClock())}
              {event.by?.token == null ? "" : `, by ${authorText(event.by)}`}
            </span>
            <span class="n">r {count(event.revision)}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
