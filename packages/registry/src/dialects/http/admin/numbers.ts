/** @live Handler of the history of metrics. */
import type { MetricsHistoryBody } from "@rollcall/client";
import { refuse } from "../../../core/index.ts";
import { decodeTime, toTime } from "../../../native/wire/numbers.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Exchange } from "../desk.ts";

const DIGITS = 6;

/** GET /v2/_/metrics/history */
export function getMetricsHistory({ desk, query }: Exchange): Result {
  const step = query.get("step") ?? "5s";
  if (step !== "5s" && step !== "60s") return refuse("invalid", "query parameter step must be 5s or 60s");
  const text = query.get("from");
  const fromMs = text === undefined ? 0 : decodeTime(text, desk.clock.now());
  if (fromMs === undefined)
    return refuse("invalid", "query parameter from must be a time such as 2030-01-31T12:00:00Z, or like -15m");
  const wanted = new Set(query.all("series"));
  const { stepMs, lastMs, series } = desk.house.status.samples(step === "60s");
  const length = series[0]?.points.length ?? 0;
  const firstMs = lastMs - (length - 1) * stepMs;
  const skipped = Math.min(length, Math.max(0, Math.ceil((fromMs - firstMs) / stepMs)));
  const body: MetricsHistoryBody = {
    stepMs,
    from: toTime(firstMs + skipped * stepMs),
    series: series
      .filter(({ name }) => wanted.size === 0 || wanted.has(name))
      .map(({ name, labels, rate, points }) => ({
        name,
        labels,
        rate,
        points: Array.from(points.subarray(skipped), (value) =>
          Number.isNaN(value) ? null : Number(value.toPrecision(DIGITS)),
        ),
      })),
  };
  return toJson(body);
}
