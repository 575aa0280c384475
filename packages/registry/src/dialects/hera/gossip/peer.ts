/** @live One other node: it is asked for news again and again, and nothing that it does holds up the others. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { HostClient, Unreached } from "../../../net/hosts/client.ts";
import type { Settings } from "../settings.ts";
import { readTold, type Told, writeCursors } from "../wire/deltas.ts";
import type { Ledger } from "./ledger.ts";

/** An original node tells every heartbeat of the last minutes to one that has just started. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const WAITS = { connect: 2000, read: 5000, whole: 30_000 };

export const POLLS = ["told", "refused", "unreached"] as const;
export type Polled = (typeof POLLS)[number];

export interface PeerParts {
  readonly name: string;
  readonly settings: Settings;
  readonly ledger: Ledger;
  readonly log: Logger;
  take(told: Told): Promise<void>;
  count(polled: Polled): void;
}

export class Peer {
  readonly #parts: PeerParts;
  readonly #client: HostClient;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #state: Polled | undefined;
  /**
   * What it knows of this node is asked for once, from this stamp on: from an earlier life there may be more than here.
   * Undefined when all of it is known.
   */
  #ownAfterMs: number | undefined = 0;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    const { tls, token, others } = parts.settings;
    const { host = "", port = 0 } = others.get(parts.name) ?? {};
    this.#client = new HostClient({
      url: `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}/`,
      ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
      waits: WAITS,
    });
    this.#done = this.#work();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
    this.#client.close();
  }

  async #work(): Promise<void> {
    const { settings, name, log } = this.#parts;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const more = await this.#poll().catch((error: unknown) => {
        log.error({ err: error, node: name }, "asking another node of hera failed");
        return false;
      });
      if (!more) await sleep(settings.gossipMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Whether there is more to be asked for at once. */
  async #poll(): Promise<boolean> {
    const { ledger, take } = this.#parts;
    const cursors = new Map(Array.from(ledger.nodes, (node) => [node, ledger.lastOf(node)]));
    if (this.#ownAfterMs === undefined) cursors.delete(ledger.own);
    else cursors.set(ledger.own, this.#ownAfterMs);
    const path = `_deltas?${writeCursors(cursors)}`;
    try {
      const ask = { method: "GET", path, answerBytesMax: ANSWER_BYTES_MAX, signal: this.#abort.signal } as const;
      const { status, body } = await this.#client.ask(ask);
      if (status !== 200) return this.#heard("refused", `it answers ${status}`);
      const told = readTold(body.toString("utf8"), (node) => cursors.has(node));
      if (!told.ok) return this.#heard("refused", `its answer is no list of deltas: ${told.detail}`);
      await take(told.value);
      const { deltas, more } = told.value;
      const own = (deltas.get(ledger.own) ?? []).map(({ stampMs }) => stampMs);
      this.#ownAfterMs = more && own.length > 0 ? own.reduce((a, b) => Math.max(a, b)) : undefined;
      this.#heard("told");
      return more;
    } catch (error) {
      if (!(error instanceof Unreached)) throw error;
      return this.#abort.signal.aborted ? false : this.#heard("unreached", error.message);
    }
  }

  #heard(state: Polled, why = ""): false {
    const { name, log, count } = this.#parts;
    const before = this.#state;
    this.#state = state;
    count(state);
    if (state === before) return false;
    if (state !== "told") log.warn({ node: name, why }, `node ${name} of hera tells nothing: ${why}`);
    else log.info({ node: name }, before === undefined ? `node ${name} of hera is reached` : `node ${name} is back`);
    return false;
  }
}
