/** `rollcall serve`: logs, start, signals, stop. */

import type { ServeConfig } from "./config/load.ts";
import { PORTS } from "./dialects.ts";
import { assemble, type Running } from "./house/assemble.ts";
import { Lines, openDescriptor } from "./log/lines.ts";
import { createLog } from "./log/logger.ts";
import { EXIT } from "./terminal/exit.ts";

/** How long a stop may take before the process ends itself. */
const STOP_MS_MAX = 30_000;

/** After the disk failed: for the answers that say so. */
const ANSWER_MS = 200;

/** For the last lines: a reader that is there takes them in that time. */
const LAST_LINES_MS = 200;

/** Runs until SIGTERM or SIGINT. Resolves when everything is closed; rejects when the start failed. */
export async function serve(config: ServeConfig): Promise<void> {
  const [out, err] = [new Lines(openDescriptor(1)), new Lines(openDescriptor(2))] as const;
  const log = createLog(config.logFormat, config.logLevel, err);
  const end = async (code: number): Promise<void> => {
    await Promise.all([out.close(LAST_LINES_MS), err.close(LAST_LINES_MS)]);
    process.exit(code);
  };
  // Node's own words would wait for a reader of stderr.
  process.removeAllListeners("warning");
  process.on("warning", (warning) => log.warn({ err: warning }, "a warning of the runtime"));
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "a bug ends this process");
    void end(EXIT.refused);
  });
  // A signal during the start lets the start finish, then stops in order.
  const stopped = stopSignal();
  const running = await assemble(config, {
    log,
    linesLost: () => out.lost + err.lost,
    onBroken() {
      // The library that failed is not called any more, not even to close the store; what else it rejects is known.
      process.on("unhandledRejection", () => {});
      setTimeout(() => void end(EXIT.disk), ANSWER_MS);
    },
  });
  for (const line of announcement(config, running)) out.write(`${line}\n`);
  const signal = await stopped;
  log.info({ signal }, "stopping");
  const overdue = setTimeout(() => {
    log.error("the stop took too long; ending now");
    void end(EXIT.refused);
  }, STOP_MS_MAX);
  overdue.unref();
  await running.stop();
  clearTimeout(overdue);
  log.info("stopped");
  await end(EXIT.ok);
}

/**
 * Starts all that is configured, settings of dialects, zones and certificates too, and stops it: on free ports of
 * loopback, over an empty catalog, so that it can be run beside the registry that serves. Rejects as a start would.
 */
export async function check(config: ServeConfig): Promise<void> {
  const ports = Object.fromEntries(PORTS.map(({ name }) => [name, 0]));
  // Tokens that were made at run time are in the store, which stays closed.
  const trial = { ...config, host: "127.0.0.1", ports, replicator: "memory", accounts: {}, tokens: [] };
  const log = createLog("json", "silent", { lost: 0, write: () => true });
  const running = await assemble(trial, { log, linesLost: () => 0, onBroken() {} });
  await running.stop();
}

/** The first lines on stdout say what listens where. */
function announcement({ logFormat, replicator, data }: ServeConfig, { endpoints }: Running): string[] {
  if (logFormat === "json") {
    const events = endpoints.map(({ dialect, scheme, host, port }) => ({
      event: "listening",
      dialect,
      scheme,
      host,
      port,
    }));
    return [...events, { event: "ready" }].map((event) => JSON.stringify(event));
  }
  const urls = endpoints.map(({ dialect, scheme, host, port }) => {
    const name = host.includes(":") ? `[${host}]` : host;
    return `${dialect.padEnd(12)}${scheme}://${name}:${port}`;
  });
  return [...urls, `${"data".padEnd(12)}${replicator === "memory" ? "in memory only" : data}`, "ready"];
}

/** Resolves at the first signal. Repeats are ignored: at one Ctrl-C, npm and the terminal each send a signal. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve(signal));
  });
}
