/** How soon a registration at one of several servers is there at all: one process sends and looks, so one clock tells. */
import { setTimeout as delay } from "node:timers/promises";
import { connectHttp1, type Http1Connection, toRequest } from "../clients/http1.ts";
import { toEurekaInstance, toRegister } from "../eureka/instances.ts";
import { type JobResult, toRegistration, type VisibleJob } from "../job.ts";
import { watch } from "./lag.ts";

const SEEN_MS_MAX = 30_000;
/** Between two questions of one client. */
const ASK_MS = 2;

/** A server as this load sees it. */
interface Server {
  /** Resolves when it is answered. */
  register(number: number): Promise<void>;
  /** Resolves when it is there, with the time. */
  seen(number: number): Promise<number>;
  close(): void;
}

async function register(line: Http1Connection, request: Buffer): Promise<void> {
  const { status, body } = await line.ask(request);
  if (status >= 300) throw new Error(`a registration was refused: ${status} ${body.toString()}`);
}

async function openRollcall({ port }: { port: number }): Promise<Server> {
  const { line, seen } = await watch(port, "/v2/default/watch?service=visible", /"id":"v-(\d+)"/);
  // Not before it is its turn: a server ends connections on which nothing comes, and on a busy machine that can be long.
  let writer: Http1Connection | undefined;
  return {
    async register(number) {
      writer ??= await connectHttp1(port);
      const path = `/v2/default/services/visible/instances/v-${number}`;
      await register(writer, toRequest("PUT", path, toRegistration(number, 250)));
    },
    seen,
    close() {
      line.close();
      writer?.close();
    },
  };
}

async function openEureka({ host, port }: { host: string; port: number }): Promise<Server> {
  const [writer, reader] = [await connectHttp1(port, host), await connectHttp1(port, host)];
  return {
    register: (number) => register(writer, toRegister(number)),
    async seen(number) {
      const { app, id } = toEurekaInstance(number);
      const question = toRequest("GET", `/eureka/apps/${app}/${id}`, undefined, { type: "application/json" });
      const untilMs = performance.now() + SEEN_MS_MAX;
      while (performance.now() < untilMs) {
        if ((await reader.ask(question)).status === 200) return performance.now();
        await delay(ASK_MS);
      }
      throw new Error(`registration ${number} was not seen`);
    },
    close() {
      writer.close();
      reader.close();
    },
  };
}

export async function runVisible(job: VisibleJob): Promise<JobResult> {
  const servers = await Promise.all(job.servers.map(job.kind === "eureka-visible" ? openEureka : openRollcall));
  const visibleMs: number[] = [];
  const from = performance.now();
  for (let number = job.first; number < job.first + job.changes; number++) {
    const sentMs = performance.now();
    const [, ...times] = await Promise.all([
      (servers[number % servers.length] as Server).register(number),
      ...servers.map((server) => server.seen(number)),
    ]);
    visibleMs.push(Math.max(...times) - sentMs);
    await delay(job.pauseMs);
  }
  for (const server of servers) server.close();
  return { count: job.changes, errors: 0, seconds: (performance.now() - from) / 1000, loadCores: 0, visibleMs };
}
