/** What came and went in the last hour, a bar a minute. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { registryNow } from "../../data/live.ts";
import { clockZone } from "../../data/wishes.ts";
import { clockTime } from "../../model/numbers.ts";
import type { Event } from "../../model/past/events.ts";
import { toBuckets, totals } from "../../model/past/histogram.ts";
import { Churn } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";

const HOUR_MS = 3_600_000;

export function Churned({ events }: { events: readonly Event[] | undefined }): JSX.Element | null {
  const nowMs = registryNow();
  const buckets = useMemo(() => toBuckets(events ?? [], nowMs - HOUR_MS, nowMs, 60), [events]);
  if (events === undefined) return null;
  const { came, left, held } = totals(buckets);
  const expired = events.filter(
    ({ type, at }) => type === "instance.expired" && Date.parse(at) > nowMs - HOUR_MS,
  ).length;
  const clock = (ms: number) => clockTime(ms, { nowMs, isLocal: clockZone.value === "local" }).slice(-8, -3);
  return (
    <Card title="Came and went, last hour" side={<span class="small quiet">per minute</span>}>
      <Churn buckets={buckets} />
      <div class="axis-labels" aria-hidden="true">
        <span>{clock(nowMs - HOUR_MS)}</span>
        <span>{clock(nowMs - HOUR_MS / 2)}</span>
        <span>{clock(nowMs)}</span>
      </div>
      <p class="second">
        {came} came, {left - expired} left on purpose, {expired} expired, {held} held.
      </p>
    </Card>
  );
}
