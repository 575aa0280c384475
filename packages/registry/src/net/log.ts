/** @live What listeners log, and how often. */

/** The part of a logger that listeners use. */
export interface ListenerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A line of the log of requests: one for each that is picked, when it is over. */
export interface RequestLine {
  readonly dialect: string;
  /** Empty where no account was entered. */
  readonly account: string;
  /** The name of who asked; empty where that is not known. */
  readonly who: string;
  /** The client's address. */
  readonly from: string;
  /** Method and path, or type and name: never what may hold a secret, as a query may. */
  readonly asked: string;
  /** A status of HTTP, or a code of the protocol by its name. */
  readonly outcome: number | string;
  /** From its first byte to its end; of a stream, how long it was open. */
  readonly ms: number;
}

export interface RequestLog {
  /** Whether the request at hand gets a line. Costs nothing while none does. */
  picks(): boolean;
  write(line: RequestLine): void;
}

const WINDOW_MS = 60_000;
const LINES_MAX = 20;

/**
 * Warns of what clients can cause as often as they like: of the same one of each address once a minute, and of no more
 * than 20 in all. A later line has the number of those that were not told.
 */
export class SeldomLog {
  readonly #log: Pick<ListenerLog, "warn">;
  readonly #told = new Set<string>();
  #untold = 0;
  #untilMs = 0;

  constructor(log: Pick<ListenerLog, "warn">) {
    this.#log = log;
  }

  warn(address: string | undefined, message: string, fields: object = {}): void {
    const nowMs = performance.now();
    if (nowMs >= this.#untilMs) {
      this.#told.clear();
      this.#untilMs = nowMs + WINDOW_MS;
    }
    const what = `${address} ${message}`;
    if (this.#told.size >= LINES_MAX || this.#told.has(what)) {
      this.#untold += 1;
      return;
    }
    this.#told.add(what);
    const untold = this.#untold === 0 ? {} : { untold: this.#untold };
    this.#untold = 0;
    this.#log.warn({ address, ...fields, ...untold }, message);
  }
}
