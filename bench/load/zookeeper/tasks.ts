/** What is asked of ZooKeeper, and of what speaks its protocol. */
import type { JobResult, NodesJob } from "../job.ts";
import { Meter, measure } from "../storm.ts";
import { type Line, openLine, openLines, toGet, toList } from "./line.ts";

/** Nodes in one parent. */
const SERVICE_SIZE = 100;
const EXISTS = -110;
const PAUSE_MS = 20;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function must(ask: (done: (error: number) => void) => void): Promise<void> {
  return new Promise((resolve, reject) =>
    ask((error) => (error === 0 || error === EXISTS ? resolve() : reject(new Error(`error ${error}`)))),
  );
}

export function runNodes(job: NodesJob): Promise<JobResult> {
  return TASKS[job.task](job);
}

const TASKS: Readonly<Record<NodesJob["task"], (job: NodesJob) => Promise<JobResult>>> = {
  create: (job) => storm(job, creator),
  get: (job) => storm(job, reader),
  children: (job) => storm(job, lister),
  fanout,
  sessions,
  flood,
  fill,
};

type Step = (done: (error: number) => void) => void;

/** Loops on all connections, each with some requests under way. */
async function storm(
  job: NodesJob,
  prepare: (line: Line, job: NodesJob, index: number) => Promise<Step>,
): Promise<JobResult> {
  const meter = new Meter();
  const lines = await openLines(job.port, job.connections);
  let lost: Error | undefined;
  for (const [index, line] of lines.entries()) {
    line.onLost = (error) => {
      lost ??= error;
    };
    const step = await prepare(line, job, index);
    const loop = (): void =>
      step((error) => {
        meter.done(error === 0);
        if (!meter.stopped) loop();
      });
    for (let nth = 0; nth < job.streams; nth++) loop();
  }
  const result = await measure(meter, job);
  for (const line of lines) line.close();
  if (lost !== undefined) throw lost;
  return result;
}

/** Ephemeral nodes, a hundred to a parent. */
async function creator(line: Line, { valueBytes }: NodesJob, index: number): Promise<Step> {
  const value = Buffer.alloc(valueBytes, "v");
  let turn = 0;
  return (done) => {
    const parent = `/create-${index}-${Math.floor(turn / SERVICE_SIZE)}`;
    // The answer that it is there comes before that of what is put in it.
    if (turn % SERVICE_SIZE === 0) line.create(parent, Buffer.alloc(0), false, () => {});
    line.create(`${parent}/i-${turn++}`, value, true, done);
  };
}

/** The first one makes what all read. */
async function reader(line: Line, { valueBytes }: NodesJob, index: number): Promise<Step> {
  if (index === 0) await must((done) => line.create("/read", Buffer.alloc(valueBytes, "v"), false, done));
  const question = toGet("/read", false);
  return (done) => line.ask(question, done);
}

async function lister(line: Line, _job: NodesJob, index: number): Promise<Step> {
  const create = (path: string): Promise<void> => must((done) => line.create(path, Buffer.alloc(0), false, done));
  if (index === 0) {
    await create("/list");
    await Promise.all(Array.from({ length: SERVICE_SIZE }, (_, nth) => create(`/list/i-${nth}`)));
  }
  const question = toList("/list", true);
  return (done) => line.ask(question, done);
}

/** One change, and the time until the last of many watchers has heard of it; each then watches again. */
async function fanout({ port, connections, changes }: NodesJob): Promise<JobResult> {
  const from = performance.now();
  const writer = await openLine(port);
  await must((done) => writer.create("/fanout", Buffer.alloc(250, "v"), false, done));
  const lines = await openLines(port, connections);
  const lagsMs: number[] = [];
  let [left, heard] = [0, (): void => {}];
  for (const line of lines)
    line.onEvent = () => {
      left -= 1;
      if (left === 0) heard();
    };
  for (let nth = 0; nth < changes; nth++) {
    await Promise.all(lines.map((line) => must((done) => line.get("/fanout", true, done))));
    await sleep(PAUSE_MS);
    left = connections;
    const all = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const sentMs = performance.now();
    writer.set("/fanout", Buffer.alloc(250, String(nth % 10)), () => {});
    await all;
    lagsMs.push(performance.now() - sentMs);
  }
  return { count: changes, errors: 0, seconds: (performance.now() - from) / 1000, loadCores: 0, lagsMs };
}

/** Sessions that connect, and then all ping again and again: the rate, and the slowest answer. */
async function sessions({ port, connections, measureMs }: NodesJob): Promise<JobResult> {
  const from = performance.now();
  const lines = await openLines(port, connections);
  const connectedMs = performance.now() - from;
  const { pings, slowestMs, seconds } = await pingFor(lines, sleep(measureMs));
  return { count: pings, errors: 0, seconds, loadCores: 0, slowestMs, lagsMs: [connectedMs] };
}

/** All ping once, and again when all have their answers, until it is over. None of them may be lost. */
async function pingFor(lines: readonly Line[], over: Promise<unknown>) {
  let [isOver, pings, slowestMs] = [false, 0, 0];
  const lost = new Promise<never>((_resolve, reject) => {
    for (const line of lines) line.onLost = reject;
  });
  lost.catch(() => {});
  void over.then(() => {
    isOver = true;
  });
  const from = performance.now();
  while (!isOver) {
    const answered = lines.map(
      (line) =>
        new Promise<void>((resolve) => {
          const sentMs = performance.now();
          line.ping(() => {
            slowestMs = Math.max(slowestMs, performance.now() - sentMs);
            pings += 1;
            resolve();
          });
        }),
    );
    await Promise.race([Promise.all(answered), lost]);
    await sleep(PAUSE_MS);
  }
  return { pings, slowestMs, seconds: (performance.now() - from) / 1000 };
}

/** Sessions with ten nodes each that all end at once, while others ping: the slowest of their answers. */
async function flood({ port, connections, count }: NodesJob): Promise<JobResult> {
  const [others, lines] = [await openLines(port, connections), await openLines(port, count)];
  await must((done) => (lines[0] as Line).create("/flood", Buffer.alloc(0), false, done));
  const NODES = 10;
  await Promise.all(
    lines.flatMap((line, index) =>
      Array.from({ length: NODES }, (_, nth) =>
        must((done) => line.create(`/flood/${index}-${nth}`, Buffer.alloc(0), true, done)),
      ),
    ),
  );
  for (const line of lines) line.onLost = () => {};
  const ended = Promise.all(lines.map((line) => must((done) => line.end(done))));
  const { pings, slowestMs, seconds } = await pingFor(others, ended);
  return { count: pings, errors: 0, seconds, loadCores: 0, slowestMs };
}

/** Nodes, and sessions that stay open until the load is ended. */
async function fill({ port, connections, count, valueBytes }: NodesJob): Promise<JobResult> {
  const from = performance.now();
  const lines = await openLines(port, connections);
  const value = Buffer.alloc(valueBytes, "v");
  const some = lines.slice(0, 64);
  let next = 0;
  await Promise.all(
    some.map(async (line) => {
      while (next * SERVICE_SIZE < count) {
        const parent = `/fill-${next++}`;
        await must((done) => line.create(parent, Buffer.alloc(0), false, done));
        await Promise.all(
          Array.from({ length: SERVICE_SIZE }, (_, nth) =>
            must((done) => line.create(`${parent}/${nth}`, value, false, done)),
          ),
        );
      }
    }),
  );
  return { count, errors: 0, seconds: (performance.now() - from) / 1000, loadCores: 0 };
}
