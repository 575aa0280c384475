/** What the tests of the SkyDNS dialect share: a registry, requests to it, and a place that takes callbacks. */
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

export interface SkyRig {
  readonly rollcall: Rollcall;
  /** `path` begins behind `/skydns` and goes out as written. */
  call(method: string, path: string, body?: unknown, spec?: RequestSpec): Promise<Answer>;
  /** PUT of a service with what is left out filled in. */
  add(uuid: string, more?: Readonly<Record<string, unknown>>): Promise<Answer>;
  get(uuid: string): Promise<Answer>;
}

export interface SkyOptions {
  /** `dialectSettings.skydns`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dialects?: string;
  readonly flags?: readonly string[];
}

export const SERVICE = {
  Name: "TestService",
  Version: "1.0.0",
  Environment: "Production",
  Region: "Test",
  Host: "web1.site.com",
  Port: 9000,
  TTL: 60,
};

export async function startSky(scope: Scope, options: SkyOptions = {}): Promise<SkyRig> {
  const file = join(temporaryDirectory(scope, "skydns"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ dialectSettings: { skydns: options.settings ?? {} }, ...options.config }));
  const flags = ["--config", file, "--dialects", options.dialects ?? "http,skydns", "--skydns-port", "0"];
  const rollcall = await startRollcall(scope, { flags: [...flags, ...(options.flags ?? [])] });
  const call: SkyRig["call"] = (method, path, body, spec) =>
    request(`http://127.0.0.1:${rollcall.port("skydns")}/skydns${path}`, {
      ...spec,
      method,
      ...(body === undefined ? {} : { body }),
    });
  return {
    rollcall,
    call,
    add: (uuid, more = {}) => call("PUT", `/services/${uuid}`, { ...SERVICE, ...more }),
    get: (uuid) => call("GET", `/services/${uuid}`),
  };
}

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Receiver {
  readonly port: number;
  readonly received: readonly Received[];
  /** Most requests that were under way at once. */
  readonly atOnceMax: number;
  /** From now on answers only when this resolves. */
  hold(until: Promise<void>): void;
  close(): Promise<void>;
}

/** Takes callbacks as their askers do. */
export async function openReceiver(scope: Scope, port = 0, status = 200): Promise<Receiver> {
  const received: Received[] = [];
  const state = { atOnce: 0, atOnceMax: 0, gate: Promise.resolve() };
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    state.atOnceMax = Math.max(state.atOnceMax, ++state.atOnce);
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url = "", headers } = incoming;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString("utf8") });
      void state.gate.then(() => {
        state.atOnce--;
        response.writeHead(status, { Location: "/elsewhere" }).end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  scope.after(close);
  return {
    port: (server.address() as AddressInfo).port,
    received,
    get atOnceMax() {
      return state.atOnceMax;
    },
    hold(until) {
      state.gate = until;
    },
    close,
  };
}

const WATCH = { Name: "TestService", Version: "1.0.0", Environment: "Production", Region: "Test" };

/** PUT of a callback to a port of this machine. */
export function watch(rig: SkyRig, uuid: string, port: number, more: object = {}) {
  return rig.call("PUT", `/callbacks/${uuid}`, { ...WATCH, Host: "any", Reply: "127.0.0.1", Port: port, ...more });
}
