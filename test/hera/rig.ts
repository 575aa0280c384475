/** What the tests of the hera dialect share: nodes in this process, and a node as the original plays it on the wire. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type RegistrySettings, type StartedRegistry, startRegistry } from "../../packages/registry/src/bin/embed.ts";
import { freePort } from "../harness/ports.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import type { Scope } from "../harness/scope.ts";

/** Addresses by name, as hera's file has them. */
export type Cluster = Readonly<Record<string, { readonly host: string; readonly port: number }>>;

/** A cluster of these nodes on free ports. */
export async function clusterOf(...names: readonly string[]): Promise<Cluster> {
  const nodes = await Promise.all(
    names.map(async (name) => [name, { host: "127.0.0.1", port: await freePort() }] as const),
  );
  return Object.fromEntries(nodes);
}

export interface Node {
  /** `path` goes out as written. */
  call(method: string, path: string, body?: unknown, spec?: RequestSpec): Promise<Answer>;
  close(): Promise<void>;
}

export interface HeraNode extends Node {
  readonly rollcall: StartedRegistry;
  /** The newest revision: it moves with each commit. */
  revision(): Promise<number>;
}

/** A Rollcall of a cluster, in this process. */
export async function startNode(
  scope: Scope,
  name: string,
  cluster: Cluster | undefined,
  { hera = {}, ...settings }: RegistrySettings & { readonly hera?: Readonly<Record<string, unknown>> } = {},
): Promise<HeraNode> {
  const port = cluster?.[name]?.port ?? 0;
  const rollcall = await startRegistry({
    name,
    dialects: ["http", "hera"],
    ports: { hera: port },
    dialectSettings: { hera: { "gossip-interval": 0.1, ...(cluster && { cluster }), ...hera } },
    ...settings,
  });
  scope.after(() => rollcall.close());
  return {
    rollcall,
    call: caller(rollcall.port("hera")),
    revision: async () => (await request(`${rollcall.url}/v2/default/services`)).json().revision,
    close: () => rollcall.close(),
  };
}

function caller(port: number): Node["call"] {
  return (method, path, body, spec) =>
    request(`http://127.0.0.1:${port}${path}`, { ...spec, method, ...(body === undefined ? {} : { body }) });
}

type Row = readonly [service: string, instance: string, blob: unknown, stampMs: number];

/** What an original node does, by its wire format: newest rows first, one row for each heartbeat, no word of any end. */
export class Original implements Node {
  readonly call: Node["call"];
  /** By node, newest first, as they came. */
  readonly rows: Map<string, Row[]>;
  readonly #name: string;
  readonly #cluster: Cluster;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #timer: NodeJS.Timeout | undefined;
  /** How far its clock is ahead. */
  readonly #skewMs: number;

  constructor(name: string, cluster: Cluster, skewMs = 0) {
    this.#name = name;
    this.#cluster = cluster;
    this.#skewMs = skewMs;
    this.rows = new Map(Object.keys(cluster).map((node) => [node, []]));
    this.call = caller(cluster[name]?.port ?? 0);
  }

  async start(scope: Scope): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#cluster[this.#name]?.port, "127.0.0.1", resolve));
    this.#timer = setInterval(() => void this.pull().catch(() => undefined), 100);
    scope.after(() => this.close());
    return this;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Entries by instance, the latest of all nodes' rows. */
  list(service: string): Record<string, unknown> {
    const latest = new Map<string, Row>();
    for (const rows of this.rows.values())
      for (const row of rows)
        if (row[0] === service && row[3] > (latest.get(row[1])?.[3] ?? 0)) latest.set(row[1], row);
    return Object.fromEntries([...latest].map(([id, row]) => [id, row[2]]));
  }

  /** Asks one other node for what came after the greatest stamps seen. */
  async pull(): Promise<void> {
    const others = Object.keys(this.#cluster).filter((name) => name !== this.#name);
    const peer = this.#cluster[others[Math.floor(Math.random() * others.length)] as string];
    const stamps = others.map((name) => `${name}=${Math.max(0, ...(this.rows.get(name) ?? []).map((row) => row[3]))}`);
    const url = `http://${peer?.host}:${peer?.port}/_deltas?${stamps.join("&")}`;
    const told = (await request(url)).json<Record<string, Row[]>>();
    for (const [name, rows] of Object.entries(told)) {
      if (name === this.#name || !this.rows.has(name)) continue;
      for (const row of rows) this.rows.get(name)?.unshift(row);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const url = new URL(request.url ?? "", "http://any");
    const [service = "", instance] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    if (service === "_deltas") {
      const told: Record<string, Row[]> = {};
      for (const [name, stamp] of url.searchParams) {
        const rows = this.rows.get(name);
        if (rows !== undefined) told[name] = rows.filter((row) => row[3] > Number.parseInt(stamp, 10));
      }
      response.end(JSON.stringify(told));
    } else if (instance === undefined) response.end(JSON.stringify(this.list(service)));
    else {
      const blob: unknown = JSON.parse(Buffer.concat(chunks).toString());
      this.rows.get(this.#name)?.unshift([service, instance, blob, Date.now() + this.#skewMs]);
      response.writeHead(204).end();
    }
  }
}
