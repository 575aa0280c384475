/** A histogram whose observation costs a few comparisons. */

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds` are the upper bounds of the buckets, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let i = 0;
    while (i < this.#bounds.length && value > (this.#bounds[i] as number)) i++;
    (this.#counts[i] as number)++;
    this.#sum += value;
  }

  /** In Prometheus' form: each bucket holds all below its bound. */
  values(name: string, labels: Readonly<Record<string, string>>): Sample[] {
    const samples: Sample[] = [];
    let count = 0;
    for (const [i, bucket] of this.#counts.entries()) {
      count += bucket;
      samples.push({
        metricName: `${name}_bucket`,
        labels: { ...labels, le: this.#bounds[i] ?? "+Inf" },
        value: count,
      });
    }
    samples.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    samples.push({ metricName: `${name}_count`, labels, value: count });
    return samples;
  }
}
