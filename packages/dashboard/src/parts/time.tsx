/** Times and ages by the registry's clock; hovering tells the other one. */
import type { JSX } from "preact";
import { aheadMs, registryNow, tick } from "../data/live.ts";
import { clockZone } from "../data/wishes.ts";
import { age, clockTime, fullTime } from "../model/numbers.ts";

export function readClock() {
  return { nowMs: registryNow(), isLocal: clockZone.value === "local" };
}

export function Time({ at, revision }: { at: string; revision?: number }): JSX.Element {
  const isLocal = clockZone.value === "local";
  const title = `${fullTime(at, !isLocal)}${revision === undefined ? "" : `, revision ${revision}`}`;
  return (
    <time dateTime={at} title={title}>
      {clockTime(at, { nowMs: Date.now() + aheadMs.value, isLocal })}
    </time>
  );
}

export function Age({ at, ago }: { at: string; ago?: boolean }): JSX.Element {
  void tick.value;
  const isLocal = clockZone.value === "local";
  return (
    <time dateTime={at} title={fullTime(at, isLocal)}>
      {age(Math.max(0, registryNow() - Date.parse(at)))}
      {ago ? " ago" : ""}
    </time>
  );
}
