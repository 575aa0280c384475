/** `rollcall serve`: logs, start, signals, stop. */

import type { ServeConfig } from "./config/load.ts";
import { PORTS } from "./dialects.ts";
import { assemble, type Running } from "./house/assemble.ts";
import { createLog } from "./log.ts";
import { EXIT } from "./terminal/exit.ts";

/** How long a stop may take before the process ends itself. */
const STOP_MS_MAX = 30_000;

/** After the disk failed: for the answers that say so. */
const ANSWER_MS = 200;

/** Runs until SIGTERM or SIGINT. Resolves when everything is closed; rejects when the start failed. */
export async function serve(config: ServeConfig): Promise<void> {
  const log = createLog(config.logFormat, config.logLevel);
  // A signal during the start lets the start finish, then stops in order.
  const stopped = stopSignal();
  const running = await assemble(config, log, () => {
    // The library that failed is not called any more, not even to close the store; what else it rejects is known.
    process.on("unhandledRejection", () => {});
    setTimeout(() => process.exit(EXIT.disk), ANSWER_MS);
  });
  announce(config, running);
  const signal = await stopped;
  log.info({ signal }, "stopping");
  const overdue = setTimeout(() => {
    log.error("the stop took too long; ending now");
    process.exit(1);
  }, STOP_MS_MAX);
  overdue.unref();
  await running.stop();
  clearTimeout(overdue);
  log.info("stopped");
}

/**
 * Starts all that is configured, settings of dialects, zones and certificates too, and stops it: on free ports of
 * loopback, over an empty catalog, so that it can be run beside the registry that serves. Rejects as a start would.
 */
export async function check(config: ServeConfig): Promise<void> {
  const ports = Object.fromEntries(PORTS.map(({ name }) => [name, 0]));
  // Tokens that were made at run time are in the store, which stays closed.
  const trial = { ...config, host: "127.0.0.1", ports, replicator: "memory", accounts: {}, tokens: [] };
  const running = await assemble(trial, createLog("json", "silent"), () => {});
  await running.stop();
}

/** The first lines on stdout say what listens where. */
function announce(config: ServeConfig, running: Running): void {
  for (const { dialect, scheme, host, port } of running.endpoints) {
    if (config.logFormat === "json")
      process.stdout.write(`${JSON.stringify({ event: "listening", dialect, scheme, host, port })}\n`);
    else process.stdout.write(`${dialect.padEnd(12)}${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}\n`);
  }
  if (config.logFormat === "json") process.stdout.write(`${JSON.stringify({ event: "ready" })}\n`);
  else
    process.stdout.write(
      `${"data".padEnd(12)}${config.replicator === "memory" ? "in memory only" : config.data}\nready\n`,
    );
}

/** Resolves at the first signal. Repeats are ignored: at one Ctrl-C, npm and the terminal each send a signal. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve(signal));
  });
}
