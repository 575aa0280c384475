/** One change, many watchers: the time from sending the change until the last watcher has all of it. */

import { Arrivals, type Audience } from "./clients/arrivals.ts";
import { connectHttp1, EventReader, type Http1Connection, toRequest } from "./clients/http1.ts";
import { connectHttp2, type Http2Connection } from "./clients/http2.ts";
import { fromWatch, METHODS, toPut, toWatchCreate } from "./clients/protobuf.ts";
import { seatConsul } from "./consul/wake.ts";
import { seatProxyless, seatWatchers } from "./grpc/audiences.ts";
import type { FanoutJob, JobResult } from "./job.ts";

const PREFIX = "/services/fanout/";
const SERVICE = "fanout";
const PAUSE_MS = 20;
/** Who polls has to be back before the next change. */
const POLLS_PAUSE_MS = 400;

/** Events are counted by watch: every response with events is one watcher's. */
async function seatEtcd(job: FanoutJob): Promise<Audience> {
  const arrivals = new Arrivals();
  const created = arrivals.await(job.watchers, "watch");
  const create = toWatchCreate(PREFIX);
  const lines: Http2Connection[] = [];
  for (let index = 0; index < job.connections; index++) lines.push(await connectHttp2(job.port));
  for (let stream = 0; stream * job.watchesPerStream < job.watchers; stream++) {
    const line = lines[stream % lines.length] as Http2Connection;
    const opened = line.open(
      METHODS.watch,
      create,
      (message) => {
        const seen = fromWatch(message);
        if (seen.created || seen.events > 0) arrivals.arrive(1);
      },
      () => {},
    );
    for (let watch = 1; watch < job.watchesPerStream; watch++) opened.send(create);
  }
  await created;
  const writer = await connectHttp2(job.port);
  const value = "v".repeat(250);
  return {
    arrivals,
    change: (number) => writer.call(METHODS.put, toPut(`${PREFIX}i-1`, `${number} ${value}`), () => {}),
    close: () => {
      for (const line of [writer, ...lines]) line.close();
    },
  };
}

/** The subscriptions that an SSE event is for: on a multiplexed stream its data names them. */
function countSubscriptions(event: Buffer, multiplexed: boolean): number {
  if (!multiplexed) return 1;
  const lines = event.toString("utf8").split("\n");
  const data = lines.find((line) => line.startsWith("data:"));
  const body: unknown = data === undefined ? undefined : JSON.parse(data.slice(5));
  if (typeof body !== "object" || body === null || !("subscriptions" in body)) return 0;
  return Array.isArray(body.subscriptions) ? body.subscriptions.length : 0;
}

/** The change sets `meta.note` to its number, so an event of an earlier change is never taken for this one. */
async function seatRollcall(job: FanoutJob): Promise<Audience> {
  const arrivals = new Arrivals();
  const multiplexed = job.watchesPerStream > 1;
  const body = (number: number): string =>
    JSON.stringify({ address: "10.0.0.1", port: 8080, meta: { note: `change-${number}.` }, ttl: "1h" });
  const path = `/v2/default/services/${SERVICE}/instances/i-1`;
  const writer = await connectHttp1(job.port);
  await writer.ask(toRequest("PUT", path, body(-1)));
  let expected = "change-none.";
  const ready = arrivals.await(job.connections, "watch");
  const lines: Http1Connection[] = [];
  for (let index = 0; index < job.connections; index++) {
    const line = await connectHttp1(job.port);
    lines.push(line);
    const reader = new EventReader();
    const request = multiplexed
      ? toRequest("POST", "/v2/default/watch", JSON.stringify(toWatchBody(job)), { type: "text/event-stream" })
      : toRequest("GET", `/v2/default/watch?service=${SERVICE}`, undefined, { type: "text/event-stream" });
    line.follow(
      request,
      (status) => {
        if (status !== 200) throw new Error(`watch was answered with ${status}`);
      },
      (piece) =>
        reader.take(piece, (event) => {
          if (event.includes("event: ready")) arrivals.arrive(1);
          else if (event.includes(expected)) arrivals.arrive(countSubscriptions(event, multiplexed));
        }),
    );
  }
  await ready;
  return {
    arrivals,
    change: (number) => {
      expected = `change-${number}.`;
      writer.call(toRequest("PUT", path, body(number)), (answer) => {
        if (answer.status >= 300) throw new Error(`the change was answered with ${answer.status}`);
      });
    },
    close: () => {
      for (const line of [writer, ...lines]) line.close();
    },
  };
}

function toWatchBody(job: FanoutJob): { subscriptions: Array<{ id: string; service: string }> } {
  const subscriptions = Array.from({ length: job.watchesPerStream }, (_, n) => ({ id: `s${n}`, service: SERVICE }));
  return { subscriptions };
}

function seat(job: FanoutJob): Promise<Audience> {
  switch (job.kind) {
    case "consul-fanout":
      return seatConsul(job);
    case "etcd-fanout":
      return seatEtcd(job);
    case "grpc-fanout":
      return seatWatchers(job);
    case "grpc-eds":
      return seatProxyless(job);
    case "rollcall-fanout":
      return seatRollcall(job);
  }
}

export async function runFanout(job: FanoutJob): Promise<JobResult> {
  const audience = await seat(job);
  const pauseMs = job.kind === "consul-fanout" ? POLLS_PAUSE_MS : PAUSE_MS;
  const lagsMs: number[] = [];
  const warm = Math.ceil(job.changes / 3);
  const cpu = process.cpuUsage();
  const from = performance.now();
  for (let number = 0; number < warm + job.changes; number++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const arrived = audience.arrivals.await(job.watchers, `change ${number}`);
    const sent = performance.now();
    audience.change(number);
    await arrived;
    if (number >= warm) lagsMs.push(performance.now() - sent);
  }
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  audience.close();
  const loadCores = (used.user + used.system) / 1e6 / seconds;
  return { count: job.changes, errors: audience.arrivals.stray, seconds, loadCores, lagsMs };
}
