/** Closed loops against the grpc dialect: every loop has one request under way, always. */
import { connectHttp2, type Http2Connection } from "../clients/http2.ts";
import type { JobResult, StormJob } from "../job.ts";
import { Meter, measure } from "../storm.ts";
import { isRenewed, METHODS, toGrant, toKeepAlive, toRegister } from "./messages.ts";

/** As `StormJob`: heartbeats on open streams, or new instances with a lease each. */
export interface GrpcJob extends Omit<StormJob, "kind"> {
  kind: "grpc-keepalive" | "grpc-register";
}

type Loop = (connection: Http2Connection, index: number, meter: Meter, job: GrpcJob) => void;

/** Leases that the heartbeats go round. */
const LEASES = 1024;

function toLease(salt: string, number: number): string {
  return `${salt}-${number}`;
}

function grant(connection: Http2Connection, lease: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.call(METHODS.grant, toGrant(lease), (answer) =>
      answer === null ? reject(new Error("the peer refused a lease")) : resolve(),
    );
  });
}

/** A stream that stays open; each message renews the next of this loop's leases. */
function loopKeepAlive(connection: Http2Connection, index: number, meter: Meter, job: GrpcJob): void {
  const messages: Buffer[] = [];
  for (let number = index; number < LEASES; number += job.connections * job.streams)
    messages.push(toKeepAlive(toLease(job.salt, number)));
  let turn = 0;
  const next = (): Buffer => messages[turn++ % messages.length] as Buffer;
  const stream = connection.open(
    METHODS.keepAlive,
    next(),
    (answer) => {
      meter.done(isRenewed(answer));
      if (!meter.stopped) stream.send(next());
    },
    () => {
      meter.errors++;
    },
  );
}

function loopRegister(connection: Http2Connection, index: number, meter: Meter, job: GrpcJob): void {
  let turn = 0;
  const step = (): void => {
    const number = turn++;
    const message = toRegister({
      service: `bench-${index}`,
      id: `${job.salt}-${number}`,
      address: `10.${index}.${(number >> 8) & 255}.${number & 255}`,
      bytes: job.valueBytes,
    });
    connection.call(METHODS.register, message, (answer) => {
      meter.done(answer !== null);
      if (!meter.stopped) step();
    });
  };
  step();
}

const LOOPS: Record<GrpcJob["kind"], Loop> = { "grpc-keepalive": loopKeepAlive, "grpc-register": loopRegister };

/** Runs a closed loop on every connection and counts what finishes after the warm-up. */
export async function runGrpcStorm(job: GrpcJob): Promise<JobResult> {
  const meter = new Meter();
  const connections: Http2Connection[] = [];
  for (let index = 0; index < job.connections; index++) connections.push(await connectHttp2(job.port));
  if (job.kind === "grpc-keepalive")
    await Promise.all(
      connections.map(async (connection, index) => {
        for (let number = index; number < LEASES; number += job.connections)
          await grant(connection, toLease(job.salt, number));
      }),
    );
  let lost: Error | undefined;
  for (const connection of connections)
    connection.onLost = (error) => {
      lost ??= error;
    };
  for (let loop = 0; loop < job.connections * job.streams; loop++)
    LOOPS[job.kind](connections[loop % job.connections] as Http2Connection, loop, meter, job);
  const result = await measure(meter, job);
  for (const connection of connections) connection.close();
  if (lost !== undefined) throw lost;
  return result;
}
