/** What the tests of Eureka's peers share: clusters of whole programs, and a peer whose every answer is chosen. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { freePort } from "../../harness/ports.ts";
import { type Scope, until } from "../../harness/scope.ts";
import { type Eureka, getJson, type Shown, startEureka } from "../rig.ts";

export interface NodeOptions {
  readonly port?: number;
  readonly data?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A Rollcall with these peers, as their service URLs. */
export function startNode(scope: Scope, peers: readonly string[], options: NodeOptions = {}): Promise<Eureka> {
  const flags = ["--eureka-port", String(options.port ?? 0), "--log-level", "debug"];
  const data = options.data === undefined ? {} : { data: options.data };
  return startEureka(scope, { flags, settings: { peers, ...options.settings }, ...data });
}

/** So many Rollcalls, each with the same list of all of them; each has reached all others. */
export async function startCluster(scope: Scope, size: number): Promise<readonly Eureka[]> {
  const ports = await Promise.all(Array.from({ length: size }, freePort));
  const peers = ports.map((port) => `http://127.0.0.1:${port}/eureka/`);
  const nodes = await Promise.all(ports.map((port) => startNode(scope, peers, { port })));
  for (const { rollcall } of nodes)
    await until(() => rollcall.logs.filter(({ msg }) => /is reached/.test(String(msg))).length >= size - 1, {
      what: "the peers to reach one another",
    });
  return nodes;
}

/** The instance as a server shows it, also one of another maker, whose 404 has a body. */
export async function findInstance(
  { apps }: Pick<Eureka, "apps">,
  app: string,
  id: string,
): Promise<Shown | undefined> {
  const answer = await getJson(`${apps}/${app}/${encodeURIComponent(id)}`);
  return answer.status === 404 ? undefined : answer.json().instance;
}

/** Waits until a server shows the instance so. */
export async function untilShown(
  server: Pick<Eureka, "apps">,
  app: string,
  id: string,
  isSo: (instance: Shown) => boolean = () => true,
  timeoutMs = 5000,
): Promise<Shown> {
  const what = `${server.apps} to show ${app}/${id} where ${isSo}`;
  return until(
    async () => {
      const shown = await findInstance(server, app, id);
      return shown !== undefined && isSo(shown) ? shown : undefined;
    },
    { what, timeoutMs },
  );
}

export async function untilGone(server: Pick<Eureka, "apps">, app: string, id: string, timeoutMs = 5000) {
  const what = `${server.apps} to have no ${app}/${id}`;
  await until(async () => (await findInstance(server, app, id)) === undefined, { what, timeoutMs });
}

/** One line of a batch as it came. */
export interface Line {
  readonly action: string;
  readonly appName: string;
  readonly id: string;
  readonly lastDirtyTimestamp?: number;
  readonly overriddenStatus?: string;
  readonly status?: string;
  readonly instanceInfo?: Shown;
  /** When it came, in ms. */
  readonly atMs: number;
}

/** What the peer answers to a line; 200 unless the test says otherwise. */
export type Script = (line: Line) => number | { readonly statusCode: number; readonly responseEntity?: Shown };

export interface ScriptedPeer {
  readonly port: number;
  readonly lines: Line[];
  /** Of batches and of fetches. */
  readonly headers: { readonly batch: IncomingHttpHeaders[]; readonly fetch: IncomingHttpHeaders[] };
  readonly paths: string[];
  /** When batches were refused as a whole, in ms. */
  readonly refusals: number[];
  script: Script;
  /** The status of whole batches. */
  status: number;
  /** What it has for a full fetch. */
  instances: readonly Shown[];
  /** Waits for a line. */
  line(isIt: (line: Line) => boolean, timeoutMs?: number): Promise<Line>;
  actions(id: string): readonly string[];
  close(): Promise<void>;
}

export async function startScriptedPeer(scope: Scope, port?: number): Promise<ScriptedPeer> {
  const server = createServer((request, response) => void answer(peer, request, response));
  const peer: ScriptedPeer = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    lines: [],
    headers: { batch: [], fetch: [] },
    paths: [],
    refusals: [],
    script: () => 200,
    status: 200,
    instances: [],
    line: (isIt, timeoutMs = 5000) =>
      until(() => peer.lines.find(isIt), { timeoutMs, what: `a line where ${isIt}` }).catch((error) => {
        throw new Error(`${error.message}; ${JSON.stringify(peer.lines.map(({ action, id }) => `${action} ${id}`))}`);
      }),
    actions: (id) => peer.lines.filter((line) => line.id === id).map(({ action }) => action),
    async close() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
  };
  server.listen(port ?? (await freePort()), "127.0.0.1");
  await once(server, "listening");
  scope.after(() => peer.close());
  return peer;
}

async function answer(peer: ScriptedPeer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  peer.paths.push(`${request.method} ${request.url}`);
  if (request.method === "GET") {
    peer.headers.fetch.push(request.headers);
    const application = peer.instances.map((instance) => ({ name: instance.app, instance: [instance] }));
    const text = JSON.stringify({ applications: { versions__delta: "1", apps__hashcode: "", application } });
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(gzipSync(text));
    return;
  }
  peer.headers.batch.push(request.headers);
  if (peer.status !== 200) {
    peer.refusals.push(performance.now());
    response.writeHead(peer.status).end();
    return;
  }
  const { replicationList } = JSON.parse(body.toString("utf8"));
  const responseList = replicationList.map((sent: Omit<Line, "atMs">) => {
    const line = { ...sent, atMs: performance.now() };
    peer.lines.push(line);
    const said = peer.script(line);
    return typeof said === "number" ? { statusCode: said } : said;
  });
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ responseList }));
}
