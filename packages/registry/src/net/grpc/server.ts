/** @live A server of gRPC: finds the method of each stream, and refuses what is none. */
import { Exchange, type Host } from "./exchange.ts";
import { ACCEPTED, CODINGS } from "./frames.ts";
import { type Duct, HEAD, type Headers, isGrpc, type StreamServer } from "./http2/duct.ts";
import type { Line } from "./http2/line.ts";
import type { Answers, Method } from "./method.ts";
import { CODES, Status, toHttp, trailersOf } from "./status.ts";

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

  serve(duct: Duct, headers: Headers, line: Line): void {
    if (!isGrpc(headers)) return duct.only({ ":status": "415" });
    const path = String(headers[":path"] ?? "");
    if (headers[":method"] !== "POST") return duct.only({ ":status": "405" });
    const method = this.#methods.get(path);
    if (method === undefined) return this.#refuse(duct, line, this.#unknown(path));
    const encoding = headers["grpc-encoding"];
    const coding = encoding === undefined || encoding === "identity" ? undefined : CODINGS[String(encoding)];
    if (coding === undefined && encoding !== undefined && encoding !== "identity")
      return this.#refuse(
        duct,
        line,
        new Status(CODES.unimplemented, `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`),
        { "grpc-accept-encoding": ACCEPTED },
      );
    new Exchange<C>(this, method, duct, headers, line, coding && { name: String(encoding), coding });
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

  #refuse(duct: Duct, line: Line, status: Status, more: Readonly<Record<string, string>> = {}): void {
    line.observe?.(toHttp(status), 0);
    duct.only({ ...HEAD, ...trailersOf(status), ...more });
  }
}

/** `package.Service`, of a method's path. */
export function serviceOf(path: string): string {
  return path.slice(1, Math.max(1, path.lastIndexOf("/")));
}
