/** What the tests of the serf dialect share: a registry, Debian's command, and connections as bytes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { requirePackage } from "../harness/packages.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

export const serf = requirePackage("serf", "serf");

export async function startSerf(
  scope: Scope,
  settings: Readonly<Record<string, unknown>> = {},
  config: Readonly<Record<string, unknown>> = {},
): Promise<Rollcall> {
  const file = join(temporaryDirectory(scope, "serf"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ name: "n1", dialectSettings: { serf: settings }, ...config }));
  return startRollcall(scope, { flags: ["--config", file, "--dialects", "http,serf", "--serf-port", "0"] });
}

export async function put(rollcall: Rollcall, path: string, body: unknown, headers = {}): Promise<void> {
  const { status, text: said } = await request(`${rollcall.url}/v2/default/${path}`, { method: "PUT", body, headers });
  assert.ok(status < 300, said);
}

export async function remove(rollcall: Rollcall, path: string): Promise<void> {
  const { status, text: said } = await request(`${rollcall.url}/v2/default/${path}`, { method: "DELETE" });
  assert.ok(status < 300, said);
}

export interface Ended {
  readonly out: string;
  readonly code: number | null;
}

/** Debian's `serf`, with all that it prints. `at`: a port here, or an address. */
export async function run(at: number | string, command: string, ...args: readonly string[]): Promise<Ended> {
  const address = typeof at === "number" ? `127.0.0.1:${at}` : at;
  const child = spawn(serf.path, [command, `-rpc-addr=${address}`, ...args]);
  const code = once(child, "close");
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { out: out + error, code: ((await code) as [number | null])[0] };
}

/** One that goes on until the test ends; answers what it has printed so far. */
export function follow(scope: Scope, port: number, command: string, ...args: readonly string[]): () => string {
  const child = spawn(serf.path, [command, `-rpc-addr=127.0.0.1:${port}`, ...args]);
  scope.after(() => void child.kill("SIGKILL"));
  let out = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (out += chunk));
  return () => out;
}

/** A connection, and all that came over it. */
export class Raw {
  readonly socket: Socket;
  bytes: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
    });
  }

  static async open(scope: Scope, port: number): Promise<Raw> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    scope.after(() => void socket.destroy());
    await once(socket, "connect");
    return new Raw(socket);
  }

  get hex(): string {
    return this.bytes.toString("hex");
  }

  /** Sends bytes, and waits until these have come back since. */
  async say(hex: string, answer: string): Promise<void> {
    const from = this.hex.length;
    this.socket.write(Buffer.from(hex, "hex"));
    await until(() => this.hex.slice(from).includes(answer) || this.socket.closed, { what: `${answer} after ${hex}` });
    assert.equal(this.hex.slice(from), answer);
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, "close");
  }
}
