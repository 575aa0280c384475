/** What the tests of the Consul dialect share: the program with its port, and requests to it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";

export interface ConsulOptions extends NonNullable<Parameters<typeof startRollcall>[1]> {
  /** `dialectSettings.consul`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dialects?: string;
}

export interface Consul {
  readonly rollcall: Rollcall;
  readonly port: number;
  /** `path` begins behind `/v1` and goes out as written. */
  call(method: string, path: string, body?: unknown, spec?: RequestSpec): Promise<Answer>;
  get(path: string): Promise<Answer>;
  put(path: string, body?: unknown): Promise<Answer>;
}

export async function startConsul(scope: Scope, options: ConsulOptions = {}): Promise<Consul> {
  const { settings, config, dialects, flags, ...rest } = options;
  const file = join(temporaryDirectory(scope, "consul"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ dialectSettings: { consul: settings ?? {} }, ...config }));
  const own = ["--config", file, "--dialects", dialects ?? "http,consul"];
  const rollcall = await startRollcall(scope, { ...rest, flags: [...own, ...(flags ?? [])] });
  const port = rollcall.port("consul");
  const call: Consul["call"] = (method, path, body, spec) =>
    request(`http://127.0.0.1:${port}/v1${path}`, { ...spec, method, ...(body === undefined ? {} : { body }) });
  return {
    rollcall,
    port,
    call,
    get: (path) => call("GET", path),
    put: (path, body) => call("PUT", path, body),
  };
}

/** The index of a read. */
export function indexOf({ headers, text }: Answer): number {
  const index = Number(headers["x-consul-index"]);
  assert.ok(index >= 1, `no index: ${text}`);
  return index;
}

/** A session's id. */
export async function beginSession(consul: Consul, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const created = await consul.put("/session/create", more);
  assert.equal(created.status, 200, created.text);
  return created.json().ID;
}

export interface Waiting {
  readonly answer: ReturnType<Consul["get"]>;
  done: boolean;
}

/** Asks, and resolves once the query waits. `known`: `index=…` or `hash=…`. */
export async function waitAt(consul: Consul, path: string, known: string): Promise<Waiting> {
  const open = await watchers(consul);
  const waiting: Waiting = {
    done: false,
    answer: consul.get(`${path}${path.includes("?") ? "&" : "?"}${known}&wait=60s`).then((answer) => {
      waiting.done = true;
      return answer;
    }),
  };
  await until(async () => waiting.done || (await watchers(consul)) > open);
  return waiting;
}

async function watchers({ rollcall }: Consul): Promise<number> {
  const text = await (await fetch(`${rollcall.url}/metrics`)).text();
  return Number(/^rollcall_watchers\{dialect="consul"\} (\d+)/m.exec(text)?.[1] ?? 0);
}
