/** What tests of checks are aimed at: servers of HTTP, TLS and gRPC that behave well and badly. */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, createSecureServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import type { Scope } from "../harness/scope.ts";

export interface Targets {
  readonly http: number;
  readonly https: number;
  /** Answers what is no HTTP. */
  readonly garbage: number;
  readonly grpc: number;
  readonly grpcs: number;
  /** Over UDP: answers, and says nothing. */
  readonly udp: number;
  readonly mute: number;
  /** Nobody listens there. */
  readonly closed: number;
  /** The status of `/toggle`. */
  toggle: number;
  /** What came to `/echo`, the latest last. */
  readonly echoed: { readonly method: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[];
  /** How many bytes of the body without an end went out. */
  sent: number;
}

export async function openTargets(
  scope: Scope,
  tls: { readonly cert: string; readonly key: string },
): Promise<Targets> {
  const pair = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
  const listen = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    scope.after(() => void server.close());
    return (server.address() as AddressInfo).port;
  };
  const closing = createTcp();
  const closed = await listen(closing);
  closing.close();
  const targets: Targets = {
    http: await listen(createServer((request, response) => answer(targets, request, response))),
    https: await listen(createHttps(pair, (_, response) => response.end("secret"))),
    garbage: await listen(
      createTcp((socket) => void socket.on("error", () => {}).end("\0garbage\r\nNo: header\0\r\n\r\n")),
    ),
    grpc: await listen(withHealth(createHttp2())),
    grpcs: await listen(withHealth(createSecureServer({ ...pair }))),
    udp: await listenUdp(scope, true),
    mute: await listenUdp(scope, false),
    closed,
    toggle: 200,
    echoed: [],
    sent: 0,
  };
  return targets;
}

async function listenUdp(scope: Scope, answers: boolean): Promise<number> {
  const socket = createSocket("udp4");
  if (answers) socket.on("message", (_, { port, address }) => socket.send("here", port, address));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  scope.after(() => void socket.close());
  return socket.address().port;
}

function answer(targets: Targets, request: IncomingMessage, response: ServerResponse): void {
  const { url = "" } = request;
  const give = (status: number, body: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, headers).end(body);
  };
  if (url === "/ok") return give(200, "fine");
  if (url === "/busy") return give(429, "later");
  if (url === "/bad") return give(500, "boom");
  if (url === "/gone") return give(410, "");
  if (url === "/redirect") return give(302, "", { Location: "/ok" });
  if (url === "/round") return give(302, "", { Location: "/round" });
  if (url === "/metadata") return give(302, "", { Location: "http://169.254.169.254/latest/meta-data/" });
  if (url === "/mapped") return give(307, "", { Location: "http://[::ffff:169.254.169.254]/" });
  if (url === "/file") return give(302, "", { Location: "file:///etc/passwd" });
  if (url === "/big-head") return give(200, "", { "X-Big": "x".repeat(64 * 1024) });
  if (url === "/toggle") return give(targets.toggle, "");
  if (url === "/upgrade")
    return void response.socket?.end("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
  if (url === "/endless") return endless(targets, response);
  if (url === "/echo") return echo(targets, request, response);
  // `/slow`: never answered.
}

function endless(targets: Targets, response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, "e");
  const more = (): void => {
    while (!response.destroyed && response.write(chunk)) targets.sent += chunk.length;
  };
  response.on("drain", more);
  response.on("error", () => {});
  more();
}

function echo(targets: Targets, request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    targets.echoed.push({ method: request.method ?? "", headers: request.headers, body });
    response.writeHead(204).end();
  });
}

/** grpc.health.v1: the service `good` and the whole server serve, `bad` does not, others are unknown; `slow` says nothing. */
function withHealth<S extends Http2Server>(server: S): S {
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const service = Buffer.concat(chunks).subarray(7).toString();
      if (service === "slow") return;
      const found = { "": 1, good: 1, bad: 2 }[service];
      const isHealth = headers[":path"] === "/grpc.health.v1.Health/Check";
      const head = { ":status": 200, "content-type": "application/grpc" };
      if (!isHealth || found === undefined)
        return stream.respond(
          { ...head, "grpc-status": "5", "grpc-message": "unknown%20service" },
          { endStream: true },
        );
      stream.respond(head, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, found]));
    });
  });
  return server;
}
