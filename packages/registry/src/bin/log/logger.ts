/** Logs go to stderr: JSON lines for machines, short lines for people. */
import { type Logger, type LoggerOptions, pino } from "pino";

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

const DEBUG = 20;
/** In a second, at debug and trace together: under load they are for looking, not for keeping. */
const DEBUG_LINES_MAX = 200;

/** Lets so many through in each second, and answers how many it kept back in the seconds before. */
class DebugBudget {
  #secondMs = 0;
  #lines = 0;
  #leftOut = 0;

  take(): { readonly isIn: boolean; readonly leftOut: number } {
    const nowMs = performance.now();
    if (nowMs - this.#secondMs < 1000) {
      const isIn = ++this.#lines <= DEBUG_LINES_MAX;
      if (!isIn) this.#leftOut++;
      return { isIn, leftOut: 0 };
    }
    const leftOut = this.#leftOut;
    this.#secondMs = nowMs;
    this.#lines = 1;
    this.#leftOut = 0;
    return { isIn: true, leftOut };
  }
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
  const budget = new DebugBudget();
  const hooks: LoggerOptions["hooks"] = {
    logMethod(args, method, at) {
      const { isIn, leftOut } = at > DEBUG ? { isIn: true, leftOut: 0 } : budget.take();
      if (leftOut > 0) method.apply(this, [{ leftOut }, "lines at this level were left out"]);
      if (isIn) method.apply(this, args);
    },
  };
  const onChild = (child: Logger): void => void all.push(child);
  const logger: Logger = pino({ level, base: null, timestamp, hooks, onChild }, { write });
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
