/** What the tests of the nsqlookupd dialect share: a registry, and an nsqd's side of a connection by its bytes alone. */
import { connect, type Socket } from "node:net";
import { type RegistrySettings, type StartedRegistry, startRegistry } from "../../packages/registry/src/bin/embed.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";

export interface Lookupd {
  readonly rollcall: StartedRegistry;
  readonly tcp: number;
  readonly http: number;
  /** `method path`, which goes out as written. */
  web(what: string, spec?: RequestSpec): Promise<Answer>;
  native(path: string, spec?: RequestSpec): Promise<Answer>;
}

export async function startLookupd(
  scope: Scope,
  { lookupd = {}, ...settings }: RegistrySettings & { readonly lookupd?: Readonly<Record<string, unknown>> } = {},
): Promise<Lookupd> {
  const rollcall = await startRegistry({
    dialects: ["http", "nsqlookupd"],
    dialectSettings: { nsqlookupd: lookupd },
    ...settings,
  });
  scope.after(() => rollcall.close());
  return lookupdOf(rollcall);
}

export function lookupdOf(rollcall: StartedRegistry): Lookupd {
  const portOf = (scheme: string) =>
    rollcall.endpoints.find((one) => one.dialect === "nsqlookupd" && one.scheme === scheme)?.port ?? 0;
  const http = portOf("http");
  return {
    rollcall,
    tcp: portOf("tcp"),
    http,
    web(what, spec) {
      const [method = "GET", path = "/"] = what.split(" ");
      return request(`http://127.0.0.1:${http}${path}`, { method, ...spec });
    },
    native: (path, spec) => request(`${rollcall.url}/v2/default${path}`, spec),
  };
}

/** A client of the TCP port: sends bytes, and takes answers apart. */
export class Line {
  readonly socket: Socket;
  /** In the order they came. */
  readonly answers: string[] = [];
  closed = false;
  #held: Buffer = Buffer.alloc(0);

  constructor(scope: Scope, port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    this.socket.on("data", (chunk: Buffer) => {
      this.#held = Buffer.concat([this.#held, chunk]);
      while (this.#held.length >= 4 && this.#held.length >= 4 + this.#held.readInt32BE(0)) {
        const end = 4 + this.#held.readInt32BE(0);
        this.answers.push(this.#held.subarray(4, end).toString());
        this.#held = this.#held.subarray(end);
      }
    });
    scope.after(() => void this.socket.destroy());
  }

  /** Says it, and waits for so many answers, or the end. */
  async say(bytes: string | Buffer, count = 1): Promise<string[]> {
    this.socket.write(bytes);
    await until(() => this.closed || this.answers.length >= count, { intervalMs: 2 });
    return this.answers.splice(0);
  }
}

export interface NsqdSpec {
  readonly address?: string;
  readonly port?: number;
  readonly topics?: readonly string[];
}

export function identify(body: unknown): Buffer {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const head = Buffer.from("IDENTIFY\n    ");
  head.writeInt32BE(bytes.length, head.length - 4);
  return Buffer.concat([head, bytes]);
}

/** An nsqd as far as a lookupd sees it. Topics may have a channel behind a blank. */
export async function openNsqd(scope: Scope, port: number, spec: NsqdSpec = {}): Promise<Line> {
  const line = new Line(scope, port);
  const { address = "10.0.0.1", port: tcp = 4150, topics = [] } = spec;
  const said = { broadcast_address: address, hostname: "h", tcp_port: tcp, http_port: tcp + 1, version: "1.3.0" };
  const registrations = topics.map((topic) => `REGISTER ${topic}\n`).join("");
  const bytes = Buffer.concat([Buffer.from("  V1"), identify(said), Buffer.from(registrations)]);
  const answers = await line.say(bytes, 1 + topics.length);
  if (answers.length !== 1 + topics.length || answers.some((answer) => answer.startsWith("E_")))
    throw new Error(`it answers ${answers.join(", ")}`);
  return line;
}

/** The addresses that a lookup of a topic gives, in order. */
export async function lookUp(lookupd: Lookupd, topic: string): Promise<string[]> {
  const answer = await lookupd.web(`GET /lookup?topic=${encodeURIComponent(topic)}`);
  if (answer.status !== 200) return [answer.text];
  const { producers } = answer.json();
  return producers
    .map((one: { broadcast_address: string; tcp_port: number }) => `${one.broadcast_address}:${one.tcp_port}`)
    .sort();
}
