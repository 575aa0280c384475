/** A fixed number of requests over some connections: filling a registry, and renewing leases in bulk. */
import { connectHttp1, type Http1Connection, toRequest } from "./clients/http1.ts";
import { connectHttp2, type Http2Connection } from "./clients/http2.ts";
import { METHODS, toGrant, toPut } from "./clients/protobuf.ts";
import { INSTANCES, toBody, toInstance, toPath } from "./dns/names.ts";
import {
  type BulkJob,
  type DnsFillJob,
  type FillJob,
  type JobResult,
  toLeaseId,
  toRegistration,
  toService,
} from "./job.ts";

const TTL_SECONDS = 3600;

/** Carries out step `number` on a connection and says whether it went well. */
type Step<C> = (connection: C, number: number, done: (ok: boolean) => void) => void;

interface Line {
  onLost: (error: Error) => void;
  close(): void;
}

/** Shares `count` steps among the connections; each takes the next one as soon as its last is done. */
export async function runSteps<C extends Line>(lines: readonly C[], count: number, step: Step<C>): Promise<JobResult> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  let next = 0;
  let done = 0;
  let errors = 0;
  await new Promise<void>((resolve, reject) => {
    const take = (line: C): void => {
      if (next >= count) return;
      step(line, next++, (ok) => {
        if (!ok) errors++;
        if (++done === count) resolve();
        else take(line);
      });
    };
    for (const line of lines) {
      line.onLost = reject;
      take(line);
    }
  });
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  for (const line of lines) line.close();
  return { count: count - errors, errors, seconds, loadCores: (used.user + used.system) / 1e6 / seconds };
}

export async function connectMany<C>(count: number, connect: () => Promise<C>): Promise<C[]> {
  const lines: C[] = [];
  for (let index = 0; index < count; index++) lines.push(await connect());
  return lines;
}

/** A lease and a key that hangs on it, for each instance. */
async function fillEtcd(job: FillJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp2(job.port));
  return runSteps<Http2Connection>(lines, job.count, (line, number, done) => {
    const lease = toLeaseId("fill", number);
    const service = toService(Math.floor(number / job.serviceSize));
    const value = toRegistration(number, job.valueBytes);
    line.call(METHODS.grant, toGrant(lease, TTL_SECONDS), (granted) => {
      line.call(METHODS.put, toPut(`/services/${service}/i-${number}`, value, lease), (answer) =>
        done(granted !== null && answer !== null),
      );
    });
  });
}

/** An instance with a lease of its own. */
async function fillRollcall(job: FillJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  return runSteps<Http1Connection>(lines, job.count, (line, nth, done) => {
    const number = (job.first ?? 0) + nth;
    const service = toService(Math.floor(number / job.serviceSize));
    const path = `/v2/default/services/${service}/instances/i-${number}`;
    line.call(toRequest("PUT", path, toRegistration(number, job.valueBytes)), (answer) => done(answer.status < 300));
  });
}

/** Leases with nothing on them. */
async function fillLeases(job: FillJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  return runSteps<Http1Connection>(lines, job.count, (line, number, done) => {
    const body = JSON.stringify({ lease: `l${number}`, ttl: "1h" });
    line.call(toRequest("POST", "/v2/default/leases", body), (answer) => done(answer.status < 300));
  });
}

export function runFill(job: FillJob): Promise<JobResult> {
  if (job.kind === "etcd-fill") return fillEtcd(job);
  return job.kind === "rollcall-fill" ? fillRollcall(job) : fillLeases(job);
}

/** The instances of all services that DNS is asked for. */
export async function runDnsFill(job: DnsFillJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  return runSteps<Http1Connection>(lines, job.services * INSTANCES, (line, number, done) => {
    const { service, id, address } = toInstance(Math.floor(number / INSTANCES), number % INSTANCES);
    line.call(toRequest("PUT", toPath(service, id), toBody(address)), (answer) => done(answer.status < 300));
  });
}

/** Renews leases `l0` … in requests of `batch` each, made ready beforehand. Counts leases, not requests. */
export async function runBulk(job: BulkJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  const requests: Buffer[] = [];
  for (let first = 0; first < job.count; first += job.batch) {
    const leases: string[] = [];
    for (let number = first; number < Math.min(first + job.batch, job.count); number++) leases.push(`l${number}`);
    requests.push(toRequest("POST", "/v2/default/leases/renew", JSON.stringify({ leases })));
  }
  let renewed = 0;
  const result = await runSteps<Http1Connection>(lines, requests.length, (line, number, done) => {
    line.call(requests[number] as Buffer, (answer) => {
      const body: unknown = answer.status === 200 ? JSON.parse(answer.body.toString("utf8")) : undefined;
      const counted = typeof body === "object" && body !== null && "renewed" in body ? Number(body.renewed) : 0;
      renewed += counted;
      done(counted > 0);
    });
  });
  return { ...result, count: renewed, errors: job.count - renewed };
}
