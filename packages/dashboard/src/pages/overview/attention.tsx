/** The five worst services, and why in words. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { touchesService, useRead } from "../../data/reads.ts";
import { showTimes } from "../../model/past/events.ts";
import { pathTo, serviceAt } from "../../model/places.ts";
import { reasonOf, roughReason } from "../../model/reasons.ts";
import type { Summary } from "../../model/summary.ts";
import { rankOf, shapeOf } from "../../model/verdict.ts";
import { Bar } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Age, readClock } from "../../parts/time.tsx";

const SHOWN = 5;
/** The numbers beside the reason come with the commits, at once. */
const PAUSE_MS = 1000;
/** A service of more instances is not read for one sentence. */
const INSTANCES_MAX = 500;

export function Attention({ account, troubled }: { account: string; troubled: readonly Summary[] }): JSX.Element {
  const more = troubled.length - SHOWN;
  return (
    <Card
      bare
      title="Needs attention"
      note="worst first"
      side={more > 0 ? <a href={`${pathTo(account)}?status=trouble`}>{more} more</a> : undefined}
    >
      <ul class="attention">
        {troubled.slice(0, SHOWN).map((summary) => (
          <Row key={summary.service} account={account} summary={summary} />
        ))}
      </ul>
    </Card>
  );
}

function Row({ account, summary }: { account: string; summary: Summary }): JSX.Element {
  const { service, usable, all, counts } = summary;
  const isSmall = all > 0 && all <= INSTANCES_MAX;
  const { data } = useRead(
    isSmall ? `why ${account} ${service}` : null,
    async (client) => (await client.service(service)).instances,
    { touches: touchesService(service), pauseMs: PAUSE_MS },
  );
  const since = summary.unusableSince ?? (data === undefined ? null : sinceOf(data)) ?? summary.changedAt;
  return (
    <li>
      <a class="name" href={serviceAt(account, service)}>
        <Shape name={shapeOf(rankOf(summary))} said />
        {service}
      </a>
      <span class="of">
        <b>{usable}</b> <span class="second">of {all}</span>
        <Bar counts={counts} />
      </span>
      <span class="why">
        {showTimes(data === undefined ? roughReason(summary) : reasonOf(summary, data), readClock())}
      </span>
      <span class="when">{since === null ? "" : <Age at={since} />}</span>
    </li>
  );
}

/** Since when the first of the broken ones is as it is. */
function sinceOf(instances: readonly InstanceBody[]): string | null {
  const broken = instances.filter(({ status, held }) => status !== "passing" || held !== null);
  return broken.map(({ held, statusSince }) => held?.since ?? statusSince).sort()[0] ?? null;
}
