/** Services as agents register them, over Consul's HTTP API. */
import { findP99 } from "../../statistics.ts";
import { connectHttp1, type Http1Connection, toRequest } from "../clients/http1.ts";
import { connectMany, runSteps } from "../fill.ts";
import type { ConsulBeatsJob, ConsulFillJob, JobResult } from "../job.ts";

/** An agent's service with a check that has to be told of. */
export function toConsulService(name: string, id: string): string {
  const address = "10.0.0.1";
  const Meta = { cluster: "small", idc: "shanghai", version: "1.4.2" };
  const Check = { TTL: "10m", Status: "passing" };
  return JSON.stringify({ Name: name, ID: id, Address: address, Port: 8080, Tags: ["v1", "read"], Meta, Check });
}

/** So many of them, each by another name, with the ids that they have when they are registered one by one. */
export function toConsulServices(count: number): string[] {
  return Array.from({ length: count }, (_, number) => toConsulService(`bench-${number}`, `s-${number}`));
}

export async function runConsulFill(job: ConsulFillJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  return runSteps<Http1Connection>(lines, job.count, (line, number, done) => {
    const body = toConsulService(`bench-${Math.floor(number / job.serviceSize)}`, `s-${number}`);
    line.call(toRequest("PUT", "/v1/agent/service/register", body), (answer) => done(answer.status === 200));
  });
}

/** Of a transaction, at most as many as all versions take. */
const OPERATIONS = 64;

function toNode(number: number): object {
  return { Node: { Verb: "set", Node: { Node: `node-${number}`, Address: `10.1.0.${number}` } } };
}

function toService(number: number, node: number): object[] {
  const { Name, Check, ...service } = JSON.parse(toConsulService(`bench-${number}`, `s-${number}`));
  const Node = `node-${node}`;
  const about = { Node, CheckID: `service:${service.ID}`, Name: "alive", ServiceID: service.ID, ServiceName: Name };
  return [
    { Service: { Verb: "set", Node, Service: { ...service, Service: Name } } },
    { Check: { Verb: "set", Check: { ...about, Status: Check.Status } } },
  ];
}

/** So many services to a node; all nodes before the first of these. */
export async function runConsulCatalog({ port, connections, count, serviceSize }: ConsulFillJob): Promise<JobResult> {
  const nodeOf = (number: number): number => Math.floor(number / serviceSize);
  const nodes = Array.from({ length: nodeOf(count - 1) + 1 }, (_, number) => toNode(number));
  const services = Array.from({ length: count }, (_, number) => toService(number, nodeOf(number))).flat();
  const run = async (operations: readonly object[]): Promise<JobResult> => {
    const lines = await connectMany(connections, () => connectHttp1(port));
    return runSteps<Http1Connection>(lines, Math.ceil(operations.length / OPERATIONS), (line, number, done) => {
      const some = operations.slice(number * OPERATIONS, (number + 1) * OPERATIONS);
      line.call(toRequest("PUT", "/v1/txn", JSON.stringify(some)), (answer) => done(answer.status === 200));
    });
  };
  const first = await run(nodes);
  const filled = await run(services);
  return { ...filled, errors: first.errors + filled.errors };
}

/** Each check is passed once in every `everyMs`, spread over it; how long the answers took. */
export async function runConsulBeats(job: ConsulBeatsJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  const idle: Http1Connection[] = [...lines];
  const tookMs: number[] = [];
  let errors = 0;
  let sent = 0;
  let done = 0;
  const all = Math.floor((job.count * job.measureMs) / job.everyMs);
  const cpu = process.cpuUsage();
  const from = performance.now();
  const dueAt = (nth: number): number => from + (nth * job.everyMs) / job.count;
  await new Promise<void>((resolve) => {
    const send = (): void => {
      while (sent < all && idle.length > 0 && dueAt(sent) <= performance.now()) {
        const line = idle.pop() as Http1Connection;
        // Counted from when it was due: what waits for a connection is late, too.
        const due = dueAt(sent);
        const path = `/v1/agent/check/pass/service:s-${sent % job.count}`;
        sent++;
        line.call(toRequest("PUT", path), (answer) => {
          if (answer.status !== 200) errors++;
          tookMs.push(performance.now() - due);
          idle.push(line);
          if (++done === all) resolve();
        });
      }
    };
    const timer = setInterval(() => {
      send();
      if (done === all) clearInterval(timer);
    }, 1);
  });
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  for (const line of lines) line.close();
  return {
    count: all,
    errors,
    seconds,
    loadCores: (used.user + used.system) / 1e6 / seconds,
    lagsMs: [findP99(tookMs)],
  };
}
