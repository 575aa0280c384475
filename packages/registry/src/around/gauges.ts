/** Metrics as prom-client has them, made of numbers that are kept elsewhere. */
import { Gauge, Counter as LabelledCounter, type Metric, type Registry as MetricRegistry } from "prom-client";
import type { Histogram } from "./histogram.ts";

export function addGauge(
  registry: MetricRegistry,
  name: string,
  help: string,
  labelNames: readonly string[],
  collect: (gauge: Gauge<string>) => void | Promise<void>,
): void {
  new Gauge<string>({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      return collect(this);
    },
  });
}

export function addCounter(
  registry: MetricRegistry,
  name: string,
  help: string,
  labelNames: readonly string[],
  collect: (add: (labels: Record<string, string>, value: number) => void) => void,
): void {
  new LabelledCounter<string>({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      // The plain numbers hold the sums; what was shown last time is replaced.
      this.reset();
      collect((labels, value) => this.inc(labels, value));
    },
  });
}

export function addHistogram(
  registry: MetricRegistry,
  name: string,
  help: string,
  values: () => ReturnType<Histogram["values"]>,
): void {
  // The client's own histogram hashes its labels at each observation; it only asks of a metric that it can be read.
  const metric = {
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    get: () => Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values: values() }),
  };
  registry.registerMetric(metric as unknown as Metric<string>);
}

/** One number for each of some things that come and go; none where it is not known. */
export function addGaugeEach(
  registry: MetricRegistry,
  name: string,
  help: string,
  label: string,
  list: () => readonly (readonly [string, number | null | undefined])[],
): void {
  addGauge(registry, name, help, [label], (one) => {
    one.reset();
    for (const [thing, value] of list()) if (value != null) one.set({ [label]: thing }, value);
  });
}
