/** `rollcall serve`: logs, start, signals, stop. */

import type { Logger } from "pino";
import type { Load, ServeConfig } from "./config/load.ts";
import { PORTS } from "./dialects.ts";
import { assemble, type ProcessParts, type Running } from "./house/assemble.ts";
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

/** What is done beside the registry, in the same process. */
export interface Beside {
  /** What is served from now on. */
  follow(running: Running): void;
  /** At a SIGHUP: reads its files, and says what is wrong in them. What it resolves with takes them over; undefined for a mistake. */
  prepare(): Promise<(() => Promise<void>) | undefined>;
  /** Before the registry stops. */
  close(): Promise<void>;
}

/** Runs until SIGTERM or SIGINT, and then ends the process; rejects when the start failed. `load` is for SIGHUP. */
export async function serve(
  config: ServeConfig,
  load: Load,
  openBeside?: (log: Logger) => Promise<Beside>,
): Promise<void> {
  const [out, err] = [new Lines(openDescriptor(1)), new Lines(openDescriptor(2))] as const;
  const log = createLog(config.logFormat, config.logLevel, err);
  const { logger } = log;
  const end = async (code: number): Promise<void> => {
    await Promise.all([out.close(LAST_LINES_MS), err.close(LAST_LINES_MS)]);
    process.exit(code);
  };
  catchRest(logger, end);
  const beside = await openBeside?.(logger);
  const reloads = new Reloads(load, logger, beside);
  // A signal during the start lets the start finish, then stops in order.
  const stopped = followSignals({
    stopNow(signal) {
      logger.warn({ signal }, "told again to stop; ending now");
      void end(EXIT.cut);
    },
    reload: () => reloads.ask(),
    ignored: (signal) => logger.info({ signal }, "this signal means nothing here"),
  });
  const turns = new Turns(config, {
    log,
    linesLost: () => out.lost + err.lost,
    onBroken() {
      // The library that failed is not called any more, not even to close the store; what else it rejects is known.
      process.on("unhandledRejection", () => {});
      setTimeout(() => void end(EXIT.disk), ANSWER_MS);
    },
  });
  const running = await turns.begin((next) => {
    beside?.follow(next);
    reloads.begin(next);
  });
  for (const line of announcement(config, running)) out.write(`${line}\n`);
  const signal = await stopped;
  logger.info({ signal }, "stopping");
  const overdue = setTimeout(() => {
    logger.error("the stop took too long; ending now");
    void end(EXIT.refused);
  }, STOP_MS_MAX);
  overdue.unref();
  await reloads.close();
  await beside?.close();
  await turns.close();
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

/** What is assembled, and assembled again where the order that it shows begins anew: as before, on the same ports. */
class Turns {
  readonly #config: ServeConfig;
  readonly #parts: Omit<ProcessParts, "onAnew">;
  #running: Running | undefined;
  #began: (running: Running) => void = () => {};
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(config: ServeConfig, parts: Omit<ProcessParts, "onAnew">) {
    this.#config = config;
    this.#parts = parts;
  }

  /** Rejects when the start failed. Told of this turn and all that follow. */
  async begin(began: (running: Running) => void): Promise<Running> {
    this.#began = began;
    const assembling = this.#assemble(this.#config);
    // Another turn waits for this one.
    this.#work = assembling.then(
      () => {},
      () => {},
    );
    return assembling;
  }

  async #assemble(config: ServeConfig): Promise<Running> {
    const running = await assemble(config, { ...this.#parts, onAnew: (why) => this.#again(why) });
    this.#running = running;
    this.#began(running);
    return running;
  }

  #again(why: string): void {
    this.#work = this.#work.then(async () => {
      const before = this.#running;
      if (this.#isClosed || before === undefined) return;
      this.#parts.log.logger.warn(`begins anew: ${why}`);
      this.#running = undefined;
      await before.stop();
      // Where a free port was picked it is known to clients by now.
      const ports = { ...this.#config.ports, ...portsOf(this.#config, before) };
      if (!this.#isClosed) await this.#assemble({ ...this.#config, ports });
    });
    this.#work.catch((error: unknown) => {
      // As what is not caught anywhere: it ends the process.
      setImmediate(() => {
        throw error;
      });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work.catch(() => {});
    await this.#running?.stop();
  }
}

/** The ports that were picked for those that are 0: of dialects with one, which are named by their dialect. */
function portsOf({ ports }: ServeConfig, { endpoints }: Running): Record<string, number> {
  const picked = endpoints.filter(({ dialect, scheme }) => ports[dialect] === 0 && scheme !== "udp");
  return Object.fromEntries(picked.map(({ dialect, port }) => [dialect, port]));
}

/** One reload after the other; what is asked for meanwhile is one more. */
class Reloads {
  readonly #load: Load;
  readonly #logger: Logger;
  readonly #beside: Beside | undefined;
  #running: Running | undefined;
  #asked = false;
  #closed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(load: Load, logger: Logger, beside: Beside | undefined) {
    this.#load = load;
    this.#logger = logger;
    this.#beside = beside;
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
    // Nothing is taken over unless all files are right.
    const beside = await this.#beside?.prepare();
    const loaded = this.#load();
    if (!loaded.ok) {
      this.#logger.error({ problems: loaded.problems }, "the configuration is not right; the old one stays");
      return;
    }
    if (this.#beside !== undefined && beside === undefined) return;
    const { taken, restart, problems } = await running.reload(loaded.value);
    await beside?.();
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
  const running = await assemble(trial, { log, linesLost: () => 0, onBroken() {}, onAnew() {} });
  await running.stop();
}

/** The first lines on stdout say what listens where. */
function announcement({ logFormat, replicator, data, etcd, upstream }: ServeConfig, { endpoints }: Running): string[] {
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
  if (replicator === "upstream") urls.push(`${"registry".padEnd(12)}${upstream.urls.join(", ")}`);
  return [...urls, `${"data".padEnd(12)}${places[replicator] ?? data}`, "ready"];
}
