/** A registry with little memory, what fills it, clients that never read, and somebody who only wants to be served. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Answer, request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

export const HEAP_MB = 512;

/** A registry whose heap may grow to 512 MB. */
/** The configuration may say more. */
export function startSmall(scope: Scope, config: object = {}): Promise<Rollcall> {
  const file = join(temporaryDirectory(scope), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  return startRollcall(scope, {
    dialects: "http,rackspace,dns,skydns,eureka",
    flags: ["--log-level", "error", "--config", file],
    nodeFlags: [`--max-old-space-size=${HEAP_MB}`],
    readyMsMax: 60_000,
  });
}

/** Does this for each number below `count`, a few at a time. */
export async function each(count: number, work: (nth: number) => Promise<unknown>, atOnce = 8): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

export function ask(url: string, method = "GET", body?: unknown, headers = {}, timeoutMs = 120_000): Promise<Answer> {
  return request(url, { method, body, headers, timeoutMs, connection: { agent } });
}

/** Keys with values of some bytes; `keys` says how many different ones. */
export async function putKeys(url: string, count: number, bytes: number, keys = count): Promise<void> {
  const value = Buffer.alloc(bytes, "v");
  await each(count, async (nth) => {
    const { status, text } = await ask(`${url}/v2/default/config/fat/${nth % keys}`, "PUT", value);
    if (status !== 201 && status !== 200) throw new Error(`${status} ${text}`);
  });
}

const META = Object.fromEntries(Array.from({ length: 8 }, (_, nth) => [`fat${nth}`, "m".repeat(8000)]));

/** What fits into TXT records: 30 kB. */
export const TEXTS = Object.fromEntries(Array.from({ length: 120 }, (_, nth) => [`t${nth}`, "m".repeat(245)]));

interface FatOptions {
  readonly account?: string;
  readonly more?: (nth: number) => object;
}

/** Instances of 64 kB, or with other things in them, in one service; answers how many were taken. */
export async function registerFat(
  url: string,
  service: string,
  count: number,
  { account = "default", more = () => ({}) }: FatOptions = {},
): Promise<number> {
  let taken = 0;
  await each(count, async (nth) => {
    const address = `10.1.${nth >> 8}.${nth & 255}`;
    const body = { address, port: 80, ttl: "1h", meta: META, ...more(nth) };
    const { status, text } = await ask(
      `${url}/v2/${account}/services/${service}/instances/i${String(nth).padStart(3, "0")}`,
      "PUT",
      body,
    );
    if (status === 201) taken++;
    else if (status !== 429) throw new Error(`${status} ${text}`);
  });
  return taken;
}

/** In ms, of all requests that were sent: until the answer came, and what the registry did in that time. */
export interface Waits {
  readonly count: number;
  readonly p99: number;
  readonly max: number;
  readonly busyP99: number;
  readonly busyMax: number;
}

export interface Bystander {
  /** Ends it. Throws when a request was not answered. */
  stop(): Promise<Waits>;
}

/**
 * Reads a small service all the time, on a thread of its own: nothing that a test does holds it up. Notes the time of
 * each request, and the processor time that the registry's main thread took meanwhile: what others do on this machine
 * does not count there.
 */
const BYSTANDER = `
  const { readFileSync } = require("node:fs");
  const { Agent, get } = require("node:http");
  const { parentPort, workerData } = require("node:worker_threads");
  const { url, pid } = workerData;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const busyMs = () => Number(readFileSync("/proc/" + pid + "/task/" + pid + "/schedstat", "utf8").split(" ")[0]) / 1e6;
  const waits = [];
  let isOver = false;
  parentPort.once("message", () => { isOver = true; });
  const next = () => {
    if (isOver) return parentPort.postMessage(waits);
    const [startMs, startBusyMs] = [performance.now(), busyMs()];
    get(url, { agent, timeout: 60000 }, (response) => {
      if (response.statusCode !== 200) throw new Error("the bystander got " + response.statusCode);
      response.resume().on("end", () => {
        waits.push([performance.now() - startMs, busyMs() - startBusyMs]);
        setTimeout(next, 4);
      });
    });
  };
  next();
`;

/** Another account's client. */
export async function startBystander(scope: Scope, { url, pid }: Rollcall): Promise<Bystander> {
  const service = `${url}/v2/other/services/small`;
  await ask(`${service}/instances/one`, "PUT", { address: "10.0.0.2", port: 1, ttl: "1h" });
  const worker = new Worker(BYSTANDER, { eval: true, workerData: { url: service, pid } });
  scope.after(async () => void (await worker.terminate()));
  const failed = once(worker, "error").then(([error]) => {
    throw error;
  });
  failed.catch(() => {});
  return {
    async stop() {
      const answered = once(worker, "message");
      worker.postMessage("over");
      const [waits] = (await Promise.race([answered, failed])) as [[number, number][]];
      const [took, busy] = [0, 1].map((nth) => waits.map((wait) => wait[nth] as number).sort((a, b) => a - b));
      const at = (sorted: readonly number[] = [], share = 1): number =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
      return { count: waits.length, p99: at(took, 0.99), max: at(took), busyP99: at(busy, 0.99), busyMax: at(busy) };
    },
  };
}

/** A whole fat answer takes seconds; a collection of garbage may take more than a slice. */
const BUSY_MS_MAX = 250;

/** The bystander was served all the time. */
export async function notHeldUp(bystander: Bystander): Promise<void> {
  const waits = await bystander.stop();
  assert.ok(waits.busyP99 < BUSY_MS_MAX, `another account waited: ${JSON.stringify(waits)}`);
}

/** Connections that ask this, and never read. */
export function neverRead(
  scope: Scope,
  port: number,
  count: number,
  bytes: string | Buffer,
): Promise<readonly Socket[]> {
  const open = Array.from({ length: count }, () => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", () => {});
    scope.after(() => void socket.destroy());
    socket.pause();
    return new Promise<Socket>((resolve) => socket.once("connect", () => socket.write(bytes, () => resolve(socket))));
  });
  return Promise.all(open);
}

interface Memory {
  readonly rssMb: number;
  readonly unreadMb: number;
  /** Connections that were cut since the start. */
  readonly cuts: number;
}

/** What the process takes now. */
export async function memoryOf(url: string): Promise<Memory> {
  const { text } = await request(`${url}/metrics`);
  const number = (name: string): number => Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
  return {
    rssMb: number("process_resident_memory_bytes") / 2 ** 20,
    unreadMb: number("rollcall_unread_bytes") / 2 ** 20,
    cuts: number("rollcall_unread_cuts_total"),
  };
}
