/** Heartbeats at a steady rate: each instance beats at its own node, many in one request, evenly over the time. */
import { setTimeout as delay } from "node:timers/promises";
import { connectHttp1, toRequest } from "../clients/http1.ts";
import { type BeatsJob, type JobResult, toService } from "../job.ts";

const AT_ONCE = 500;

async function beatPart(job: BeatsJob, { port, first, count }: BeatsJob["parts"][number]): Promise<number> {
  const requests: Buffer[] = [];
  for (let from = first; from < first + count; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, first + count - from);
    const leases = Array.from({ length }, (_, nth) => {
      const number = from + nth;
      return `${toService(Math.floor(number / job.serviceSize))}/i-${number}`;
    });
    requests.push(toRequest("POST", "/v2/default/leases/renew", JSON.stringify({ leases })));
  }
  if (requests.length === 0) return 0;
  const line = await connectHttp1(port);
  const fromMs = performance.now();
  let missing = 0;
  for (let turn = 0; performance.now() - fromMs < job.forMs; turn++) {
    const { status, body } = await line.ask(requests[turn % requests.length] as Buffer);
    if (status !== 200) throw new Error(`heartbeats were refused: ${status}`);
    missing += (JSON.parse(body.toString()) as { missing: unknown[] }).missing.length;
    const dueMs = fromMs + ((turn + 1) * job.everyMs) / requests.length;
    await delay(Math.max(0, dueMs - performance.now()));
  }
  line.close();
  return missing;
}

export async function runBeats(job: BeatsJob): Promise<JobResult> {
  // Where nothing beats, nothing is what is measured.
  const [missing] = await Promise.all([Promise.all(job.parts.map((part) => beatPart(job, part))), delay(job.forMs)]);
  const count = job.parts.reduce((sum, part) => sum + part.count, 0);
  const errors = missing.reduce((sum, one) => sum + one, 0);
  return { count, errors, seconds: job.forMs / 1000, loadCores: 0 };
}
