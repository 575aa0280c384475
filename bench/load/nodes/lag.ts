/** How much later a change is seen at another node: one process has a watcher at both, so one clock tells. */
import { connectHttp1, EventReader, type Http1Connection, toRequest } from "../clients/http1.ts";
import type { JobResult, LagJob } from "../job.ts";

const PATH = "/v2/default/watch?prefix=lag/";
const CHANGE = /"after":\{"key":"lag\/x","value":"(\d+)"/;
const SEEN_MS_MAX = 30_000;

export interface Watch {
  readonly line: Http1Connection;
  /** When the change of this number came, in ms of `performance.now()`. */
  seen(number: number): Promise<number>;
}

/** Follows what is told at this path; the first group of the pattern is the number of a change. */
export async function watch(port: number, path = PATH, pattern = CHANGE): Promise<Watch> {
  const line = await connectHttp1(port);
  const came = new Map<number, number>();
  const waiting = new Map<number, (atMs: number) => void>();
  await new Promise<void>((resolve, reject) => {
    const events = new EventReader();
    line.onLost = reject;
    line.follow(
      toRequest("GET", path, undefined, { type: "text/event-stream" }),
      (status) => (status === 200 ? resolve() : reject(new Error(`the watch was refused: ${status}`))),
      (piece) =>
        events.take(piece, (event) => {
          const atMs = performance.now();
          const number = Number(pattern.exec(event.toString())?.[1] ?? Number.NaN);
          if (Number.isNaN(number)) return;
          came.set(number, atMs);
          waiting.get(number)?.(atMs);
        }),
    );
  });
  const seen = (number: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const atMs = came.get(number);
      if (atMs !== undefined) return resolve(atMs);
      const timer = setTimeout(() => reject(new Error(`change ${number} was not seen`)), SEEN_MS_MAX);
      waiting.set(number, (cameMs) => {
        clearTimeout(timer);
        resolve(cameMs);
      });
    });
  return { line, seen };
}

export async function runLag(job: LagJob): Promise<JobResult> {
  const here = await watch(job.port);
  const there = await watch(job.otherPort);
  const writer = await connectHttp1(job.port);
  const lag = { sentToThereMs: [] as number[], hereToThereMs: [] as number[] };
  const from = performance.now();
  for (let number = 0; number < job.changes; number++) {
    const sentMs = performance.now();
    const answered = writer.ask(toRequest("PUT", "/v2/default/config/lag/x", String(number)));
    const [hereMs, thereMs] = await Promise.all([here.seen(number), there.seen(number)]);
    const { status } = await answered;
    if (status >= 300) throw new Error(`a change was refused: ${status}`);
    lag.sentToThereMs.push(thereMs - sentMs);
    lag.hereToThereMs.push(thereMs - hereMs);
    await new Promise((resolve) => setTimeout(resolve, job.pauseMs));
  }
  for (const { line } of [here, there]) line.close();
  writer.close();
  return { count: job.changes, errors: 0, seconds: (performance.now() - from) / 1000, loadCores: 0, lag };
}
