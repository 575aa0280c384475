/** From when to when: two fields, a choice, and a histogram with two handles. */
import type { NetChangesBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useHour } from "../../data/feed.ts";
import { registryNow } from "../../data/live.ts";
import { setQuery } from "../../data/router.ts";
import { clockZone } from "../../data/wishes.ts";
import { clockTime } from "../../model/numbers.ts";
import { KINDS, type Kind } from "../../model/past/histogram.ts";
import { Histogram } from "../../parts/bar.tsx";
import { Card, Chip } from "../../parts/card.tsx";

const HOUR_MS = 3_600_000;
const BUCKETS = 120;
const CHOICES = [
  ["-5m", "5 min"],
  ["-15m", "15 min"],
  ["-60m", "1 h"],
  ["-24h", "24 h"],
] as const;
const WORDS: Readonly<Record<Kind, string>> = {
  came: "came",
  left: "left",
  worse: "got worse",
  held: "held",
  config: "configuration",
  other: "other",
};

/** As the registry takes it: a revision, a time, or a time that is over. */
export function toMoment(text: string): string | number {
  if (/^\d+$/.test(text)) return Number(text);
  if (/^-\d/.test(text)) return text;
  const ms = Date.parse(/^\d{4}-\d\d-\d\d[ T][\d:.]+$/.test(text) ? `${text.replace(" ", "T")}Z` : text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
}

interface Props {
  readonly from: string;
  readonly to: string;
  readonly known: NetChangesBody | undefined;
}

export function Range({ from, to, known }: Props): JSX.Element {
  return (
    <Card>
      <form class="fields" onSubmit={(event) => event.preventDefault()}>
        <label>
          From (time, revision or -15m)
          <input
            value={from}
            spellcheck={false}
            onChange={(event) => setQuery({ from: event.currentTarget.value.trim() }, false)}
          />
        </label>
        <label>
          To
          <input
            value={to}
            placeholder="now"
            spellcheck={false}
            onChange={(event) => setQuery({ to: event.currentTarget.value.trim() }, false)}
          />
        </label>
        <div class="chips">
          {CHOICES.map(([value, label]) => (
            <Chip
              key={value}
              isOn={from === value && to === ""}
              onPick={() => setQuery({ from: value, to: null }, false)}
            >
              {label}
            </Chip>
          ))}
        </div>
      </form>
      <Chooser known={known} isOpen={to === ""} />
    </Card>
  );
}

function Chooser({ known, isOpen }: { known: Props["known"]; isOpen: boolean }): JSX.Element | null {
  const hour = useHour(BUCKETS);
  const nowMs = registryNow();
  const startMs = nowMs - HOUR_MS;
  const fromMs = known?.from.at == null ? startMs : Date.parse(known.from.at);
  const toMs = isOpen || known?.to.at == null ? nowMs : Date.parse(known.to.at);
  useEdgeKeys(fromMs, toMs);
  if (hour === undefined) return null;
  const left = share(fromMs, startMs);
  const right = share(toMs, startMs);
  const clock = (ms: number) => clockTime(ms, { nowMs, isLocal: clockZone.value === "local" }).slice(-8, -3);
  return (
    <div class="spaced not-phone-range">
      <div class="range">
        <div class="chosen" style={{ left: `${left}%`, width: `${Math.max(0.3, right - left)}%` }} />
        <Histogram buckets={hour.buckets} />
        <Handle label="Start of the range" at={left} onMove={(part) => setQuery({ from: timeAt(startMs, part) })} />
        <Handle
          label="End of the range"
          at={right}
          onMove={(part) => setQuery({ to: part > 0.995 ? null : timeAt(startMs, part) })}
        />
      </div>
      <div class="axis-labels" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <span key={part}>{clock(startMs + part * HOUR_MS)}</span>
        ))}
        <span>now</span>
      </div>
      <p class="legend">
        {KINDS.map((kind) => (
          <span key={kind}>
            <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
              <rect class={kind} width="10" height="10" />
            </svg>
            {WORDS[kind]}
          </span>
        ))}
        <span class="quiet">
          Drag the edges, or <kbd>[</kbd> <kbd>]</kbd> and <kbd>{"{"}</kbd> <kbd>{"}"}</kbd> move them.
        </span>
      </p>
    </div>
  );
}

function share(ms: number, startMs: number): number {
  return Math.max(0, Math.min(100, ((ms - startMs) / HOUR_MS) * 100));
}

function timeAt(startMs: number, part: number): string {
  return new Date(startMs + Math.max(0, Math.min(1, part)) * HOUR_MS).toISOString().replace(/\.\d+Z/, "Z");
}

const STEP_MS = 30_000;

/** `[` and `]` move the start, `{` and `}` the end. */
function useEdgeKeys(fromMs: number, toMs: number): void {
  useEffect(() => {
    const move = (event: Event): void => {
      const key = (event as CustomEvent<string>).detail;
      const by = key === "[" || key === "{" ? -STEP_MS : STEP_MS;
      if (key === "[" || key === "]") setQuery({ from: new Date(fromMs + by).toISOString() });
      if (key === "{" || key === "}")
        setQuery({ to: toMs + by >= registryNow() ? null : new Date(toMs + by).toISOString() });
    };
    addEventListener("rollcall:key", move);
    return () => removeEventListener("rollcall:key", move);
  }, [fromMs, toMs]);
}

function Handle({ label, at, onMove }: { label: string; at: number; onMove: (part: number) => void }): JSX.Element {
  const handle = useRef<HTMLDivElement>(null);
  const partOf = (event: PointerEvent): number => {
    const box = handle.current?.parentElement?.getBoundingClientRect();
    return box === undefined ? 0 : (event.clientX - box.left) / box.width;
  };
  return (
    <div
      ref={handle}
      class="handle"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(at)}
      style={{ left: `${at}%` }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerUp={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) onMove(partOf(event));
      }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, Home: -at, End: 100 - at }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        onMove((at + step) / 100);
      }}
    />
  );
}
