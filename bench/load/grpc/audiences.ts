/** Who is told of changes by gRPC: watchers, and clients of xDS that ask as gRPC's own do. */
import { Arrivals, type Audience } from "../clients/arrivals.ts";
import { connectHttp2, type Http2Connection, type Http2Stream } from "../clients/http2.ts";
import type { FanoutJob } from "../job.ts";
import { fromDiscovery, fromWatch, METHODS, type Said, TYPES, toDiscovery, toRegister, toWatch } from "./messages.ts";

const SERVICE = "fanout";
/** Of the service that clients of xDS follow. */
const INSTANCES = 10;

async function connect(port: number, count: number): Promise<Http2Connection[]> {
  const lines: Http2Connection[] = [];
  for (let index = 0; index < count; index++) lines.push(await connectHttp2(port));
  return lines;
}

/** Resolves once it is registered. */
function register(writer: Http2Connection, said: Said): Promise<void> {
  return new Promise((resolve, reject) => {
    writer.call(METHODS.register, toRegister(said), (answer) =>
      answer === null ? reject(new Error("the change was refused")) : resolve(),
    );
  });
}

/** The change sets `meta.note` to its number, so a commit of an earlier change is never taken for this one. */
export async function seatWatchers(job: FanoutJob): Promise<Audience> {
  const arrivals = new Arrivals();
  const lines = await connect(job.port, job.connections);
  const writer = await connectHttp2(job.port);
  const change = (number: number) =>
    register(writer, { service: SERVICE, id: "i-1", address: "10.0.0.1", note: `change-${number}.` });
  await change(-1);
  let expected = "change-none.";
  const ready = arrivals.await(job.watchers, "watch");
  for (let stream = 0; stream < job.watchers; stream++) {
    const onMessage = (message: Buffer) => {
      const seen = fromWatch(message);
      if (seen.ready || (seen.commits > 0 && message.includes(expected))) arrivals.arrive(1);
    };
    (lines[stream % lines.length] as Http2Connection).open(METHODS.watch, toWatch(SERVICE), onMessage, () => {});
  }
  await ready;
  return {
    arrivals,
    change: (number) => {
      expected = `change-${number}.`;
      void change(number);
    },
    close: () => {
      for (const line of [writer, ...lines]) line.close();
    },
  };
}

/** A stream that asks for listener, route, cluster and endpoints one after the other, and takes every response. */
function follow(line: Http2Connection, onEndpoints: (message: Buffer) => void): void {
  let next = 1;
  const stream: Http2Stream = line.open(
    METHODS.discovery,
    toDiscovery(TYPES[0], SERVICE),
    (message) => {
      const { type, version, nonce } = fromDiscovery(message);
      if (type === TYPES[3]) onEndpoints(message);
      stream.send(toDiscovery(type, SERVICE, version, nonce));
      const wanted = TYPES[next++];
      if (wanted !== undefined) stream.send(toDiscovery(wanted, SERVICE));
    },
    () => {},
  );
}

/** The change gives an instance another address, by which each is known. */
export async function seatProxyless(job: FanoutJob): Promise<Audience> {
  const arrivals = new Arrivals();
  const lines = await connect(job.port, job.connections);
  const writer = await connectHttp2(job.port);
  const change = (number: number) =>
    register(writer, { service: SERVICE, id: "i-0", address: `10.99.${number >> 8}.${number & 255}` });
  for (let nth = 0; nth < INSTANCES; nth++)
    await register(writer, { service: SERVICE, id: `i-${nth}`, address: `10.1.0.${nth}` });
  let expected = "10.1.0.0";
  const ready = arrivals.await(job.watchers, "endpoints");
  for (let client = 0; client < job.watchers; client++)
    follow(lines[client % lines.length] as Http2Connection, (message) => {
      if (message.includes(expected)) arrivals.arrive(1);
    });
  await ready;
  return {
    arrivals,
    change: (number) => {
      expected = `10.99.${number >> 8}.${number & 255}`;
      void change(number);
    },
    close: () => {
      for (const line of [writer, ...lines]) line.close();
    },
  };
}
