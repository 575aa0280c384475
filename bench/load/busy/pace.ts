/** What goes on beside the watchers, in a process of its own: changes at a steady rate, and questions whose answers are timed. */
import { findP99 } from "../../statistics.ts";
import { DnsAsker, toQuestion } from "../clients/dns.ts";
import { connectHttp1, toRequest } from "../clients/http1.ts";
import { connectHttp2 } from "../clients/http2.ts";
import { METHODS, toPut, toRange } from "../clients/protobuf.ts";
import { INSTANCES, toAddressName, toServiceName } from "../dns/names.ts";
import type { JobResult, PaceJob } from "../job.ts";
import { nowMs, PREFIX, toValue } from "./events.ts";

const WRITERS = 64;
const KEYS = 100;
const ASKS_PER_SECOND = 100;
/** An answer that takes longer is lost. */
const ASK_MS_MAX = 10_000;
const VALUE_BYTES = 100;

type Call = (done: () => void) => void;

/** What the peer is asked: each call is one request and its answer. */
interface Lines {
  /** One connection each. */
  writers: ((number: number, done: () => void) => void)[];
  get: Call;
  dns: Call | undefined;
}

async function connectRollcall({ port, dnsPort }: PaceJob, isMeasured: () => boolean): Promise<Lines> {
  const reader = await connectHttp1(port);
  const service = toServiceName(0);
  const get = toRequest("GET", `/v2/default/services/${service}`);
  const question = toQuestion(toAddressName(service), "A");
  const asker = await DnsAsker.connect(dnsPort);
  const writers: Lines["writers"] = [];
  for (let index = 0; index < WRITERS; index++) {
    const line = await connectHttp1(port);
    writers.push((number, done) => {
      const path = `/v2/default/config/${PREFIX}${number % KEYS}`;
      line.call(toRequest("PUT", path, toValue(VALUE_BYTES, isMeasured())), ({ status }) => {
        if (status >= 300) throw new Error(`a put was answered with ${status}`);
        done();
      });
    });
  }
  return {
    writers,
    get: (done) => reader.call(get, done),
    dns: (done) =>
      void asker.ask(question, ASK_MS_MAX).then((answer) => {
        if (answer?.answers.length !== INSTANCES) throw new Error("a DNS question had no answer");
        done();
      }),
  };
}

async function connectEtcd({ port }: PaceJob, isMeasured: () => boolean): Promise<Lines> {
  const writers: Lines["writers"] = [];
  for (let index = 0; index < WRITERS; index++) {
    const line = await connectHttp2(port);
    writers.push((number, done) =>
      line.call(METHODS.put, toPut(`${PREFIX}${number % KEYS}`, toValue(VALUE_BYTES, isMeasured())), (answer) => {
        if (answer === null) throw new Error("a put was refused");
        done();
      }),
    );
  }
  const reader = await connectHttp2(port);
  const service = `/services/${toServiceName(0)}/`;
  for (let index = 0; index < INSTANCES; index++)
    await new Promise((resolve) => reader.call(METHODS.put, toPut(`${service}${index}`, "v".repeat(250)), resolve));
  const range = toRange(service, true);
  return { writers, get: (done) => reader.call(METHODS.range, range, done), dns: undefined };
}

/** Calls at a steady rate, over connections that have one request each under way; the times run from when each was due. */
class Pace {
  readonly #calls: ((number: number, done: () => void) => void)[];
  readonly #perSecond: number;
  #begun = 0;
  #fromMs = 0;
  #stopped = false;
  /** Calls that were answered, by how long it took. */
  timesMs: number[] = [];
  done = 0;

  constructor(calls: ((number: number, done: () => void) => void)[], perSecond: number) {
    this.#calls = [...calls];
    this.#perSecond = perSecond;
  }

  start(): void {
    this.#fromMs = nowMs();
    const timer = setInterval(() => {
      if (this.#stopped) clearInterval(timer);
      else this.#go();
    }, 1);
  }

  #go(): void {
    for (;;) {
      const dueMs = this.#fromMs + (this.#begun * 1000) / this.#perSecond;
      if (this.#stopped || dueMs > nowMs()) return;
      const call = this.#calls.pop();
      if (call === undefined) return;
      call(this.#begun++, () => {
        this.done++;
        this.timesMs.push(nowMs() - dueMs);
        this.#calls.push(call);
        this.#go();
      });
    }
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.done < this.#begun) await sleep(5);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function runPace(job: PaceJob): Promise<JobResult> {
  let measuring = false;
  const connect = job.kind === "etcd-pace" ? connectEtcd : connectRollcall;
  const lines = await connect(job, () => measuring);
  const { dns } = lines;
  const writes = new Pace(lines.writers, job.writesPerSecond);
  const gets = new Pace([(_number, done) => lines.get(done)], ASKS_PER_SECOND);
  const questions = new Pace(dns === undefined ? [] : [(_number, done) => dns(done)], ASKS_PER_SECOND);
  const all = [writes, gets, questions];
  for (const pace of all) pace.start();
  await sleep(job.warmMs);
  measuring = true;
  for (const pace of all) pace.timesMs = [];
  const cpu = process.cpuUsage();
  const fromMs = nowMs();
  const before = writes.done;
  await sleep(job.measureMs);
  const count = writes.done - before;
  const seconds = (nowMs() - fromMs) / 1000;
  const used = process.cpuUsage(cpu);
  await Promise.all(all.map((pace) => pace.stop()));
  const pace = {
    writes: writes.done,
    perSecond: count / seconds,
    getP99Ms: findP99(gets.timesMs),
    dnsP99Ms: dns === undefined ? null : findP99(questions.timesMs),
  };
  return { count, errors: 0, seconds, loadCores: (used.user + used.system) / 1e6 / seconds, pace };
}
