/** Numbers over time as small multiples, each with one axis. What the registry does not measure is left out. */
import { type MetricsHistoryBody, RollcallError } from "@rollcall/client";
import type { JSX } from "preact";
import { useRead } from "../../data/reads.ts";
import { query, setQuery } from "../../data/router.ts";
import { bytes, count } from "../../model/numbers.ts";
import { Line } from "../../parts/bar.tsx";
import { Card, Segments } from "../../parts/card.tsx";

type Series = MetricsHistoryBody["series"][number];
const REFRESH_MS = 10_000;

export function Charts(): JSX.Element | null {
  const range = query.value.get("range") === "24h" ? "24h" : "1h";
  const { data, error } = useRead(
    `metrics ${range}`,
    (client) => client.metricsHistory({ step: range === "1h" ? "5s" : "60s" }),
    { everyMs: REFRESH_MS },
  );
  if (data === undefined || (error instanceof RollcallError && error.status === 404)) return null;
  const shown = data.series.filter(({ points }) => points.some((point) => point !== null && point !== 0));
  return (
    <Card
      title="This node over time"
      side={
        <Segments
          label="How far back"
          value={range}
          choices={[
            { value: "1h", label: "1 h" },
            { value: "24h", label: "24 h" },
          ]}
          onPick={(value) => setQuery({ range: value === "1h" ? null : value })}
        />
      }
    >
      <div class="charts data">
        {shown.map((series) => (
          <Chart key={`${series.name} ${JSON.stringify(series.labels)}`} series={series} />
        ))}
      </div>
    </Card>
  );
}

function Chart({ series }: { series: Series }): JSX.Element {
  const { name, labels, rate, points } = series;
  const last = points.findLast((point) => point !== null) ?? null;
  const most = Math.max(...points.map((point) => point ?? 0));
  const told = Object.values(labels).join(", ");
  return (
    <figure>
      <figcaption>
        <span>
          {wordsOf(name)}
          {told === "" ? "" : <span class="quiet"> {told}</span>}
        </span>
        <b>{last === null ? "" : valueText(name, last, rate)}</b>
      </figcaption>
      <Line points={points} />
      <span class="small quiet">at most {valueText(name, most, rate)}</span>
    </figure>
  );
}

/** `rollcall_flush_duration_seconds_p99` -> `flush duration p99`: the unit is beside the number. */
function wordsOf(name: string): string {
  return name
    .replace(/^rollcall_/, "")
    .replace(/_(bytes|seconds|total)(?=_|$)/g, "")
    .replaceAll("_", " ");
}

function valueText(name: string, value: number, rate: boolean): string {
  if (/bytes/.test(name)) return bytes(Math.round(value));
  if (/seconds/.test(name))
    return value < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 2 : 0)} ms` : `${value.toFixed(1)} s`;
  const text =
    value >= 100 || Number.isInteger(value) ? count(Math.round(value), true) : value.toFixed(value < 1 ? 2 : 1);
  return rate ? `${text}/s` : text;
}
