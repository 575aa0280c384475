/** `rollcall serve`: logs, start, signals, stop. */

import type { Logger } from "pino";
import type { Load, ServeConfig } from "./config/load.ts";
import { PORTS } from "./dialects.ts";
import { assemble, type Running } from "./house/assemble.ts";
import { Lines, openDescriptor } from "./log/lines.ts";
import { createLog } from "./log/logger.ts";
import { followSignals } from "./signals.ts";
import { EXIT } from "./terminal/exit.ts";
import { toUrl } from "./terminal/output.ts";

/** How long a stop may take before the process ends itself. */
const STOP_MS_MAX = 30_000;

/** After the disk failed: for the answers that say so. */
const ANSWER_MS = 200;

/** For the last lines: a reader that is there takes them in that time. */
const LAST_LINES_MS = 200;

/** Runs until SIGTERM or SIGINT, and then ends the process; rejects when the start failed. `load` is for SIGHUP. */
export async function serve(config: ServeConfig, load: Load): Promise<void> {
  const [out, err] = [new Lines(openDescriptor(1)), new Lines(openDescriptor(2))] as const;
  const log = createLog(config.logFormat, config.logLevel, err);
  const { logger } = log;
  const end = async (code: number): Promise<void> => {
    await Promise.all([out.close(LAST_LINES_MS), err.close(LAST_LINES_MS)]);
    process.exit(code);
  };
  catchRest(logger, end);
  const reloads = new Reloads(load, logger);
  // A signal during the start lets the start finish, then stops in order.
  const stopped = followSignals({
    stopNow(signal) {
      logger.warn({ signal }, "told again to stop; ending now");
      void end(EXIT.cut);
    },
    reload: () => reloads.ask(),
    ignored: (signal) => logger.info({ signal }, "this signal means nothing here"),
  });
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
  reloads.begin(running);
  const signal = await stopped;
  logger.info({ signal }, "stopping");
  const overdue = setTimeout(() => {
    logger.error("the stop took too long; ending now");
    void end(EXIT.refused);
  }, STOP_MS_MAX);
  overdue.unref();
  await reloads.close();
  await running.stop();
  clearTimeout(overdue);
  logger.info("stopped");
  if (signal === "SIGHUP") endAsHungUp();
  await end(EXIT.ok);
}

/** Node's exit fails where it finds that a terminal is gone: it would be reported as a crash. */
function endAsHungUp(): void {
  process.removeAllListeners("SIGHUP");
  process.kill(process.pid, "SIGHUP");
}

/** Node's own words would wait for a reader of stderr. */
function catchRest(logger: Logger, end: (code: number) => Promise<void>): void {
  process.removeAllListeners("warning");
  process.on("warning", (warning) => logger.warn({ err: warning }, "a warning of the runtime"));
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "a bug ends this process");
    void end(EXIT.refused);
  });
}

/** One reload after the other; what is asked for meanwhile is one more. */
class Reloads {
  readonly #load: Load;
  readonly #logger: Logger;
  #running: Running | undefined;
  #asked = false;
  #closed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(load: Load, logger: Logger) {
    this.#load = load;
    this.#logger = logger;
  }

  begin(running: Running): void {
    this.#running = running;
    if (this.#asked) this.#enqueue(running);
  }

  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    if (this.#running !== undefined) this.#enqueue(this.#running);
  }

  /** Resolves when the reload under way is done. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#work;
  }

  #enqueue(running: Running): void {
    this.#work = this.#work
      .then(() => {
        this.#asked = false;
        return this.#closed ? undefined : this.#reload(running);
      })
      .catch((error: unknown) => this.#logger.error({ err: error }, "the reload failed"));
  }

  async #reload(running: Running): Promise<void> {
    const loaded = this.#load();
    if (!loaded.ok) {
      this.#logger.error({ problems: loaded.problems }, "the configuration is not right; the old one stays");
      return;
    }
    const { taken, restart, problems } = await running.reload(loaded.value);
    if (problems.length > 0)
      this.#logger.error({ problems }, "not all of the configuration is right; the old parts stay");
    if (restart.length > 0) this.#logger.warn({ settings: restart }, "these have changed, which takes a restart");
    this.#logger.info({ taken }, "reloaded");
  }
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
function announcement({ logFormat, replicator, data, etcd }: ServeConfig, { endpoints }: Running): string[] {
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
  const urls = endpoints.map(({ dialect, scheme, host, port }) => `${dialect.padEnd(12)}${toUrl(scheme, host, port)}`);
  const places: Readonly<Record<string, string>> = { memory: "in memory only", etcd: etcd.endpoints.join(", ") };
  return [...urls, `${"data".padEnd(12)}${places[replicator] ?? data}`, "ready"];
}
