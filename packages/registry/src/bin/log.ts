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

export function createLog(format: "text" | "json", level: string): Logger {
  const timestamp = pino.stdTimeFunctions.isoTime;
  if (format === "json") return pino({ level, base: null, timestamp }, pino.destination({ dest: 2, sync: true }));
  return pino({ level, base: null, timestamp }, { write: (line: string) => void process.stderr.write(toText(line)) });
}

/** `12:58:33 info  stopping  signal=SIGTERM` */
export function toText(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const at = String(time).slice(11, 19);
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === "string" ? quote(value) : JSON.stringify(value)}`,
  );
  const stack = typeof err === "object" && err !== null && "stack" in err ? `\n${String(err.stack)}` : "";
  const head = `${at} ${(LEVELS[Number(level)] ?? String(level)).padEnd(5)} ${String(msg ?? "")}`;
  return `${[head, fields.join(" ")].filter((part) => part !== "").join("  ")}${stack}\n`;
}

function quote(value: string): string {
  return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}
