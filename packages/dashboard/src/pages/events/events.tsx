/** What happened: the live feed. */
import type { JSX } from "preact";
import { query } from "../../data/router.ts";
import { pathTo } from "../../model/places.ts";
import { Tabs } from "../../parts/card.tsx";
import { EventList } from "./list.tsx";

export function EventTabs({ account, here }: { account: string; here: "changes" | "events" }): JSX.Element {
  return (
    <Tabs
      label="Views"
      tabs={[
        { href: `${pathTo(account, "changes")}?from=-15m`, label: "Between two moments", isHere: here === "changes" },
        { href: pathTo(account, "events"), label: "Live feed", isHere: here === "events" },
      ]}
    />
  );
}

export function Events({ account }: { account: string }): JSX.Element {
  const [from, to] = [query.value.get("from") ?? undefined, query.value.get("to") ?? undefined];
  return (
    <>
      <div class="head">
        <h1 class="title">Events</h1>
        <EventTabs account={account} here="events" />
      </div>
      <EventList
        account={account}
        title="What happened"
        {...(from === undefined ? {} : { since: from })}
        {...(to === undefined ? {} : { until: to })}
      />
    </>
  );
}
