/** An agent in this process, backends and HAProxy as processes of their own, and traffic that is counted. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@rollcall/client";
import { loadServeConfig } from "../../packages/registry/src/bin/config/load.ts";
import { PORTS } from "../../packages/registry/src/bin/dialects.ts";
import { assemble } from "../../packages/registry/src/bin/house/assemble.ts";
import { createLog } from "../../packages/registry/src/bin/log/logger.ts";
import { Agent, loadConfig, type Sources } from "../../packages/registry/src/smartstack/agent.ts";
import type { DockerConfig } from "../../packages/registry/src/smartstack/config.ts";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, type Program, startProcess } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { type PeerScope, startPeer } from "../peers-rig.ts";

export interface AgentFiles {
  readonly nerve?: object;
  readonly synapse?: object;
  readonly docker?: string;
  readonly dockerOptions?: Partial<DockerConfig>;
  readonly zookeeper?: boolean;
}

export interface Running {
  readonly folder: string;
  /** What it said, each as one line. */
  readonly said: readonly string[];
  /** How often HAProxy was reloaded. */
  reloads(): number;
  /** When, in ms. */
  readonly reloadedAt: readonly number[];
  /** Writes the files anew and reloads, as SIGHUP does. */
  reload(files: AgentFiles): Promise<void>;
  /** Its instances go, all else stays as it is. */
  close(): Promise<void>;
}

/**
 * Starts an agent by files in a directory of its own, in this process: with the catalog that the program follows a registry
 * by, where it watches something. test/agent starts the program itself.
 */
export async function startAgent(
  scope: Scope,
  url: string,
  files: AgentFiles,
  folder = temporaryDirectory(scope, "agent"),
): Promise<Running> {
  const said: string[] = [];
  const reloadedAt: number[] = [];
  const say = (_: object, text: string) => {
    said.push(text);
    if (text === "HAProxy: reloaded") reloadedAt.push(performance.now());
  };
  const config = await read(folder, files);
  const client = createClient({ url, timeoutMs: 2000 });
  const clock = { monotonic: () => performance.now() };
  const agent = new Agent({ client, clock, log: { warn: say, info: say } }, config);
  const catalog = config.watched.some(({ service, zookeeper }) => service !== null && zookeeper === undefined)
    ? await openCatalog(url, folder)
    : undefined;
  if (catalog !== undefined) agent.follow(catalog.registry, "default");
  let ending: Promise<void> | undefined;
  const close = (): Promise<void> => {
    ending ??= agent.close().then(() => catalog?.stop());
    return ending;
  };
  scope.after(close);
  return {
    ...{ folder, said, reloadedAt, close },
    reloads: () => reloadedAt.length,
    reload: async (next) => agent.reload(await read(folder, next)),
  };
}

function openCatalog(url: string, folder: string) {
  const loaded = loadServeConfig({
    flags: {},
    env: {},
    cwd: folder,
    settings: {
      ...{ replicator: "upstream", upstream: { urls: url }, data: join(folder, "data"), dialects: ["http"] },
      ...{ ports: Object.fromEntries(PORTS.map(({ name }) => [name, 0])), log: { level: "silent" } },
    },
  });
  if (!loaded.ok) throw new Error(loaded.problems.join("; "));
  const log = createLog("json", "silent", { lost: 0, write: () => true });
  return assemble(loaded.value, { log, linesLost: () => 0, onBroken() {}, onAnew() {} });
}

async function read(folder: string, { nerve, synapse, docker, dockerOptions, zookeeper = false }: AgentFiles) {
  const write = (name: string, content: object | undefined): string | undefined => {
    if (content === undefined) return undefined;
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify(content, null, 2));
    return path;
  };
  const sources: Sources = {
    nerve: write("nerve.json", nerve),
    synapse: write("synapse.json", synapse),
    docker,
    zookeeper,
    ...(dockerOptions === undefined ? {} : { dockerOptions }),
  };
  const loaded = await loadConfig(sources);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.value.config;
}

/** Answers with its name, and `/health` by the word that it was sent last at `/say/WORD`: `ok` or not. */
const BACKEND = `
const { createServer } = require("node:http");
const [name, port] = process.argv.slice(1);
let word = "ok";
createServer((request, response) => {
  if (request.url.startsWith("/say/")) word = request.url.slice(5);
  if (request.url === "/health") response.statusCode = word === "ok" ? 200 : 503;
  response.end(name);
}).listen(Number(port), "127.0.0.1");
`;

export interface Backend {
  readonly name: string;
  readonly port: number;
  readonly program: Program;
  say(word: string): Promise<unknown>;
}

export async function startBackend(scope: Scope, name: string, given?: number): Promise<Backend> {
  const port = given ?? (await freePort());
  const program = startProcess(scope, process.execPath, ["-e", BACKEND, name, String(port)], {
    env: cleanEnvironment(),
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => request(url).then(({ status }) => status === 200), { what: `backend ${name}` });
  return { name, port, program, say: (word) => request(`${url}/say/${word}`) };
}

/** Nerve's service for a backend, by the answer to `/health`. */
export function nerveService({ port }: Pick<Backend, "port">, more: object = {}): object {
  const checks = [{ type: "http", uri: "/health", timeout: 2, rise: 1, fall: 1 }];
  return { host: "127.0.0.1", port, zk_path: "/nerve/services/web/services", check_interval: 0.2, checks, ...more };
}

export interface Ground {
  /** The top-level section of Synapse's file. */
  readonly haproxy: object;
  readonly configPath: string;
  readonly socketPath: string;
  readonly port: number;
  readonly url: string;
  /** Starts HAProxy on the file that the agent writes, once it is there. */
  start(): Promise<Program>;
}

/** Where a HAProxy is to run: as a master with its worker, reloaded by a signal. */
export async function prepareHaproxy(scope: PeerScope, path: string, more: object = {}): Promise<Ground> {
  const folder = temporaryDirectory(scope, "haproxy");
  const at = (name: string): string => join(folder, name);
  const port = await freePort();
  const socketPath = at("stats.sock");
  const configPath = at("haproxy.cfg");
  const haproxy = {
    config_file_path: configPath,
    socket_file_path: socketPath,
    check_command: `${path} -c -f ${at("haproxy.cfg.candidate")}`,
    reload_command: `kill -USR2 $(cat ${at("pid")})`,
    restart_interval: 0.5,
    bind_address: "127.0.0.1",
    global: [
      `stats socket ${socketPath} mode 600 level admin expose-fd listeners`,
      "log stderr format raw local0 notice",
    ],
    defaults: [
      ...["mode http", "log global", "retries 3", "option redispatch", "retry-on conn-failure empty-response"],
      ...["timeout connect 2s", "timeout client 10s", "timeout server 10s", "option http-server-close"],
    ],
    ...more,
  };
  const start = async (): Promise<Program> => {
    await until(() => existsSync(configPath), { what: "the agent to write the configuration" });
    const program = await startPeer(scope, { path, args: ["-W", "-db", "-f", configPath], port });
    writeFileSync(at("pid"), String(program.pid));
    return program;
  };
  return { haproxy, configPath, socketPath, port, url: `http://127.0.0.1:${port}`, start };
}

/** A service of Synapse's that is proxied at the ground's port. */
export function synapseService({ port }: Pick<Ground, "port">, more: object = {}): object {
  const discovery = { method: "zookeeper", path: "/nerve/services/web/services" };
  return { discovery, haproxy: { port, server_options: "", backend: ["balance roundrobin"] }, ...more };
}

/** Requests one after the other, several at once, until it is ended; each on a connection of its own. */
export class Traffic {
  readonly counts: Record<string, number> = {};
  readonly failures: string[] = [];
  #isOver = false;
  readonly #loops: readonly Promise<void>[];

  constructor(url: string, parallel = 4) {
    this.#loops = Array.from({ length: parallel }, () => this.#run(url));
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0) + this.failures.length;
  }

  /** Until so many more were answered. */
  async more(count: number): Promise<void> {
    const target = this.total + count;
    await until(() => this.total >= target, { what: `${count} more answers` });
  }

  async end(): Promise<this> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    return this;
  }

  async #run(url: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const { status, text } = await request(url, { timeoutMs: 15_000 });
        if (status === 200) this.counts[text] = (this.counts[text] ?? 0) + 1;
        else this.failures.push(`${status}`);
      } catch (error) {
        this.failures.push((error as Error).message);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Which backends answer, asked until all of `names` have, and no other has for a while. */
export async function untilAnswered(url: string, names: readonly string[]): Promise<void> {
  await until(
    async () => {
      const heard = new Set<string>();
      for (let asked = 0; asked < 4 * Math.max(2, names.length); asked++) {
        const { status, text } = await request(url);
        heard.add(status === 200 ? text : String(status));
      }
      return [...heard].sort().join() === [...names].sort().join();
    },
    { what: `answers of ${names.join(", ")}` },
  );
}
