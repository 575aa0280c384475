/** Logs go to stderr: JSON lines for machines, short lines for people. */
import { type Logger, pino } from "pino";

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** `12:58:33 info  …`, or JSON with numbers for levels. */
export type LogFormat = "text" | "json";

/** What a logger writes to. */
interface Out {
  readonly lost: number;
  /** Whether the line is written. */
  write(line: string): boolean;
}

export interface Log {
  readonly logger: Logger;
  /** Whatever the level, unless it is silent. */
  readonly always: Logger;
  /** Counts for all loggers made of it, too. */
  configure(format: LogFormat, level: string): void;
}

function alwaysOf(level: string): string {
  return level === "silent" ? level : "info";
}

/** A logger that says so itself once it can write again what it could not before. */
export function createLog(format: LogFormat, level: string, out: Out): Log {
  let toLine = format === "json" ? toJson : toText;
  let told = 0;
  const all: Logger[] = [];
  const write = (line: string): void => {
    if (!out.write(toLine(line)) || out.lost === told) return;
    const lost = out.lost - told;
    told = out.lost;
    logger.warn({ lost }, "lines of the log were lost");
  };
  const timestamp = pino.stdTimeFunctions.isoTime;
  const logger: Logger = pino({ level, base: null, timestamp, onChild: (child) => void all.push(child) }, { write });
  all.push(logger);
  const always = pino({ level: alwaysOf(level), base: null, timestamp }, { write });
  return {
    logger,
    always,
    configure(newFormat, newLevel) {
      toLine = newFormat === "json" ? toJson : toText;
      always.level = alwaysOf(newLevel);
      for (const one of all) one.level = newLevel;
    },
  };
}

/** Names and messages come from others: they must not begin a line of their own, nor steer a terminal. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (letter) =>
    [...Array(letter.length).keys()].map((i) => `\\u${letter.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  );
}

function toJson(line: string): string {
  return `${escapeControls(line.slice(0, -1))}\n`;
}

/** `12:58:33 info  stopping  signal=SIGTERM`. The stack of an error follows, indented. */
export function toText(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const at = String(time).slice(11, 19);
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === "string" ? quote(value) : JSON.stringify(value)}`,
  );
  const stack = typeof err === "object" && err !== null && "stack" in err ? String(err.stack).split("\n") : [];
  const head = `${at} ${(LEVELS[Number(level)] ?? String(level)).padEnd(5)} ${String(msg ?? "")}`;
  const first = [head, fields.join(" ")].filter((part) => part !== "").join("  ");
  return [first, ...stack.map((one) => `    ${one}`)].map((one) => `${escapeControls(one)}\n`).join("");
}

function quote(value: string): string {
  return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}
