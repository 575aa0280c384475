/** @live A server of gRPC: finds the method of each stream, and refuses what is none. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Exchange, type Host } from "./exchange.ts";
import { ACCEPTED, CODINGS } from "./frames.ts";
import type { Answers, Method } from "./method.ts";
import { isGrpc, type Line, type StreamServer } from "./sessions.ts";
import { CODES, encodeMessage, Status, toHttp } from "./status.ts";

export type GrpcOptions<C> = Host<C>["options"] & {
  readonly methods: Iterable<Method<C>>;
  /** How streams end when the server does. */
  readonly stopped?: Status;
};

/** Of messages that have come in part, of all clients. */
const HELD_BYTES_MAX = 256 * 1024 * 1024;

const REFUSED = new Status(CODES.resourceExhausted, "too many requests are halfway here; try again");

const STOPPED = new Status(CODES.unavailable, "the server is stopping");

export class GrpcServer<C> implements StreamServer, Host<C> {
  readonly options: GrpcOptions<C>;
  readonly streaming = new Set<Answers<unknown>>();
  readonly #methods = new Map<string, Method<C>>();
  readonly #services = new Set<string>();
  #heldBytes = 0;

  constructor(options: GrpcOptions<C>) {
    this.options = options;
    for (const method of options.methods) {
      this.#methods.set(method.path, method);
      this.#services.add(serviceOf(method.path));
    }
  }

  serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, line: Line): void {
    if (!isGrpc(headers)) return refuse(stream, 415);
    const path = headers[":path"] ?? "";
    if (headers[":method"] !== "POST") return refuse(stream, 405);
    const method = this.#methods.get(path);
    if (method === undefined) return this.#refuse(stream, line, this.#unknown(path));
    const encoding = headers["grpc-encoding"];
    const coding = encoding === undefined || encoding === "identity" ? undefined : CODINGS[String(encoding)];
    if (coding === undefined && encoding !== undefined && encoding !== "identity")
      return this.#refuse(
        stream,
        line,
        new Status(CODES.unimplemented, `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`),
        { "grpc-accept-encoding": ACCEPTED },
      );
    new Exchange<C>(this, method, stream, headers, line, coding && { name: String(encoding), coding });
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes > 0 && this.#heldBytes > HELD_BYTES_MAX) throw REFUSED;
  }

  drain(): void {
    for (const answers of [...this.streaming]) answers.end(this.options.stopped ?? STOPPED);
  }

  #unknown(path: string): Status {
    const service = serviceOf(path);
    if (!/^\/.+\/[^/]*$/.test(path))
      return new Status(CODES.unimplemented, `malformed method name: ${JSON.stringify(path)}`);
    return new Status(
      CODES.unimplemented,
      this.#services.has(service)
        ? `unknown method ${path.slice(service.length + 2)} for service ${service}`
        : `unknown service ${service}`,
    );
  }

  #refuse(stream: ServerHttp2Stream, line: Line, status: Status, more: Readonly<Record<string, string>> = {}): void {
    line.observe?.(toHttp(status), 0);
    end(stream, {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(status.code),
      "grpc-message": encodeMessage(status.message),
      ...more,
    });
  }
}

function refuse(stream: ServerHttp2Stream, status: number): void {
  end(stream, { ":status": status });
}

/** A stream may be taken back in the moment in which it begins. */
function end(stream: ServerHttp2Stream, head: OutgoingHttpHeaders): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond(head, { endStream: true });
  stream.resume();
}

/** `package.Service`, of a method's path. */
export function serviceOf(path: string): string {
  return path.slice(1, Math.max(1, path.lastIndexOf("/")));
}
