/** Bars and strips: taller is worse, so that they can be read without colours. Readers get the numbers beside them. */
import type { JSX } from "preact";
import type { Bucket } from "../model/past/histogram.ts";
import { KINDS } from "../model/past/histogram.ts";
import type { Span } from "../model/past/spans.ts";
import { type Counts, LOOKS, type Look } from "../model/status.ts";

export function Bar({ counts }: { counts: Counts }): JSX.Element {
  const shown = LOOKS.filter((look) => counts[look]);
  return (
    <span class="bar" aria-hidden="true">
      {shown.length === 0 ? <i class="none" /> : null}
      {shown.map((look) => (
        <i key={look} class={look} style={{ flexGrow: counts[look] }} />
      ))}
    </span>
  );
}

/** The pattern of what is held: once in the page. */
export function Hatch(): JSX.Element {
  return (
    <svg width="0" height="0" style={{ position: "absolute" }} aria-hidden="true">
      <defs>
        <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M1 0v5" />
        </pattern>
      </defs>
    </svg>
  );
}

const HEIGHTS: Readonly<Record<Look, number>> = {
  critical: 1,
  warning: 0.75,
  held: 0.75,
  starting: 0.5,
  draining: 0.5,
  unknown: 0.35,
  passing: 0.22,
  gone: 0.04,
};

export interface StripProps {
  readonly spans: readonly Span[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly tall?: boolean;
}

const WIDE = 1000;

export function Strip({ spans, fromMs, toMs, tall }: StripProps): JSX.Element {
  const x = (ms: number) => ((ms - fromMs) / Math.max(1, toMs - fromMs)) * WIDE;
  return (
    <svg class={`strip${tall ? " tall" : ""}`} viewBox={`0 0 ${WIDE} 20`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" x="0" y="19.2" width={WIDE} height="0.8" />
      {spans.map(({ look, fromMs: from, toMs: to }) => {
        const height = HEIGHTS[look] * 20;
        return (
          <rect
            key={from}
            class={look}
            x={x(from)}
            y={20 - height}
            width={Math.max(1.5, x(to) - x(from))}
            height={height}
          />
        );
      })}
    </svg>
  );
}

/** What came stands on the line, what left hangs below it. */
export function Churn({ buckets }: { buckets: readonly Bucket[] }): JSX.Element {
  const top = Math.max(1, ...buckets.map(({ came }) => came));
  const bottom = Math.max(1, ...buckets.map(({ left, held }) => left + held));
  const unit = 60 / (top + bottom);
  const zero = top * unit;
  const width = WIDE / buckets.length;
  return (
    <svg class="churn" viewBox={`0 0 ${WIDE} 62`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" x="0" y={zero} width={WIDE} height="1" />
      {buckets.map(({ came, left, held }, index) => {
        const x = index * width + width * 0.15;
        const w = width * 0.7;
        return came + left + held === 0 ? null : (
          <g key={x}>
            <rect class="came" x={x} y={zero - came * unit} width={w} height={came * unit} />
            <rect class="left" x={x} y={zero + 1} width={w} height={left * unit} />
            <rect class="held" x={x} y={zero + 1 + left * unit} width={w} height={held * unit} />
          </g>
        );
      })}
    </svg>
  );
}

/** Events of all kinds, one above the other. */
export function Histogram({ buckets }: { buckets: readonly Bucket[] }): JSX.Element {
  const most = Math.max(4, ...buckets.map((bucket) => KINDS.reduce((sum, kind) => sum + bucket[kind], 0)));
  const width = WIDE / buckets.length;
  return (
    <svg class="histogram" viewBox={`0 0 ${WIDE} 60`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" x="0" y="59" width={WIDE} height="1" />
      {buckets.map((bucket, index) => {
        let y = 59;
        return KINDS.map((kind) => {
          const height = (bucket[kind] / most) * 56;
          y -= height;
          return height === 0 ? null : (
            <rect
              key={`${index} ${kind}`}
              class={kind}
              x={index * width + width * 0.1}
              y={y}
              width={width * 0.8}
              height={height}
            />
          );
        });
      })}
    </svg>
  );
}

/** A line over time, with one axis of its own. Gaps are gaps. */
export function Line({ points }: { points: readonly (number | null)[] }): JSX.Element {
  const most = Math.max(1e-9, ...points.map((point) => point ?? 0)) * 1.1;
  const step = WIDE / Math.max(1, points.length - 1);
  let path = "";
  let isOpen = false;
  for (const [index, point] of points.entries()) {
    if (point !== null)
      path += `${isOpen ? "L" : "M"}${(index * step).toFixed(1)} ${(48 - (point / most) * 46).toFixed(2)}`;
    isOpen = point !== null;
  }
  return (
    <svg class="line-chart" viewBox={`0 0 ${WIDE} 50`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" x="0" y="49" width={WIDE} height="1" />
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
