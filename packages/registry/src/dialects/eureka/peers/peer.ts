/** @live One other server: what waits for it, and the one batch that is on its way. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Clock } from "../../../core/index.ts";
import { HostClient, Unreached } from "../../../net/hosts/client.ts";
import type { PeerStatus } from "../desk.ts";
import { readBatchAnswer, writeBatch } from "../wire/batch.ts";
import type { InstanceInfo, PeerResult } from "../wire/messages.ts";
import { type News, showUrl } from "./news.ts";
import { type Batch, Queue, type Sent, type Show } from "./queue.ts";

const PATH = "peerreplication/batch/";
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Together with the time for which commits wait (peers.ts), the original's 500 ms. */
const GATHER_MS = 400;
const BACK_OFF_MS = 1000;
const BACK_OFF_MS_MAX = 5000;

export interface PeerParts {
  readonly url: string;
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly show: Show;
  /** A copy that the peer holds to be newer than ours. */
  adopt(service: string, id: string, info: InstanceInfo): Promise<void>;
  /** It answers again after a time without. */
  onBack(peer: Peer): void;
}

/** How the latest batch ended. */
type Ended = "told" | "busy" | "away" | "refused";

export class Peer {
  readonly client: HostClient;
  readonly #parts: PeerParts;
  readonly #shown: string;
  readonly #queue = new Queue();
  readonly #abort = new AbortController();
  #state: "unknown" | "reachable" | "away" | "refused" = "unknown";
  #overflowed = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    this.#shown = showUrl(parts.url);
    this.client = new HostClient({ url: parts.url, headers: headersOf(parts.identity) });
  }

  get status(): PeerStatus {
    return { url: this.#shown, reachable: this.#state === "reachable", waiting: this.#queue.size };
  }

  add(news: News): void {
    this.#wake(this.#queue.add(news));
  }

  beat(service: string, id: string, untilMs: number): void {
    this.#wake(this.#queue.beat(service, id, untilMs));
  }

  /** How a request to it went; told by those who ask it something else than here, too. */
  heard(state: "reachable" | "away" | "refused", why = ""): void {
    const before = this.#state;
    this.#state = state;
    if (state === before) return;
    const { log } = this.#parts;
    const peer = this.#shown;
    if (state === "away")
      log.warn({ peer, why }, `peer ${peer} is out of reach (${why}): what it must know waits for it`);
    else if (state === "refused") log.warn({ peer, why }, `peer ${peer} refuses what it is told: ${why}`);
    else if (before === "unknown") log.info({ peer }, `peer ${peer} is reached`);
    else log.info({ peer }, `peer ${peer} is reached again`);
    if (state === "reachable" && before !== "unknown") this.#parts.onBack(this);
  }

  /** Sends what waits if the peer is reachable, within the time of grace. */
  async close(graceMs: number): Promise<void> {
    const late = setTimeout(() => this.#abort.abort(), graceMs);
    clearTimeout(this.#timer);
    if (this.#state !== "reachable") this.#abort.abort();
    else if (this.#running === undefined) this.#run();
    await this.#running;
    this.#abort.abort();
    clearTimeout(late);
    clearTimeout(this.#timer);
    this.client.close();
  }

  #wake(fits: boolean): void {
    if (!fits && !this.#overflowed) {
      this.#overflowed = true;
      this.#parts.log.warn(`too much waits for peer ${this.#shown}: more is not kept, heartbeats will set it right`);
    }
    if (this.#running !== undefined || this.#abort.signal.aborted) return;
    if (this.#queue.isFullBatch) {
      clearTimeout(this.#timer);
      this.#run();
    } else if (this.#timer === undefined) this.#timer = setTimeout(() => this.#run(), GATHER_MS);
  }

  #run(): void {
    this.#timer = undefined;
    this.#running = this.#work()
      .catch((error: unknown) => this.#parts.log.error({ err: error, peer: this.#shown }, "telling a peer failed"))
      .finally(() => {
        this.#running = undefined;
        if (this.#queue.size > 0) this.#wake(true);
      });
  }

  /** One batch after the other, so that two words about one instance never overtake each other. */
  async #work(): Promise<void> {
    const { signal } = this.#abort;
    let pauseMs = BACK_OFF_MS;
    while (!signal.aborted) {
      const batch = this.#queue.take(this.#parts.show, this.#parts.clock.monotonic());
      if (batch === undefined) break;
      const ended = await this.#send(batch);
      if (ended === "told") {
        pauseMs = BACK_OFF_MS;
        continue;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (ended !== "busy") pauseMs = Math.min(pauseMs * 2, BACK_OFF_MS_MAX);
    }
    if (this.#queue.size === 0) this.#overflowed = false;
  }

  async #send(batch: Batch): Promise<Ended> {
    try {
      const body = writeBatch(batch.sent.map(({ task }) => task));
      const { status, body: answer } = await this.client.ask({
        method: "POST",
        path: PATH,
        body,
        answerBytesMax: ANSWER_BYTES_MAX,
        signal: this.#abort.signal,
      });
      if (status === 503) {
        batch.giveBack();
        return "busy";
      }
      if (status < 200 || status > 299) return this.#refused(batch, status);
      this.heard("reachable");
      return await this.#judge(batch, answer);
    } catch (error) {
      if (!(error instanceof Unreached)) throw error;
      batch.giveBack();
      if (!this.#abort.signal.aborted) this.heard("away", error.message);
      return error.isLate ? "busy" : "away";
    }
  }

  /** It may take the batch later, with other credentials; but not one that it answers with 400 or 500. */
  #refused(batch: Batch, status: number): Ended {
    if (status !== 400 && status !== 500) batch.giveBack();
    this.heard("refused", `it answers ${status}`);
    return "refused";
  }

  async #judge(batch: Batch, answer: Buffer): Promise<Ended> {
    const read = readBatchAnswer(answer);
    if (!read.ok || read.value.length !== batch.sent.length) {
      const why = read.ok ? `${read.value.length} results to ${batch.sent.length} lines` : read.detail;
      this.heard("refused", `its answer is not one to a batch: ${why}`);
      return "refused";
    }
    let isBusy = false;
    for (const [index, sent] of batch.sent.entries()) {
      const result = read.value[index] as PeerResult;
      if (result.statusCode >= 200 && result.statusCode <= 299) continue;
      if (result.statusCode === 503) isBusy = true;
      await this.#amend(sent, result);
    }
    return isBusy ? "busy" : "told";
  }

  async #amend(sent: Sent, { statusCode, responseEntity }: PeerResult): Promise<void> {
    const { service, id } = sent;
    const { action } = sent.task;
    if (statusCode === 404 && action !== "Cancel" && action !== "Register") {
      // It does not know the instance, or has an older copy.
      this.#queue.add({ kind: "register", service, id });
      if (action !== "Heartbeat") this.#queue.add({ kind: "override", service, id });
    } else if (statusCode === 409 && responseEntity !== undefined) await this.#parts.adopt(service, id, responseEntity);
    else if (statusCode === 503) this.#again(sent);
    else if (action !== "Cancel")
      this.#parts.log.debug({ peer: this.#shown, action, service, id, statusCode }, "a peer refused a line");
  }

  #again({ task, service, id, cancelledMs }: Sent): void {
    if (task.action === "Register") this.#queue.add({ kind: "register", service, id });
    else if (task.action === "Cancel") this.#queue.add({ kind: "cancel", service, id, dirtyMs: cancelledMs });
    else if (task.action === "Heartbeat")
      this.#queue.beat(service, id, this.#parts.clock.monotonic() + BACK_OFF_MS * 3);
    else this.#queue.add({ kind: "override", service, id });
  }
}

/** What servers of Eureka send one another. */
function headersOf(identity: string): Readonly<Record<string, string>> {
  return {
    "DiscoveryIdentity-Name": "DefaultServer",
    "DiscoveryIdentity-Version": "1.0",
    "DiscoveryIdentity-Id": identity,
    "X-Eureka-Accept": "full",
  };
}
