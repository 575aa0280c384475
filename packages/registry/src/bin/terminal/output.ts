/** What people and scripts read: aligned tables in calm colours, or JSON. */
import { once } from "node:events";
import type { Writable } from "node:stream";

export type Tone = "plain" | "dim" | "good" | "warn" | "bad" | "bold";
export type Cell = string | { readonly text: string; readonly tone: Tone };

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** Never cut nor left out: what people copy, and sentences. Numbers are never cut either. */
  readonly whole?: boolean;
}

export interface Output {
  readonly json: boolean;
  /** The terminal's width; undefined when stdout is not one. */
  readonly width: number | undefined;
  /** One JSON document, indented for a reader. */
  document(value: unknown): void;
  /** One JSON object on one line. */
  object(value: unknown): void;
  line(text: string): void;
  /** A table, or the sentence when there is nothing to show. */
  table(columns: readonly Column[], rows: readonly (readonly Cell[])[], none: string): void;
  /** Names with their values, aligned. */
  fields(pairs: readonly (readonly [string, Cell])[]): void;
  paint(cell: Cell): string;
  /** To stderr, and only for people. */
  note(text: string): void;
  /** Resolves when the reader has taken what was written, or the signal aborts: what follows for ever must not pile up. */
  taken(signal: AbortSignal): Promise<void>;
}

const CODES: Readonly<Record<Tone, string>> = { plain: "", dim: "2", good: "32", warn: "33", bad: "31", bold: "1" };
const GAP = "  ";

export interface OutputOptions {
  readonly json: boolean;
  readonly colour: boolean;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
}

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json } = options;
  const width = stdout.isTTY ? (stdout.columns ?? 80) : undefined;
  const paint = (cell: Cell): string => {
    const { text, tone } = typeof cell === "string" ? { text: cell, tone: "plain" as const } : cell;
    const shown = clean(text);
    return options.colour && tone !== "plain" && shown !== "" ? `\x1b[${CODES[tone]}m${shown}\x1b[0m` : shown;
  };
  const line = (text: string) => void stdout.write(`${text}\n`);
  return {
    json,
    width,
    paint,
    line,
    document: (value) => line(JSON.stringify(value, null, 2)),
    object: (value) => line(JSON.stringify(value)),
    note: (text) => void (json || stderr.write(`${text}\n`)),
    async taken(signal) {
      if (stdout.writableNeedDrain && !signal.aborted) await once(stdout, "drain", { signal }).catch(() => {});
    },
    table(columns, rows, none) {
      if (rows.length === 0) line(paint({ text: none, tone: "dim" }));
      else for (const text of layOut(columns, rows, width, paint)) line(text);
    },
    fields(pairs) {
      const widest = Math.max(...pairs.map(([name]) => name.length));
      for (const [name, value] of pairs)
        line(`${paint({ text: name.padEnd(widest), tone: "dim" })}${GAP}${paint(value)}`);
    },
  };
}

/**
 * Lines of a table. What is wider than the terminal is made to fit: columns that say nothing go first, then those that
 * may be cut are cut, the widest first, then they go too, from the right. What is left out is named below the table.
 */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number | undefined,
  paint: (cell: Cell) => string,
): string[] {
  const head = columns.map((column): Cell => ({ text: column.title.toUpperCase(), tone: "dim" }));
  const natural = columns.map((_, i) => Math.max(...[head, ...rows].map((row) => lengthOf(row[i] ?? ""))));
  const { shown, widths } = fit(columns, rows, natural, width ?? Number.POSITIVE_INFINITY);
  const last = shown.at(-1);
  const lines = [head, ...rows].map((row) =>
    shown
      .map((i) => {
        const room = widths[i] as number;
        const cell = cut(row[i] ?? "", room);
        const fill = " ".repeat(Math.max(0, room - lengthOf(cell)));
        if (columns[i]?.right) return fill + paint(cell);
        return i === last ? paint(cell) : paint(cell) + fill;
      })
      .join(GAP)
      .trimEnd(),
  );
  const missing = columns.filter((_, i) => !shown.includes(i) && !isEmpty(rows, i)).map(({ title }) => title);
  if (missing.length > 0) lines.push(paint({ text: `no room for: ${missing.join(", ")}`, tone: "dim" }));
  return lines;
}

/** What is left of a cell that is cut. */
const CUT_MIN = 8;

interface Fit {
  /** Indexes of the columns that are shown. */
  readonly shown: readonly number[];
  /** By column. */
  readonly widths: readonly number[];
}

function fit(columns: readonly Column[], rows: readonly (readonly Cell[])[], natural: number[], room: number): Fit {
  const isFixed = (i: number) => columns[i]?.whole === true || columns[i]?.right === true;
  const least = natural.map((width, i) => (isFixed(i) ? width : Math.min(width, CUT_MIN)));
  let shown = columns.map((_, i) => i);
  const sum = (widths: readonly number[]) =>
    shown.reduce((total, i) => total + (widths[i] as number) + GAP.length, -GAP.length);
  if (sum(natural) > room) shown = shown.filter((i) => isFixed(i) || !isEmpty(rows, i));
  while (sum(least) > room) {
    const going = shown.findLast((i) => i > 0 && !isFixed(i));
    if (going === undefined) break;
    shown = shown.filter((i) => i !== going);
  }
  const widths = [...natural];
  for (let over = sum(widths) - room; over > 0; over--) {
    const wide = shown.filter((i) => (widths[i] as number) > (least[i] as number));
    if (wide.length === 0) break;
    const widest = wide.reduce((one, other) => ((widths[other] as number) > (widths[one] as number) ? other : one));
    widths[widest] = (widths[widest] as number) - 1;
  }
  return { shown, widths };
}

function isEmpty(rows: readonly (readonly Cell[])[], i: number): boolean {
  return rows.every((row) => ["", "-"].includes(textOf(row[i] ?? "")));
}

let madeOrder: Intl.Collator | undefined;

/** Made when there is something to put in order: it takes 5 ms of the 70 that a command takes beside Node's own start. */
function collator(): Intl.Collator {
  madeOrder ??= new Intl.Collator("en", { numeric: true });
  return madeOrder;
}

/** Rows in the order that people expect: by their cells from left to right, `a-2` before `a-10`. */
export function inOrder(rows: readonly (readonly Cell[])[]): (readonly Cell[])[] {
  const { compare } = collator();
  return [...rows].sort((one, other) => {
    for (const [i, cell] of one.entries()) {
      const order = compare(textOf(cell), textOf(other[i] ?? ""));
      if (order !== 0) return order;
    }
    return 0;
  });
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function lengthOf(cell: Cell): number {
  return [...clean(textOf(cell))].length;
}

function cut(cell: Cell, room: number): Cell {
  const letters = [...clean(textOf(cell))];
  if (letters.length <= room) return cell;
  const text = `${letters.slice(0, room - 1).join("")}…`;
  return typeof cell === "string" ? text : { ...cell, text };
}

/** What others registered must not steer this terminal: control characters become visible. */
export function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\ufffd");
}

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** `12s`, `5m`, `3h`, `4d`: the largest unit that fits, rounded down. */
export function toSpan(ms: number | null): string {
  if (ms === null) return "-";
  for (const [name, factor] of UNITS) if (ms >= factor) return `${Math.floor(ms / factor)}${name}`;
  return ms < 1 ? "0s" : `${Math.floor(ms)}ms`;
}

/** What the catalog takes of the heap, and may take. */
export function roomText({ bytes, bytesMax }: { readonly bytes: number; readonly bytesMax: number }): string {
  const [holds, most] = [bytes, bytesMax].map((one) => Math.round(one / 1024 ** 2));
  return `about ${holds} of ${most} MiB`;
}

/** How long ago: "-" for never, "0s" for a time to come, as the registry's clock may be ahead. */
export function toAge(at: string | null | undefined, nowMs: number): string {
  if (at === null || at === undefined) return "-";
  return toSeconds(nowMs - Date.parse(at));
}

/** How long until then: "0s" for a time that has passed. */
export function toLeft(at: string, nowMs: number): string {
  return toSeconds(Date.parse(at) - nowMs);
}

function toSeconds(ms: number): string {
  return ms < 1000 ? "0s" : toSpan(ms);
}

/** The local time of day. */
export function toClock(at: string): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour12: false });
}

/** `http://[::1]:7070`. RFC 3986 §3.2.2: an IPv6 address stands in brackets. */
export function toUrl(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function toBytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = "B";
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}

const STATUS_TONES: Readonly<Record<string, Tone>> = {
  passing: "good",
  warning: "warn",
  critical: "bad",
  starting: "warn",
  draining: "warn",
  unknown: "dim",
};

export function toStatus(status: string, held = false): Cell {
  return held ? { text: `${status} (held)`, tone: "warn" } : { text: status, tone: STATUS_TONES[status] ?? "plain" };
}
