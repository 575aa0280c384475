/** @live Questions to another Consul. */
import { HostClient, Unreached } from "../../../../../net/hosts/client.ts";
import { decodeJson, type Json } from "../../../../../net/routes/json.ts";
import type { MirrorSettings } from "../../../settings.ts";

/** Consul lets one address have 200 unless configured otherwise. */
export const CONNECTIONS = 64;
/** The longest time, in ms, that one of its answers is waited for. */
export const WAIT_MS = 60_000;
const SLACK_MS = 20_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const VALUES_MAX = 5_000_000;

/** It takes up to a sixteenth more time than it is asked for. */
const WAITS = { connect: 5000, read: WAIT_MS * (17 / 16) + SLACK_MS, whole: WAIT_MS * (17 / 16) + 2 * SLACK_MS };

export interface Told {
  /** Of the answer: greater once there is something new. */
  readonly index: number;
  readonly body: Json;
}

export class Source {
  readonly #client: HostClient;
  readonly #datacenter: string | undefined;

  constructor({ url, token, datacenter }: MirrorSettings) {
    const headers = token === undefined ? {} : { "X-Consul-Token": token };
    // One more for the list of services.
    this.#client = new HostClient({ url, headers, waits: WAITS, connections: CONNECTIONS + 2 });
    this.#datacenter = datacenter;
  }

  /** An answer at once for index 0, else when there is something newer, or after that time. Rejects with `Unreached`. */
  async ask(path: string, index: number, waitMs: number, signal: AbortSignal): Promise<Told> {
    const query = new URLSearchParams({ index: String(index), wait: `${Math.round(waitMs)}ms` });
    if (this.#datacenter !== undefined) query.set("dc", this.#datacenter);
    const answer = await this.#client.ask({
      method: "GET",
      path: `v1/${path}?${query}`,
      answerBytesMax: ANSWER_BYTES_MAX,
      signal,
    });
    const { status, body, headers } = answer;
    if (status !== 200) throw new Unreached(`it answers ${status}: ${body.toString("utf8", 0, 200)}`, false);
    const decoded = decodeJson(body, VALUES_MAX);
    if (!decoded.ok) throw new Unreached(`its answer cannot be read: ${decoded.detail}`, false);
    const next = Number(headers["x-consul-index"]);
    if (!(next >= 1)) throw new Unreached("it says no index: is it Consul?", false);
    if (next < index) throw new Unreached("its index went back: it has begun anew", false);
    return { index: next, body: decoded.value };
  }

  close(): void {
    this.#client.close();
  }
}
