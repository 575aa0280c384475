/** Who asked for what, and who did what: lines that are written whatever the level of the log, unless it is silent. */
import type { Logger } from "pino";
import type { RequestLine, RequestLog } from "../../net/log.ts";
import type { Act } from "../../net/routes/audit.ts";

const ASKED_LENGTH_MAX = 300;

export class Journal implements RequestLog {
  readonly #logger: Logger;
  /** The share of requests that get a line, 0 to 1. */
  share: number;

  constructor(logger: Logger, share: number) {
    this.#logger = logger;
    this.share = share;
  }

  picks(): boolean {
    return this.share > 0 && (this.share >= 1 || Math.random() < this.share);
  }

  write({ dialect, account, who, from, asked, outcome, ms }: RequestLine): void {
    const known = { ...(account !== "" && { account }), ...(who !== "" && { who }) };
    const rounded = Math.round(ms * 1000) / 1000;
    this.#logger.info(
      { dialect, ...known, from, asked: asked.slice(0, ASKED_LENGTH_MAX), outcome, ms: rounded },
      "request",
    );
  }

  audit({ deed, principal, from, account, on, outcome, detail }: Act): void {
    const who = principal === undefined ? {} : { who: principal.name, role: principal.role };
    const about = { ...(account !== "" && { account }), on, outcome, ...(detail !== undefined && { detail }) };
    this.#logger[outcome === "done" ? "info" : "warn"]({ deed, ...who, from, ...about }, "audit");
  }
}
