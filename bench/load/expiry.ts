/** Many leases that end by themselves at about the same time, and a watcher of their keys that sees when. */
import { connectHttp2, type Http2Connection } from "./clients/http2.ts";
import { METHODS, readFields, toGrant, toPut, toWatchCreate } from "./clients/protobuf.ts";
import type { ExpiryJob } from "./expiry-job.ts";
import { connectMany, runSteps } from "./fill.ts";
import { type JobResult, toLeaseId } from "./job.ts";

const PREFIX = "/expiry/";
/** A second more or less is a matter of how a TTL is counted. */
const EARLY_MS = 1000;

/** When each key was gone, by its number. */
class Ends {
  readonly atMs: Float64Array;
  #left: number;
  #all: () => void = () => {};
  readonly over = new Promise<void>((resolve) => {
    this.#all = resolve;
  });

  constructor(count: number) {
    this.atMs = new Float64Array(count);
    this.#left = count;
  }

  get left(): number {
    return this.#left;
  }

  /** Of a WatchResponse: the keys that its events delete. */
  take(message: Buffer): void {
    const now = performance.now();
    readFields(message, (number, event) => {
      if (number !== 11 || !Buffer.isBuffer(event)) return;
      let [isDelete, key] = [false, ""];
      readFields(event, (field, value) => {
        if (field === 1) isDelete = value === 1;
        if (field === 2 && Buffer.isBuffer(value))
          readFields(value, (inner, bytes) => {
            if (inner === 1 && Buffer.isBuffer(bytes)) key = bytes.toString("latin1");
          });
      });
      if (!isDelete) return;
      this.atMs[Number(key.slice(PREFIX.length))] = now;
      this.#left -= 1;
      if (this.#left === 0) this.#all();
    });
  }
}

async function watch(port: number, ends: Ends): Promise<Http2Connection> {
  const line = await connectHttp2(port);
  await new Promise<void>((resolve) => {
    line.open(
      METHODS.watch,
      toWatchCreate(PREFIX),
      (message) => {
        resolve();
        ends.take(message);
      },
      () => {},
    );
  });
  return line;
}

/** One of so many is granted beforehand, to see how long all of them take. */
const TRIAL = 20;
const TRIAL_TTL_S = 3600;
/** A machine that others use has slower moments. */
const SPARE = 1.4;

/** How long it takes to grant them all, with some time to spare. */
async function findLead({ port, connections, count, leadS }: ExpiryJob): Promise<number> {
  const lines = await connectMany(connections, () => connectHttp2(port));
  const tried = await runSteps<Http2Connection>(lines, Math.ceil(count / TRIAL), (line, number, done) => {
    const lease = toLeaseId("expiry-trial", number);
    line.call(METHODS.grant, toGrant(lease, TRIAL_TTL_S), (granted) => {
      line.call(METHODS.put, toPut(`/expiry-trial/${number}`, "v", lease), (put) =>
        done(granted !== null && put !== null),
      );
    });
  });
  if (tried.errors > 0) throw new Error(`${tried.errors} of the first leases were refused`);
  return Math.max(leadS, Math.ceil(tried.seconds * TRIAL * SPARE));
}

/** Each TTL is such that the lease is due in its second of the last few. */
export async function runExpiry(job: ExpiryJob): Promise<JobResult> {
  const { port, connections, count, overS, lateMsMax } = job;
  const ends = new Ends(count);
  const leadS = await findLead(job);
  const watcher = await watch(port, ends);
  const lines = await connectMany(connections, () => connectHttp2(port));
  const from = performance.now();
  const dueMs = new Float64Array(count);
  const filled = await runSteps<Http2Connection>(lines, count, (line, number, done) => {
    const lease = toLeaseId("expiry", number);
    const passedS = Math.floor((performance.now() - from) / 1000);
    const ttlS = leadS - passedS + (number % overS);
    line.call(METHODS.grant, toGrant(lease, Math.max(ttlS, 2)), (granted) => {
      dueMs[number] = performance.now() + ttlS * 1000;
      line.call(METHODS.put, toPut(`${PREFIX}${number}`, "v", lease), (put) =>
        done(granted !== null && put !== null && ttlS >= 2),
      );
    });
  });
  if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} leases were not granted in time`);
  const lastMs = dueMs.reduce((last, one) => Math.max(last, one), 0);
  const timer = setTimeout(
    () => {
      process.stderr.write(`${ends.left} of ${count} keys were still there ${lateMsMax} ms after the last was due\n`);
      process.exit(1);
    },
    lastMs - performance.now() + lateMsMax,
  );
  await ends.over;
  clearTimeout(timer);
  watcher.close();
  const late = dueMs.map((due, number) => (ends.atMs[number] as number) - due).sort();
  const expiry = {
    lastLateMs: Math.max(ends.atMs.reduce((last, one) => Math.max(last, one), 0) - lastMs, 1),
    lateMs: late[Math.floor(count / 2)] as number,
    early: late.filter((one) => one < -EARLY_MS).length,
  };
  return { count, errors: 0, seconds: (performance.now() - from) / 1000, loadCores: filled.loadCores, expiry };
}
