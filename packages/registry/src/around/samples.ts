/**
 * @live The latest hour and day of some of this process's numbers, for charts: rings of points, of the sums at `/metrics` as
 * rates, and of histograms as quantiles of what came since the point before.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Metric, Registry as MetricRegistry } from "prom-client";

export const STEP_MS = 5000;
/** Points of the finer ring in one of the coarser. */
const COARSE = 12;
const FINE_POINTS = 720;
const COARSE_POINTS = 1440;
/** Names with labels that have a ring of each kind; others are left out. */
const SERIES_MAX = 64;
const LAG_RESOLUTION_MS = 50;

/** As at `/metrics`. */
const GAUGES = [
  "rollcall_instances",
  "rollcall_services",
  "rollcall_leases",
  "rollcall_leases_held",
  "rollcall_keys",
  "rollcall_watchers",
  "rollcall_watches",
  "rollcall_store_bytes",
  "rollcall_unread_bytes",
  "rollcall_behind_seconds",
  "process_resident_memory_bytes",
  "nodejs_heap_size_used_bytes",
] as const;
const COUNTERS = [
  "rollcall_requests_total",
  "rollcall_commits_total",
  "rollcall_proposals_total",
  "rollcall_expiries_total",
  "rollcall_link_bytes_total",
  "process_cpu_seconds_total",
] as const;
const HISTOGRAMS = ["rollcall_flush_duration_seconds", "rollcall_request_duration_seconds"] as const;
const QUANTILES = [50, 99] as const;
const LAG = "rollcall_event_loop_delay_seconds";

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface Series {
  readonly name: string;
  readonly labels: Labels;
  /** Per second. */
  readonly rate: boolean;
  /** Oldest first; NaN where nothing was measured. */
  readonly points: Float64Array;
}

export interface Samples {
  readonly stepMs: number;
  /** Of the last point, wall-clock ms. */
  readonly lastMs: number;
  readonly series: readonly Series[];
}

interface Kept {
  readonly name: string;
  readonly labels: Labels;
  readonly rate: boolean;
  readonly fine: Float64Array;
  readonly coarse: Float64Array;
  /** Since the last point of the coarser ring. */
  sum: number;
  count: number;
}

export class Sampler {
  readonly #metrics: MetricRegistry;
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();
  /** Of counters, and of the buckets of histograms, at the point before. */
  readonly #before = new Map<string, number>();
  readonly #lag: IntervalHistogram;
  readonly #timer: NodeJS.Timeout;
  #points = 0;
  #lastMs = 0;
  #isBusy = false;

  constructor(metrics: MetricRegistry, now: () => number) {
    this.#metrics = metrics;
    this.#now = now;
    this.#lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
    this.#lag.enable();
    this.#timer = setInterval(() => void this.sample(), STEP_MS).unref();
    // What counters begin at.
    void this.sample();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#lag.disable();
  }

  /** To be called once a step. */
  async sample(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const nowMs = this.#now();
    // A process that slept, or a clock that was set: what lies between is not known.
    const missed = this.#points === 0 ? 0 : Math.round((nowMs - this.#lastMs) / STEP_MS) - 1;
    for (let nth = 0; nth < Math.min(missed, FINE_POINTS); nth++) this.#advance();
    const seconds = this.#points === 0 ? 0 : Math.max(STEP_MS, nowMs - this.#lastMs) / 1000;
    this.#advance();
    this.#lastMs = nowMs;
    for (const name of GAUGES) for (const one of await this.#read(name)) this.#put(name, one.labels, false, one.value);
    for (const name of COUNTERS)
      for (const { labels, value } of await this.#read(name)) this.#rate(name, labels, value, seconds);
    for (const name of HISTOGRAMS) this.#quantiles(name, await this.#read(name));
    this.#put(LAG, {}, false, this.#lag.percentile(99) / 1e9);
    this.#lag.reset();
    this.#isBusy = false;
  }

  async #read(name: string): Promise<readonly Sample[]> {
    const metric = this.#metrics.getSingleMetric(name) as Metric<string> | undefined;
    return metric === undefined ? [] : ((await metric.get()).values as readonly Sample[]);
  }

  /** Begins the next point. */
  #advance(): void {
    const at = this.#points++ % FINE_POINTS;
    for (const kept of this.#kept.values()) kept.fine[at] = Number.NaN;
    if (this.#points % COARSE !== 1) return;
    const coarseAt = Math.floor((this.#points - 1) / COARSE) % COARSE_POINTS;
    for (const kept of this.#kept.values()) {
      kept.coarse[coarseAt] = Number.NaN;
      [kept.sum, kept.count] = [0, 0];
    }
  }

  #put(name: string, labels: Sample["labels"], rate: boolean, value: number): void {
    if (!Number.isFinite(value)) return;
    const kept = this.#keep(name, labels, rate);
    if (kept === undefined) return;
    kept.fine[(this.#points - 1) % FINE_POINTS] = value;
    kept.sum += value;
    kept.count++;
    kept.coarse[Math.floor((this.#points - 1) / COARSE) % COARSE_POINTS] = kept.sum / kept.count;
  }

  #keep(name: string, labels: Sample["labels"], rate: boolean): Kept | undefined {
    const key = name + JSON.stringify(labels);
    const known = this.#kept.get(key);
    if (known !== undefined || this.#kept.size >= SERIES_MAX) return known;
    const kept: Kept = {
      name,
      labels: Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, String(value)])),
      rate,
      fine: new Float64Array(FINE_POINTS).fill(Number.NaN),
      coarse: new Float64Array(COARSE_POINTS).fill(Number.NaN),
      sum: 0,
      count: 0,
    };
    this.#kept.set(key, kept);
    return kept;
  }

  /** What came since the point before; what was never there before began at 0 then. */
  #since(key: string, value: number): number {
    const before = this.#before.get(key) ?? 0;
    this.#before.set(key, value);
    return Math.max(0, value - before);
  }

  #rate(name: string, labels: Sample["labels"], value: number, seconds: number): void {
    const more = this.#since(name + JSON.stringify(labels), value);
    if (seconds > 0) this.#put(name, labels, true, more / seconds);
  }

  /** Over all labels but the bound. */
  #quantiles(name: string, samples: readonly Sample[]): void {
    const buckets = new Map<number, number>();
    for (const { metricName, labels, value } of samples) {
      if (metricName !== `${name}_bucket`) continue;
      const bound = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
    const counts = [...buckets]
      .sort(([a], [b]) => a - b)
      .map(([bound, sum]) => [bound, this.#since(`${name} ${bound}`, sum)] as const);
    const all = counts.at(-1)?.[1] ?? 0;
    if (all === 0 || this.#points === 1) return;
    for (const percent of QUANTILES)
      this.#put(`${name}_p${percent}`, {}, false, quantileOf(counts, (all * percent) / 100));
  }

  /** As far as there are points. */
  read(isCoarse: boolean): Samples {
    const [size, step] = isCoarse ? [COARSE_POINTS, COARSE] : [FINE_POINTS, 1];
    const length = Math.min(size, Math.ceil(this.#points / step));
    const end = Math.ceil(this.#points / step);
    const series = [...this.#kept.values()].map(({ name, labels, rate, fine, coarse }): Series => {
      const ring = isCoarse ? coarse : fine;
      const points = Float64Array.from({ length }, (_, nth) => ring[(end - length + nth) % size] as number);
      return { name, labels, rate, points };
    });
    return { stepMs: step * STEP_MS, lastMs: this.#lastMs, series };
  }
}

/** By counts of all below each bound, in between as if they were spread evenly. */
function quantileOf(counts: readonly (readonly [bound: number, below: number])[], rank: number): number {
  let [lower, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (rank - below)) / Math.max(1e-9, count - below);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}
