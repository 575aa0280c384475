/** Which status it had when: its life, an hour, a day, a month. */
import type { ExplainBody } from "@rollcall/client";
import type { JSX } from "preact";
import { registryNow } from "../../data/live.ts";
import { touchesService, useRead } from "../../data/reads.ts";
import { query, setQuery } from "../../data/router.ts";
import { clockZone } from "../../data/wishes.ts";
import { clockTime, duration } from "../../model/numbers.ts";
import { lengths, toSpans } from "../../model/past/spans.ts";
import { Strip } from "../../parts/bar.tsx";
import { Card, Segments } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import type { InstanceProps } from "./instance.tsx";

const HOUR_MS = 3_600_000;
const RANGES = { life: "its life", "1h": "1 h", "24h": "24 h", "30d": "30 d" } as const;
type RangeName = keyof typeof RANGES;
const LENGTHS: Readonly<Record<Exclude<RangeName, "life">, number>> = {
  "1h": HOUR_MS,
  "24h": 24 * HOUR_MS,
  "30d": 720 * HOUR_MS,
};
const REFRESH_MS = 10_000;

export function StatusStrip({
  account,
  service,
  id,
  data: explained,
}: InstanceProps & { data: ExplainBody }): JSX.Element | null {
  const asked = query.value.get("range") ?? "life";
  const range: RangeName = asked in RANGES ? (asked as RangeName) : "life";
  const cameMs = explained.came === null ? undefined : Date.parse(explained.came.at);
  const { data } = useRead(
    `history ${account} ${service} ${id} ${range}`,
    async (client) => {
      const toMs = registryNow();
      const lifeMs = cameMs === undefined ? HOUR_MS : Math.max(60_000, (toMs - cameMs) * 1.1);
      const fromMs = toMs - (range === "life" ? lifeMs : LENGTHS[range]);
      const { spans, since } = await client.history(service, id, { from: new Date(fromMs).toISOString() });
      return { fromMs, toMs, since, spans: toSpans(spans, fromMs, toMs) };
    },
    { touches: touchesService(service, id), everyMs: REFRESH_MS },
  );
  if (data === undefined) return null;
  const clock = (part: number) => {
    const text = clockTime(data.fromMs + part * (data.toMs - data.fromMs), {
      nowMs: data.toMs,
      isLocal: clockZone.value === "local",
    });
    return data.toMs - data.fromMs < 600_000 ? text : text.replace(/:\d\d$/, "");
  };
  return (
    <Card
      title="Status"
      side={
        <Segments
          label="How far back"
          value={range}
          choices={Object.entries(RANGES).map(([value, label]) => ({ value: value as RangeName, label }))}
          onPick={(value) => setQuery({ range: value === "life" ? null : value })}
        />
      }
    >
      <div class="data">
        <Strip spans={data.spans} fromMs={data.fromMs} toMs={data.toMs} tall />
        <div class="axis-labels" aria-hidden="true">
          {[0, 0.25, 0.5, 0.75].map((part) => (
            <span key={part}>{clock(part)}</span>
          ))}
          <span>now</span>
        </div>
      </div>
      <p class="legend">
        {lengths(data.spans).map(({ look, ms, isNow }) => (
          <span key={look}>
            <Shape name={look} />
            {look === "gone" ? "not registered" : look} {duration(ms)}
            {isNow ? ", now" : ""}
          </span>
        ))}
      </p>
    </Card>
  );
}
