/** Which status an instance had from when to when. */

import type { SpanBody } from "@rollcall/client";
import type { Look } from "../status.ts";

export interface Span {
  readonly look: Look;
  readonly fromMs: number;
  readonly toMs: number;
}

type Told = Pick<SpanBody, "status" | "held" | "from" | "to">;

/** As strips draw what the registry tells. */
export function toSpans(bodies: readonly Told[], fromMs: number, nowMs: number): Span[] {
  return clip(
    bodies.map(({ status, held, from, to }) => ({
      look: held ? ("held" as const) : (status as Look),
      fromMs: Date.parse(from),
      toMs: to === null ? nowMs : Date.parse(to),
    })),
    fromMs,
    nowMs,
  );
}

function clip(spans: readonly Span[], fromMs: number, toMs: number): Span[] {
  return spans
    .map((span) => ({ ...span, fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) }))
    .filter((span) => span.toMs > span.fromMs);
}

/** How long each look lasted, in the order in which they came. */
export function lengths(spans: readonly Span[]): { look: Look; ms: number; isNow: boolean }[] {
  const sums = new Map<Look, number>();
  for (const { look, fromMs, toMs } of spans) sums.set(look, (sums.get(look) ?? 0) + toMs - fromMs);
  const last = spans.at(-1)?.look;
  return [...sums].map(([look, ms]) => ({ look, ms, isNow: look === last }));
}
