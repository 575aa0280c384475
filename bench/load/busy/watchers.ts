/** Many watchers, each on a connection of its own, while changes come at a steady rate. */
import { runJob } from "../../generators/driver.ts";
import { connectHttp1, toRequest } from "../clients/http1.ts";
import { connectHttp2 } from "../clients/http2.ts";
import { METHODS, toWatchCreate } from "../clients/protobuf.ts";
import type { BusyJob, JobResult } from "../job.ts";
import { EventScanner, nowMs, PREFIX, Track, takeWatch } from "./events.ts";

/** How long the last watcher may take after the last change. */
const END_MS_MAX = 20_000;

interface Seat {
  track: Track;
  close(): void;
}

function takeSeat(job: BusyJob): Promise<Seat> {
  return job.kind === "etcd-busy" ? takeEtcdSeat(job) : takeRollcallSeat(job);
}

async function takeRollcallSeat({ port }: BusyJob): Promise<Seat> {
  const track = new Track();
  const line = await connectHttp1(port);
  await new Promise<void>((resolve, reject) => {
    const scanner = new EventScanner(track, resolve);
    line.onLost = reject;
    line.follow(
      toRequest("GET", `/v2/default/watch?prefix=${encodeURIComponent(PREFIX)}`, undefined, {
        type: "text/event-stream",
      }),
      (status) => {
        if (status !== 200) reject(new Error(`watch was answered with ${status}`));
      },
      (piece) => scanner.take(piece),
    );
  });
  return { track, close: () => line.close() };
}

async function takeEtcdSeat({ port }: BusyJob): Promise<Seat> {
  const track = new Track();
  const line = await connectHttp2(port);
  await new Promise<void>((resolve, reject) => {
    line.onLost = reject;
    line.open(
      METHODS.watch,
      toWatchCreate(PREFIX),
      (message) => {
        if (takeWatch(message, track)) resolve();
      },
      () => reject(new Error("a watch ended")),
    );
  });
  return { track, close: () => line.close() };
}

async function awaitEnd(tracks: readonly Track[], writes: number): Promise<void> {
  const untilMs = nowMs() + END_MS_MAX;
  while (nowMs() < untilMs && tracks.some(({ count }) => count < writes))
    await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The changes come from a process of their own, so that they are not held up by what the watchers get. */
export async function runBusy(job: BusyJob): Promise<JobResult> {
  const seats: Seat[] = [];
  while (seats.length < job.watchers) seats.push(await takeSeat(job));
  const tracks = seats.map(({ track }) => track);
  const kind = job.kind === "etcd-busy" ? "etcd-pace" : "rollcall-pace";
  const cpu = process.cpuUsage();
  const from = performance.now();
  const { pace, ...counted } = await runJob({ ...job, kind }, job.warmMs + job.measureMs + END_MS_MAX);
  if (pace === undefined) throw new Error("nothing is known of the changes");
  await awaitEnd(tracks, pace.writes);
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  for (const seat of seats) seat.close();
  const busy = {
    ...pace,
    lagMsMax: Math.max(...tracks.map(({ lagMsMax }) => lagMsMax)),
    complete: tracks.filter(({ count, faults }) => count === pace.writes && faults === 0).length,
  };
  return { ...counted, loadCores: (used.user + used.system) / 1e6 / seconds, busy };
}
