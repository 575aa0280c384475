/** What tests of the dns dialect share: a registry with DNS settings, instances in it, and questions as raw bytes. */
import assert from "node:assert/strict";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, isIPv6, type Socket } from "node:net";
import { join } from "node:path";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { type QuestionSpec, type Reading, readMessage, toQuery } from "./wire.ts";

export * from "./wire.ts";

export interface DnsOptions {
  /** `dialectSettings.dns`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly flags?: readonly string[];
  /** Which dialects are opened; `http,dns` when left out. Ports of others must be given by flags. */
  readonly dialects?: string;
  /** Of the native API, where there are tokens. */
  readonly token?: string;
  /** Where the configuration file is written, and so where relative paths in the settings begin. */
  readonly directory?: string;
}

export interface DnsRig {
  readonly rollcall: Rollcall;
  /** Of UDP and TCP. */
  readonly port: number;
  /** Where the configuration file is. */
  readonly directory: string;
  /** PUT of an instance; for good unless `body.ttl` is there. Answers the status. */
  register(service: string, id: string, body: Readonly<Record<string, unknown>>, account?: string): Promise<number>;
  deregister(service: string, id: string, account?: string): Promise<number>;
  /** Over UDP; fails when there is no answer within 5 s. */
  ask(name: string, type: string | number, spec?: QuestionSpec): Promise<Reading>;
  /** The same over TCP, on a connection of its own. */
  askTcp(name: string, type: string | number, spec?: QuestionSpec): Promise<Reading>;
  /** Sends bytes over UDP. Undefined for silence: a good question asked after them is answered first. */
  sendUdp(packet: Buffer): Promise<Buffer | undefined>;
  /** A connection that frames messages (RFC 7766). */
  connect(): Promise<TcpTalk>;
}

/** Starts a registry whose dns dialect has these settings. */
export async function startDns(scope: Scope, options: DnsOptions = {}): Promise<DnsRig> {
  const directory = options.directory ?? temporaryDirectory(scope, "dns");
  const file = join(directory, "rollcall.yaml");
  const config = { dialectSettings: { dns: options.settings ?? {} }, ...options.config };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const flags = ["--config", file, "--dialects", options.dialects ?? "http,dns", "--dns-port", "0"];
  const rollcall = await startRollcall(scope, { flags: [...flags, ...(options.flags ?? [])] });
  const port = rollcall.port("dns");
  const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const instanceUrl = (account: string, service: string, id: string): string =>
    `${rollcall.url}/v2/${account}/services/${encodeURIComponent(service)}/instances/${encodeURIComponent(id)}`;
  return {
    rollcall,
    port,
    directory,
    async register(service, id, body, account = "default") {
      const answer = await request(instanceUrl(account, service, id), {
        method: "PUT",
        body: { ttl: 0, ...body },
        headers,
      });
      assert.ok(answer.status === 200 || answer.status === 201, `register: ${answer.status} ${answer.text}`);
      return answer.status;
    },
    async deregister(service, id, account = "default") {
      return (await request(instanceUrl(account, service, id), { method: "DELETE", headers })).status;
    },
    ask: (name, type, spec) => askUdp("127.0.0.1", port, name, type, spec),
    askTcp: (name, type, spec) => askTcp("127.0.0.1", port, name, type, spec),
    sendUdp: (packet) => sendUdp(port, packet),
    connect: () => TcpTalk.open("127.0.0.1", port),
  };
}

/** For an answer that never comes: on a busy machine all take long. */
export const ANSWER_MS_MAX = 60_000;

/** One question over UDP to any server. */
export async function askUdp(
  host: string,
  port: number,
  name: string,
  type: string | number,
  spec?: QuestionSpec,
): Promise<Reading> {
  const packet = toQuery(name, type, spec);
  const socket = await openUdp(isIPv6(host) ? "udp6" : "udp4");
  try {
    const answer = nextPacket(socket, ANSWER_MS_MAX);
    socket.send(packet, port, host);
    const bytes = await answer;
    assert.ok(bytes !== undefined, `no answer to ${name} ${type}`);
    const reading = readMessage(bytes);
    assert.equal(reading.id, packet.readUInt16BE(0), "the answer has another id");
    return reading;
  } finally {
    socket.close();
  }
}

/** One question over TCP to any server. */
export async function askTcp(
  host: string,
  port: number,
  name: string,
  type: string | number,
  spec?: QuestionSpec,
): Promise<Reading> {
  const talk = await TcpTalk.open(host, port);
  try {
    talk.send(toQuery(name, type, spec));
    return readMessage(await talk.next());
  } finally {
    talk.close();
  }
}

/** `ID` of the question that follows bytes that may get no answer. */
const PROBE_ID = 0x7fff;

async function sendUdp(port: number, packet: Buffer): Promise<Buffer | undefined> {
  const socket = await openUdp("udp4");
  try {
    const probe = toQuery("rollcall.", "SOA", { id: PROBE_ID });
    const answer = nextPacket(socket, ANSWER_MS_MAX);
    socket.send(packet, port, "127.0.0.1");
    // On loopback packets of one socket to another stay in order, and so do their answers.
    socket.send(probe, port, "127.0.0.1");
    const bytes = await answer;
    assert.ok(bytes !== undefined, "the server does not answer any more");
    return bytes.length >= 2 && bytes.readUInt16BE(0) === PROBE_ID ? undefined : bytes;
  } finally {
    socket.close();
  }
}

/** A UDP socket on a free port, unless one is given. */
export async function openUdp(type: "udp4" | "udp6", address?: string, port = 0): Promise<UdpSocket> {
  const socket = createSocket(type);
  socket.on("error", () => {});
  socket.bind(port, address ?? (type === "udp4" ? "127.0.0.1" : "::1"));
  await once(socket, "listening");
  return socket;
}

/** The next packet that comes in; undefined after `timeoutMs`. */
export function nextPacket(socket: UdpSocket, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      socket.off("message", take);
      resolve(undefined);
    }, timeoutMs);
    const take = (packet: Buffer): void => {
      clearTimeout(timer);
      socket.off("message", take);
      resolve(packet);
    };
    socket.on("message", take);
  });
}

/** One TCP connection with messages in both directions. */
export class TcpTalk {
  readonly socket: Socket;
  #got = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#got = Buffer.concat([this.#got, chunk]);
      this.#wake();
    });
    for (const end of ["end", "close"])
      socket.on(end, () => {
        this.#ended = true;
        this.#wake();
      });
  }

  static async open(host: string, port: number, localAddress?: string): Promise<TcpTalk> {
    const socket = connect({ host, port, allowHalfOpen: true, ...(localAddress !== undefined && { localAddress }) });
    await once(socket, "connect");
    return new TcpTalk(socket);
  }

  /** Messages in one write, each with its length before it. */
  send(...messages: readonly Buffer[]): void {
    const frames = messages.flatMap((message) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      return [length, message];
    });
    this.socket.write(Buffer.concat(frames));
  }

  /** The next message; rejects when the connection ends before it, or nothing comes for 5 s. */
  async next(): Promise<Buffer> {
    const message = await this.#wait(() => {
      const length = this.#got.length < 2 ? Number.POSITIVE_INFINITY : this.#got.readUInt16BE(0);
      if (this.#got.length < 2 + length) return undefined;
      const whole = this.#got.subarray(2, 2 + length);
      this.#got = this.#got.subarray(2 + length);
      return whole;
    });
    if (message === undefined) throw new Error("the connection ended");
    return message;
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<void> {
    await this.#wait(() => undefined);
  }

  close(): void {
    this.socket.destroy();
  }

  /** Until `take` gives something; undefined at the end of the connection. */
  #wait(take: () => Buffer | undefined): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing came")), ANSWER_MS_MAX);
      const look = (): void => {
        const found = take();
        if (found === undefined && !this.#ended) return;
        clearTimeout(timer);
        this.#wake = () => {};
        resolve(found);
      };
      this.#wake = look;
      look();
    });
  }
}
