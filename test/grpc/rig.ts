/** What the tests of the grpc dialect share: a registry, and clients that @grpc/grpc-js makes of the `.proto` as it is. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

export const PROTO_FOLDER = join(ROOT, "packages/registry/src/dialects/grpc/proto");

const definition = loadSync("rollcall/v1/registry.proto", {
  includeDirs: [PROTO_FOLDER],
  longs: Number,
  enums: String,
  oneofs: true,
  defaults: true,
});

// biome-ignore lint/suspicious/noExplicitAny: its fields depend on the method.
export type Told = any;

type Stub = new (address: string, credentials: grpc.ChannelCredentials) => grpc.Client;

const { rollcall } = grpc.loadPackageDefinition(definition) as unknown as {
  readonly rollcall: { readonly v1: Readonly<Record<"Catalog" | "Leases" | "Config" | "Endpoints", Stub>> };
};

type Caller = Readonly<Record<string, (...args: Told[]) => Told>>;

/** What a call is made with. */
export interface With {
  readonly token?: string;
  readonly deadlineMs?: number;
}

/** One connection to a registry. */
export class Client {
  readonly #stubs: Readonly<Record<string, Caller>>;
  readonly #token: string | undefined;

  constructor(scope: Scope, port: number, { token }: With = {}) {
    this.#token = token;
    const stubs = Object.entries(rollcall.v1)
      .filter(([, stub]) => typeof stub === "function")
      .map(([name, Stub]) => {
        const stub = new Stub(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
        scope.after(() => stub.close());
        return [name, stub as unknown as Caller] as const;
      });
    this.#stubs = Object.fromEntries(stubs);
  }

  #metadata(): grpc.Metadata {
    const metadata = new grpc.Metadata();
    if (this.#token !== undefined) metadata.set("authorization", `Bearer ${this.#token}`);
    return metadata;
  }

  #method(name: string): (...args: Told[]) => Told {
    const [service = "", method = ""] = name.split("/");
    const stub = this.#stubs[service];
    return (...args) => stub?.[method]?.(...args);
  }

  /** `Catalog/Register`. Rejects with a `grpc.ServiceError`. */
  ask(name: string, request: object = {}, { deadlineMs }: With = {}): Promise<Told> {
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      this.#method(name)(request, this.#metadata(), options, (error: grpc.ServiceError | null, told: Told) =>
        error === null ? resolve(told) : reject(error),
      );
    });
  }

  /** `5 there is no instance …` */
  async refusal(name: string, request: object = {}): Promise<string> {
    try {
      await this.ask(name, request);
      return "0";
    } catch (error) {
      const { code, details } = error as grpc.ServiceError;
      return `${code} ${details}`;
    }
  }

  follow(name: string, request: object = {}): Heard {
    return new Heard(this.#method(name)(request, this.#metadata()));
  }

  talk(name: string): Heard {
    return new Heard(this.#method(name)(this.#metadata()));
  }
}

/** What comes on a stream, one after the other. */
export class Heard {
  readonly call: grpc.ClientDuplexStream<Told, Told>;
  readonly #told: Told[] = [];
  readonly #waiting: ((told: Told) => void)[] = [];
  /** How it ended: `14 the registry is stopping`. */
  readonly ended: Promise<string>;
  #isOver = false;

  constructor(call: grpc.ClientDuplexStream<Told, Told>) {
    this.call = call;
    call.on("data", (told: Told) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#told.push(told);
      else waiting(told);
    });
    call.on("error", () => {});
    this.ended = new Promise((resolve) =>
      call.on("status", ({ code, details }) => {
        this.#isOver = true;
        for (const waiting of this.#waiting.splice(0)) waiting(undefined);
        resolve(`${code} ${details}`);
      }),
    );
  }

  /** Undefined once it is over. */
  next(): Promise<Told> {
    const told = this.#told.shift();
    if (told !== undefined || this.#isOver) return Promise.resolve(told);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export interface GrpcOptions {
  /** `dialectSettings.grpc`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export function startGrpc(scope: Scope, { settings = {}, config = {} }: GrpcOptions = {}): Promise<Rollcall> {
  const file = join(temporaryDirectory(scope, "grpc"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ dialectSettings: { grpc: settings }, ...config }));
  return startRollcall(scope, { flags: ["--config", file, "--dialects", "http,grpc"] });
}

/** A frame of gRPC. */
export function frameOf(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A connection that hides nothing; `windowBytes`: so much of each answer may come. */
export class Raw {
  readonly session: ClientHttp2Session;

  constructor(scope: Scope, port: number, windowBytes = 65_535) {
    this.session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: windowBytes } });
    this.session.on("error", () => {});
    scope.after(() => this.session.destroy());
  }

  open(name: string, headers: Readonly<Record<string, string>> = {}, before = "/rollcall.v1."): ClientHttp2Stream {
    const stream = this.session.request({
      ":method": "POST",
      ":path": `${before}${name}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  /** The code that a call ends with: -1 where it was only reset. */
  async code(name: string, bytes: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<number> {
    const stream = this.open(name, headers);
    let code = -1;
    for (const event of ["response", "trailers"])
      stream.on(event, (heard: IncomingHttpHeaders) => {
        if (heard["grpc-status"] !== undefined) code = Number(heard["grpc-status"]);
      });
    stream.resume().end(bytes);
    await once(stream, "close");
    return code;
  }
}
