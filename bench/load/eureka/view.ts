/** Changes at a Eureka server, and how soon they are in what clients fetch. */

import { connectHttp1, type Http1Connection } from "../clients/http1.ts";
import { connectMany } from "../fill.ts";
import type { EurekaViewJob, JobResult, ViewResult } from "../job.ts";
import { keepPace, REGISTERED } from "./churn.ts";
import { Fetcher, findInstance, isDeleted, type ViewName } from "./fetcher.ts";
import { FETCH_ALL, FETCH_DELTA, FIRST_DIRTY_MS, toCancel, toRegister } from "./instances.ts";

/** Changes under way at once. */
const LANES = 4;

interface Change {
  isNew: boolean;
  /** The status that answers it. */
  status: number;
  request: Buffer;
  isIn: Record<ViewName, (body: Buffer) => boolean>;
  sentAt: number;
  ackAt: number;
}

/** The kinds of changes use different instances, so that changes under way do not meet. */
function toChange(number: number, job: EurekaViewJob): Change {
  const times = { sentAt: 0, ackAt: Number.POSITIVE_INFINITY };
  const kind = job.mixed ? number % 3 : 0;
  if (kind === 1) {
    const mark = `change-${number}-`;
    const saying = { mark, dirtyMs: FIRST_DIRTY_MS + number };
    const isIn = (body: Buffer): boolean => body.includes(mark);
    const request = toRegister(number % job.instances, saying);
    return { isNew: false, status: REGISTERED, request, isIn: { full: isIn, delta: isIn }, ...times };
  }
  if (kind === 2) {
    const own = job.instances + number;
    const full = (body: Buffer): boolean => findInstance(body, own) === undefined;
    const delta = (body: Buffer): boolean => isDeleted(findInstance(body, own));
    return { isNew: false, status: 200, request: toCancel(own), isIn: { full, delta }, ...times };
  }
  const own = job.instances + number;
  const isIn = (body: Buffer): boolean => findInstance(body, own) !== undefined;
  return { isNew: true, status: REGISTERED, request: toRegister(own), isIn: { full: isIn, delta: isIn }, ...times };
}

/** One client's way of looking at the changes. */
class View {
  readonly #name: ViewName;
  readonly #waiting = new Set<Change>();
  #fetcher: Fetcher | undefined;
  readonly #fromAckMs: number[] = [];
  readonly #fromPostMs: number[] = [];
  #stale = 0;

  constructor(name: ViewName) {
    this.#name = name;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  async start(port: number): Promise<Fetcher> {
    const request = this.#name === "full" ? FETCH_ALL : FETCH_DELTA;
    this.#fetcher = await Fetcher.start(port, request, ({ body }, askedAt, cameAt) =>
      this.#look(body, askedAt, cameAt),
    );
    return this.#fetcher;
  }

  await(change: Change): void {
    this.#waiting.add(change);
  }

  #look(body: Buffer, askedAt: number, cameAt: number): void {
    for (const change of this.#waiting) {
      if (change.isIn[this.#name](body)) {
        this.#waiting.delete(change);
        if (change.isNew) {
          this.#fromAckMs.push(Math.max(0, cameAt - change.ackAt));
          this.#fromPostMs.push(cameAt - change.sentAt);
        }
      } else if (change.ackAt < askedAt) this.#stale++;
    }
  }

  result(): ViewResult {
    return {
      fromAckMs: this.#fromAckMs,
      fromPostMs: this.#fromPostMs,
      stale: this.#stale,
      fetches: this.#fetcher?.fetches ?? 0,
      fetchMs: this.#fetcher?.fetchMs ?? Number.NaN,
      bytes: this.#fetcher?.bytes ?? 0,
    };
  }
}

async function makeChange(line: Http1Connection, change: Change, views: readonly View[]): Promise<void> {
  change.sentAt = performance.now();
  for (const view of views) view.await(change);
  const answer = await line.ask(change.request);
  change.ackAt = performance.now();
  if (answer.status !== change.status) throw new Error(`a change was answered with ${answer.status}`);
}

/** Registers the instances that will be removed. */
async function registerLeavers(line: Http1Connection, job: EurekaViewJob): Promise<void> {
  for (let number = 2; job.mixed && number < job.changes; number += 3) {
    const answer = await line.ask(toRegister(job.instances + job.first + number));
    if (answer.status !== REGISTERED) throw new Error(`a registration was answered with ${answer.status}`);
  }
}

async function awaitAll(views: readonly View[], msMax: number): Promise<void> {
  const until = performance.now() + msMax;
  while (views.some((view) => view.waiting > 0)) {
    if (performance.now() > until) {
      const left = views.map((view) => view.waiting).join(" and ");
      throw new Error(`${left} changes were not in a full fetch and in a delta after ${msMax} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function runEurekaView(job: EurekaViewJob): Promise<JobResult> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  const lines = await connectMany(LANES, () => connectHttp1(job.port));
  await registerLeavers(lines[0] as Http1Connection, job);
  const full = new View("full");
  const delta = new View("delta");
  const views = [full, delta];
  const fetchers = [await full.start(job.port), await delta.start(job.port)];
  const free = [...lines];
  const changes = keepPace(job.changes, job.overMs, LANES, async (number) => {
    const line = free.pop() as Http1Connection;
    await makeChange(line, toChange(job.first + number, job), views);
    free.push(line);
  }).then(() => awaitAll(views, job.seenMsMax));
  // A client that ends has failed, and nothing more will be seen.
  await Promise.race([changes, ...fetchers.map((fetcher) => fetcher.done)]);
  await Promise.all(fetchers.map((fetcher) => fetcher.stop()));
  for (const line of lines) line.close();
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  const loadCores = (used.user + used.system) / 1e6 / seconds;
  const eurekaViews = { full: full.result(), delta: delta.result() };
  return { count: job.changes, errors: 0, seconds, loadCores, eurekaViews };
}
