/** Closed loops against etcd: every loop has one request under way, always. */
import { connectHttp2, type Http2Connection } from "./clients/http2.ts";
import { hasSucceeded, isAlive, METHODS, toCreate, toGrant, toKeepAlive, toPut, toRange } from "./clients/protobuf.ts";
import { type JobResult, type StormJob, toLeaseId } from "./job.ts";

const TTL_SECONDS = 3600;
/** Leases that the keep-alives go round. */
const LEASES = 1024;

/** Counts requests that finish after the warm-up. */
export class Meter {
  count = 0;
  errors = 0;
  counting = false;
  stopped = false;

  done(ok: boolean): void {
    if (!this.counting) return;
    if (ok) this.count++;
    else this.errors++;
  }
}

type Loop = (connection: Http2Connection, index: number, meter: Meter, job: StormJob) => void;

function grant(connection: Http2Connection, lease: bigint): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.call(METHODS.grant, toGrant(lease, TTL_SECONDS), (answer) =>
      answer === null ? reject(new Error("the peer refused a lease")) : resolve(),
    );
  });
}

/** A stream that stays open; each message renews the next of this loop's leases. */
function loopKeepAlive(connection: Http2Connection, index: number, meter: Meter, job: StormJob): void {
  const messages: Buffer[] = [];
  for (let number = index; number < LEASES; number += job.connections * job.streams)
    messages.push(toKeepAlive(toLeaseId(job.salt, number)));
  let turn = 0;
  const next = (): Buffer => messages[turn++ % messages.length] as Buffer;
  const stream = connection.open(
    METHODS.keepAlive,
    next(),
    (answer) => {
      meter.done(isAlive(answer));
      if (!meter.stopped) stream.send(next());
    },
    () => {
      meter.errors++;
    },
  );
}

function loopPut(connection: Http2Connection, index: number, meter: Meter, job: StormJob): void {
  const value = "v".repeat(job.valueBytes);
  let turn = 0;
  const step = (): void => {
    const message = toPut(`/bench/${job.salt}/${index}/${turn++}`, value);
    connection.call(METHODS.put, message, (answer) => {
      meter.done(answer !== null);
      if (!meter.stopped) step();
    });
  };
  step();
}

/** A key that is put if there is none; there never is. */
function loopTxn(connection: Http2Connection, index: number, meter: Meter, job: StormJob): void {
  const value = "v".repeat(job.valueBytes);
  let turn = 0;
  const step = (): void => {
    connection.call(METHODS.txn, toCreate(`/bench/${job.salt}/${index}/${turn++}`, value), (answer) => {
      meter.done(answer !== null && hasSucceeded(answer));
      if (!meter.stopped) step();
    });
  };
  step();
}

/** A registration in etcd's terms: a lease, then a key that hangs on it. Counted once for both. */
function loopGrantPut(connection: Http2Connection, index: number, meter: Meter, job: StormJob): void {
  const value = "v".repeat(job.valueBytes);
  let turn = 0;
  const step = (): void => {
    const number = turn++;
    const lease = toLeaseId(job.salt, number * job.connections * job.streams + index);
    connection.call(METHODS.grant, toGrant(lease, TTL_SECONDS), (granted) => {
      connection.call(METHODS.put, toPut(`/bench/${job.salt}/${index}/${number}`, value, lease), (answer) => {
        meter.done(granted !== null && answer !== null);
        if (!meter.stopped) step();
      });
    });
  };
  step();
}

function loopRange(connection: Http2Connection, _index: number, meter: Meter): void {
  const message = toRange("/services/bench-0000/", true);
  const step = (): void => {
    connection.call(METHODS.range, message, (answer) => {
      meter.done(answer !== null && answer.length > 1000);
      if (!meter.stopped) step();
    });
  };
  step();
}

const LOOPS: Record<StormJob["kind"], Loop> = {
  "etcd-keepalive": loopKeepAlive,
  "etcd-put": loopPut,
  "etcd-txn": loopTxn,
  "etcd-grant-put": loopGrantPut,
  "etcd-range": loopRange,
};

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs a closed loop on every connection and counts what finishes after the warm-up. */
export async function runStorm(job: StormJob): Promise<JobResult> {
  const meter = new Meter();
  const connections: Http2Connection[] = [];
  for (let index = 0; index < job.connections; index++) connections.push(await connectHttp2(job.port));
  if (job.kind === "etcd-keepalive")
    await Promise.all(
      connections.map(async (connection, index) => {
        for (let number = index; number < LEASES; number += job.connections)
          await grant(connection, toLeaseId(job.salt, number));
      }),
    );
  let lost: Error | undefined;
  for (const connection of connections)
    connection.onLost = (error) => {
      lost ??= error;
    };
  for (let loop = 0; loop < job.connections * job.streams; loop++)
    LOOPS[job.kind](connections[loop % job.connections] as Http2Connection, loop, meter, job);
  const result = await measure(meter, job);
  for (const connection of connections) connection.close();
  if (lost !== undefined) throw lost;
  return result;
}

/** Warms up, counts, and has the loops stop. */
export async function measure(
  meter: Meter,
  { warmMs, measureMs }: Pick<StormJob, "warmMs" | "measureMs">,
): Promise<JobResult> {
  await sleep(warmMs);
  const cpu = process.cpuUsage();
  const from = performance.now();
  meter.counting = true;
  await sleep(measureMs);
  meter.counting = false;
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  meter.stopped = true;
  const loadCores = (used.user + used.system) / 1e6 / seconds;
  return { count: meter.count, errors: meter.errors, seconds, loadCores };
}
