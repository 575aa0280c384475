/** @live Reads the files that say what an agent is to do, and says what that would be. */
import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { type Outcome, ok } from "../core/index.ts";
import { sayWhy } from "../net/why.ts";
import {
  type AgentConfig,
  type DockerConfig,
  type HaproxyConfig,
  type LocalService,
  NOTHING,
  type Problems,
  type ReadOptions,
  type WatchedService,
} from "./config.ts";
import { readNerve } from "./nerve/read.ts";
import { readSynapse } from "./synapse/read.ts";
import { findServiceFolder, type SourceFile } from "./tree.ts";

export interface Sources {
  readonly nerve?: string | undefined;
  readonly synapse?: string | undefined;
  /** `unix:///var/run/docker.sock`, or a path. */
  readonly docker?: string | undefined;
  /** The ZooKeepers that the files name are asked, not the registry. */
  readonly zookeeper?: boolean;
  /** What is not as usual of Docker. */
  readonly dockerOptions?: Partial<DockerConfig>;
}

export interface Loaded {
  readonly config: AgentConfig;
  /** What does not carry over, a line each. */
  readonly notes: readonly string[];
}

const DOCKER: Omit<DockerConfig, "socketPath" | "hostName"> = {
  ports: "published",
  naming: "registrator",
  explicit: false,
  hostAddress: "127.0.0.1",
  environment: "production",
  ttlMs: 30_000,
  tags: [],
};

/** All of it, or what is wrong: each line begins with file and line. */
export async function loadConfig(sources: Sources): Promise<Outcome<Loaded, Problems>> {
  const reading = { zookeeper: sources.zookeeper === true };
  const nerve = sources.nerve === undefined ? undefined : await loadOne(sources.nerve, reading, readNerve);
  const synapse = sources.synapse === undefined ? undefined : await loadOne(sources.synapse, reading, readSynapse);
  const docker = sources.docker === undefined ? ok(null) : toDocker(sources.docker, sources.dockerOptions ?? {});
  const problems = [nerve, synapse, docker].flatMap((read) => (read === undefined || read.ok ? [] : read.problems));
  if (problems.length > 0 || !docker.ok) return { ok: false, problems };
  const services = nerve?.ok === true ? nerve.value.services : NOTHING.services;
  const { watched, haproxy } = synapse?.ok === true ? synapse.value : NOTHING;
  const notes = [nerve, synapse].flatMap((read) => (read?.ok === true ? read.value.notes : []));
  return ok({ config: { services, watched, haproxy, docker: docker.value }, notes });
}

/** With the files of its `service_conf_dir`, which begins where the program was started, as Nerve and Synapse have it. */
async function loadOne<T>(
  path: string,
  reading: ReadOptions,
  read: (file: SourceFile, more: readonly SourceFile[], reading: ReadOptions) => Outcome<T, Problems>,
): Promise<Outcome<T, Problems>> {
  try {
    const file = { path, text: await readFile(path, "utf8") };
    const folder = findServiceFolder(file);
    return read(file, folder === undefined ? [] : await readFolder(resolve(folder)), reading);
  } catch (error) {
    return { ok: false, problems: [`${path}:1: it cannot be read: ${sayWhy(error)}`] };
  }
}

/** In the order of their names, so that complaints are the same each time. */
async function readFolder(folder: string): Promise<readonly SourceFile[]> {
  const names = (await readdir(folder)).filter((name) => /\.(?:json|ya?ml)$/.test(name)).sort();
  const paths = names.map((name) => join(folder, name));
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
}

function toDocker(url: string, options: Partial<DockerConfig>): Outcome<DockerConfig, Problems> {
  const socketPath = url.replace(/^unix:\/\//, "");
  if (!socketPath.startsWith("/"))
    return { ok: false, problems: [`--docker: ${url} is no unix socket such as unix:///var/run/docker.sock`] };
  return ok({ ...DOCKER, hostName: hostname(), socketPath, ...options });
}

/** What would be done, in lines for people. */
export function describe({ services, watched, haproxy, docker }: AgentConfig): readonly string[] {
  return [
    ...services.map(sayLocal),
    ...watched.map(sayWatched),
    ...(haproxy === null ? [] : [sayHaproxy(haproxy)]),
    ...(docker === null
      ? []
      : [`register the containers of ${docker.socketPath} by ${docker.naming}'s names, ${docker.ports} ports`]),
  ];
}

function sayLocal({ service, id, address, port, checks, failing, zookeeper }: LocalService): string {
  const run = checks.map(({ kind, target, intervalMs }) => `${[kind, target].join(" ").trim()} every ${intervalMs} ms`);
  const end = failing === "mark" ? "mark it critical" : "withdraw it";
  const how = run.length === 0 ? "always" : `while it passes ${run.join(" and ")}; else ${end}`;
  const where = zookeeper === undefined ? "" : ` in ZooKeeper at ${zookeeper.hosts.join(",")}, below ${zookeeper.path}`;
  return `register ${service}/${id} at ${address}:${port}${where} ${how}`;
}

function sayWatched({ name, service, zookeeper, defaults, haproxy, outputs }: WatchedService): string {
  const found =
    zookeeper === undefined
      ? `service ${service} of the registry`
      : `${zookeeper.path} of ZooKeeper at ${zookeeper.hosts.join(",")}`;
  const from = service === null ? `${defaults.length} servers of the file` : found;
  const proxy =
    haproxy === null ? [] : [`backend ${haproxy.backendName}${haproxy.port === 0 ? "" : `, port ${haproxy.port}`}`];
  const files = outputs.map(
    ({ path, format, command }) => `${path} (${format}${command === undefined ? "" : `, then ${command}`})`,
  );
  const to = [...proxy, ...files];
  return `follow ${name}: ${from} into ${to.length === 0 ? "nothing" : to.join("; ")}`;
}

function sayHaproxy({ configPath, checkCommand, reloadCommand, socketPath, reloadMs }: HaproxyConfig): string {
  const reload =
    reloadCommand === null ? "never reload it" : `reload it by ${reloadCommand}, at most every ${reloadMs} ms`;
  return `write ${configPath}, checked by ${checkCommand}; ${reload}; tell changes to ${socketPath ?? "no socket"}`;
}
