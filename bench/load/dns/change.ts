/** Changes over HTTP, and how soon DNS answers say so. */

import { findMedian } from "../../statistics.ts";
import { type DnsAnswer, DnsAsker, toQuestion } from "../clients/dns.ts";
import { connectHttp1, type Http1Connection, toRequest } from "../clients/http1.ts";
import type { DnsChangeJob, DnsChangeResult, JobResult } from "../job.ts";
import { INSTANCES, toAddressName, toBody, toInstance, toPath, toServiceName, toSrvData, toSrvName } from "./names.ts";

const PAUSE_MS = 10;
/** A question without an answer is asked again after this long. */
const ANSWER_MS_MAX = 500;
/** A change that no answer shows after this long counts as lost. */
const CHANGE_MS_MAX = 5000;

interface Change {
  request: Buffer;
  question: Buffer;
  isSeen(answer: DnsAnswer): boolean;
}

/** Change `number`: by turns another address, another port, one instance more, and that one gone again. */
function toChange(number: number, services: number): Change {
  const turn = number >> 2;
  const { service, id, target } = toInstance(turn % services, 0);
  const address = `10.99.${(turn >> 8) & 255}.${turn & 255}`;
  const more = `10.98.${(turn >> 8) & 255}.${turn & 255}`;
  const port = 10_000 + (turn % 50_000);
  const addresses = toQuestion(toAddressName(service), "A");
  switch (number & 3) {
    case 0:
      return {
        request: toRequest("PUT", toPath(service, id), toBody(address)),
        question: addresses,
        isSeen: ({ answers }) => answers.includes(address),
      };
    case 1:
      return {
        request: toRequest("PUT", toPath(service, id), toBody(address, port)),
        question: toQuestion(toSrvName(service), "SRV"),
        isSeen: ({ answers }) => answers.includes(toSrvData(target, port)),
      };
    case 2:
      return {
        request: toRequest("PUT", toPath(service, "more"), toBody(more)),
        question: addresses,
        isSeen: ({ answers }) => answers.length === INSTANCES + 1 && answers.includes(more),
      };
    default:
      return {
        request: toRequest("DELETE", toPath(service, "more")),
        question: addresses,
        isSeen: ({ answers }) => answers.length === INSTANCES && !answers.includes(more),
      };
  }
}

interface Seen {
  fromPutMs: number;
  fromCommitMs: number;
  stale: number;
  askMs: number[];
}

interface Lines {
  http: Http1Connection;
  /** Asks all the time, one question after the other. */
  loop: DnsAsker;
  /** Asks once the change is acknowledged. */
  after: DnsAsker;
}

interface Sight {
  at: number;
  /** The number of answers without the change. */
  stale: number;
  askMs: number[];
}

/** Asks until an answer has the change. */
async function askUntilSeen(asker: DnsAsker, change: Change, what: string): Promise<Sight> {
  const until = performance.now() + CHANGE_MS_MAX;
  const askMs: number[] = [];
  for (let from = performance.now(), stale = 0; from < until; from = performance.now()) {
    const answer = await asker.ask(change.question, ANSWER_MS_MAX);
    if (answer === undefined) continue;
    const at = performance.now();
    askMs.push(at - from);
    if (change.isSeen(answer)) return { at, stale, askMs };
    stale++;
  }
  throw new Error(`${what} was in no answer after ${CHANGE_MS_MAX} ms`);
}

async function makeChange(lines: Lines, change: Change, what: string): Promise<Seen> {
  // Asks once before the change, so that a server with a cache has the old answer in it.
  const before = await lines.loop.ask(change.question, ANSWER_MS_MAX);
  if (before !== undefined && change.isSeen(before)) throw new Error(`${what} was seen before it was made`);
  const sentAt = performance.now();
  const looped = askUntilSeen(lines.loop, change, what);
  const acknowledged = lines.http.ask(change.request).then(async (answer) => {
    const commitAt = performance.now();
    if (answer.status >= 300) throw new Error(`${what} was refused: ${answer.status} ${answer.body.toString("utf8")}`);
    const { at, stale } = await askUntilSeen(lines.after, change, what);
    return { fromCommitMs: at - commitAt, stale };
  });
  const [first, next] = await Promise.all([looped, acknowledged]);
  return { fromPutMs: first.at - sentAt, askMs: first.askMs, ...next };
}

/** Makes the changes one at a time. */
export async function runDnsChanges(job: DnsChangeJob): Promise<JobResult> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  const http = await connectHttp1(job.port);
  const lines: Lines = { http, loop: await DnsAsker.connect(job.dnsPort), after: await DnsAsker.connect(job.dnsPort) };
  const changes: DnsChangeResult = { fromPutMs: [], fromCommitMs: [], askMs: 0, stale: 0, lost: 0 };
  const askMs: number[] = [];
  for (let index = 0; index < job.changes; index++) {
    const number = job.first + index;
    const what = `change ${number} of ${toServiceName((number >> 2) % job.services)}`;
    const seen = await makeChange(lines, toChange(number, job.services), what);
    changes.fromPutMs.push(seen.fromPutMs);
    changes.fromCommitMs.push(seen.fromCommitMs);
    askMs.push(...seen.askMs);
    changes.stale += seen.stale;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  changes.askMs = findMedian(askMs);
  changes.lost = lines.loop.lost + lines.after.lost;
  for (const line of Object.values(lines)) line.close();
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  const loadCores = (used.user + used.system) / 1e6 / seconds;
  return { count: job.changes, errors: 0, seconds, loadCores, dnsChanges: changes };
}
