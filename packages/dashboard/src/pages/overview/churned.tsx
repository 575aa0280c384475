/** What came and went in the last hour, a bar a minute. */
import type { JSX } from "preact";
import type { Hour } from "../../data/feed.ts";
import { registryNow } from "../../data/live.ts";
import { clockZone } from "../../data/wishes.ts";
import { clockTime } from "../../model/numbers.ts";
import { totals } from "../../model/past/histogram.ts";
import { Churn } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";

const HOUR_MS = 3_600_000;

export function Churned({ hour }: { hour: Hour | undefined }): JSX.Element | null {
  if (hour === undefined) return null;
  const nowMs = registryNow();
  const { buckets, expired } = hour;
  const { came, left, held } = totals(buckets);
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
