/** Instances that stop beating, and when they are no longer in what clients fetch. */

import { type Answer, connectHttp1, type Http1Connection } from "../clients/http1.ts";
import type { EurekaCrashJob, JobResult } from "../job.ts";
import { REGISTERED } from "./churn.ts";
import { Fetcher, findInstance, isDeleted } from "./fetcher.ts";
import { FETCH_ALL, FETCH_DELTA, toBeat, toRegister } from "./instances.ts";

/** Instances beat this often within their lease. */
const BEATS_PER_LEASE = 3;
/** At least so many heartbeats, so that a heartbeat has set the lease that ends. */
const BEATS_MIN = 3;
/** The first number of instances that no other job uses. */
const NUMBERS = 1_000_000;

/** One that will crash. */
interface Victim {
  number: number;
  /** In both fetches; it beats until then. */
  inFull: boolean;
  inDelta: boolean;
  lastBeatAt: number;
  stopped: boolean;
  goneAt: number | undefined;
  deletedAt: number | undefined;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Registers one and sends heartbeats until both clients have seen it. */
async function live(line: Http1Connection, victim: Victim, job: EurekaCrashJob): Promise<void> {
  const registered = await line.ask(toRegister(victim.number, { leaseS: job.leaseS }));
  if (registered.status !== REGISTERED) throw new Error(`a registration was answered with ${registered.status}`);
  const until = performance.now() + job.seenMsMax;
  for (let beats = 0; beats < BEATS_MIN || !victim.inFull || !victim.inDelta; beats++) {
    if (performance.now() > until) throw new Error(`an instance was in no fetch after ${job.seenMsMax} ms`);
    await sleep((job.leaseS * 1000) / BEATS_PER_LEASE);
    victim.lastBeatAt = performance.now();
    const beaten = await line.ask(toBeat(victim.number));
    if (beaten.status !== 200) throw new Error(`a heartbeat was answered with ${beaten.status}`);
  }
  victim.stopped = true;
}

function lookAtAll(victims: readonly Victim[], { body }: Answer, cameAt: number): void {
  for (const victim of victims) {
    if (findInstance(body, victim.number) !== undefined) {
      if (victim.goneAt !== undefined) throw new Error("an instance was gone and came back");
      victim.inFull = true;
    } else if (victim.inFull && victim.goneAt === undefined) {
      if (!victim.stopped) throw new Error("an instance was gone while it was beating");
      victim.goneAt = cameAt;
    }
  }
}

function lookAtDelta(victims: readonly Victim[], { body }: Answer, cameAt: number): void {
  for (const victim of victims) {
    const instance = findInstance(body, victim.number);
    if (isDeleted(instance)) victim.deletedAt ??= cameAt;
    else if (instance !== undefined) victim.inDelta = true;
  }
}

/** Heartbeats of the other instances, until the end. */
async function beatOthers(line: Http1Connection, job: EurekaCrashJob, isDone: () => boolean): Promise<void> {
  const from = performance.now();
  for (let count = 0; !isDone(); count++) {
    const wait = from + (count * 1000) / job.beatsPerSecond - performance.now();
    if (wait > 0) await sleep(wait);
    const answer = await line.ask(toBeat(count % job.instances));
    if (answer.status !== 200) throw new Error(`a heartbeat of another instance was answered with ${answer.status}`);
  }
}

/** All of them, begun at even distances within one interval of heartbeats. */
async function crashAll(port: number, victims: readonly Victim[], job: EurekaCrashJob): Promise<void> {
  const apartMs = (job.leaseS * 1000) / BEATS_PER_LEASE / victims.length;
  await Promise.all(
    victims.map(async (victim, index) => {
      await sleep(index * apartMs);
      const line = await connectHttp1(port);
      await live(line, victim, job);
      line.close();
    }),
  );
  const until = performance.now() + job.seenMsMax;
  while (victims.some(({ goneAt, deletedAt }) => goneAt === undefined || deletedAt === undefined)) {
    const left = victims.filter(({ goneAt }) => goneAt === undefined).length;
    if (performance.now() > until) throw new Error(`${left} instances were in fetches after ${job.seenMsMax} ms`);
    await sleep(10);
  }
}

export async function runEurekaCrash(job: EurekaCrashJob): Promise<JobResult> {
  const from = performance.now();
  const cpu = process.cpuUsage();
  const victims: Victim[] = Array.from({ length: job.crashes }, (_, index) => ({
    number: NUMBERS + job.first + index,
    inFull: false,
    inDelta: false,
    lastBeatAt: 0,
    stopped: false,
    goneAt: undefined,
    deletedAt: undefined,
  }));
  let isDone = false;
  const others = await connectHttp1(job.port);
  const beats = beatOthers(others, job, () => isDone);
  const full = await Fetcher.start(job.port, FETCH_ALL, (answer, _askedAt, cameAt) =>
    lookAtAll(victims, answer, cameAt),
  );
  const delta = await Fetcher.start(job.port, FETCH_DELTA, (answer, _askedAt, cameAt) =>
    lookAtDelta(victims, answer, cameAt),
  );
  await Promise.race([crashAll(job.port, victims, job), full.done, delta.done, beats]);
  isDone = true;
  await Promise.all([beats, full.stop(), delta.stop()]);
  others.close();
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  const since = (at: number | undefined, { lastBeatAt }: Victim): number => (at ?? Number.NaN) - lastBeatAt;
  return {
    count: job.crashes,
    errors: 0,
    seconds,
    loadCores: (used.user + used.system) / 1e6 / seconds,
    eurekaCrashes: {
      goneMs: victims.map((victim) => since(victim.goneAt, victim)),
      deltaMs: victims.map((victim) => since(victim.deletedAt, victim)),
    },
  };
}
