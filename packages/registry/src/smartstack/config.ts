/** What an agent is to do, wherever that was read: pure shapes, made by `nerve/`, `synapse/` and `docker/`. */
import type { Check, Status } from "../core/index.ts";

/** A check that the agent runs. `exec` has the command as its target. */
export interface LocalCheck extends Check {
  /** Of http: the answer's first 4 KiB must hold this text, too. */
  readonly holds?: string;
}

/** Nodes of a ZooKeeper that is asked itself; left out where the registry is. */
export interface ZooKeeperPlace {
  /** `host:port` each. */
  readonly hosts: readonly string[];
  readonly path: string;
  /** What a node says stands in its name. */
  readonly encodes: boolean;
}

/** An instance on this machine, which the agent speaks for. */
export interface LocalService {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  /** 0 for none. */
  readonly port: number;
  readonly protocol: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly version: string;
  readonly zone: string;
  readonly weight: number;
  /** What it says of itself while all checks pass. */
  readonly status: Status;
  readonly ttlMs: number;
  /** All must pass. Those of kind `ttl` are registered with it, and the registry waits for their reports. */
  readonly checks: readonly LocalCheck[];
  /** What becomes of it while a check fails: it goes, or it stays and is critical. */
  readonly failing: "withdraw" | "mark";
  readonly zookeeper?: ZooKeeperPlace;
}

/** One server that a proxy or a file has. */
export interface Backend {
  readonly id: string;
  /** For proxies an IP address. */
  readonly address: string;
  readonly port: number;
  /** 0–65535, as the registry has it: 100 is usual. */
  readonly weight: number;
  readonly isDraining: boolean;
  /** More words of HAProxy's `server` line. */
  readonly options: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly zone: string;
}

export interface Label {
  readonly label: string;
  readonly value: string;
  readonly isEqual: boolean;
}

export type FileFormat = "json" | "yaml" | "env" | "prometheus" | "nginx" | "template";

/** A file that is kept right, and what is run when it has changed. */
export interface Output {
  readonly path: string;
  readonly format: FileFormat;
  /** Of `template`: the file that it is made from. */
  readonly template?: string;
  /** Run by `sh -c`. */
  readonly command?: string;
}

/** HAProxy's part of a watched service. Lines come without indent. */
export interface ProxiedService {
  /** 0: no frontend of its own. */
  readonly port: number;
  readonly bindAddress: string;
  readonly bindOptions: string;
  /** With `%{host}`, `%{port}` and `%{name}`. */
  readonly serverOptions: string;
  readonly frontend: readonly string[];
  readonly backend: readonly string[];
  /** The section's name; the service's unless given. */
  readonly backendName: string;
  /** Lines for the shared frontend. */
  readonly shared: readonly string[];
}

/** A service that this machine calls. */
export interface WatchedService {
  /** The name of its sections and files. */
  readonly name: string;
  /** In the registry; none for a list that only has `defaults`. */
  readonly service: string | null;
  readonly defaults: readonly Backend[];
  /** `defaults` stay beside those that are found. */
  readonly keepsDefaults: boolean;
  /** An empty answer leaves what was there. */
  readonly keepsPrevious: boolean;
  /** Instead of the instances' own; 0 for none. */
  readonly portOverride: number;
  /** Which of the instances' ports; empty for the main one. */
  readonly portName: string;
  readonly labels: readonly Label[];
  /** Only the one that was registered first. */
  readonly leads: boolean;
  readonly zookeeper?: ZooKeeperPlace;
  readonly haproxy: ProxiedService | null;
  readonly outputs: readonly Output[];
}

export interface HaproxyConfig {
  readonly configPath: string;
  readonly candidatePath: string;
  /** The runtime socket; null for none: each change is a reload then. */
  readonly socketPath: string | null;
  /** Run by `sh -c`; null for none. */
  readonly reloadCommand: string | null;
  readonly checkCommand: string;
  /** False: the file is left as it is. */
  readonly writes: boolean;
  /** Reloads are at least so far apart, plus up to `jitter` times as much. */
  readonly reloadMs: number;
  readonly jitter: number;
  readonly global: readonly string[];
  readonly defaults: readonly string[];
  /** More sections: their head (`listen stats`, `resolvers dns`) and lines. */
  readonly sections: Readonly<Record<string, readonly string[]>>;
  /** Of the one frontend that services add lines to; none when it is empty. */
  readonly shared: readonly string[];
  readonly bindAddress: string;
  /** Servers of a backend are placed in an order that each machine has of its own, by this text. */
  readonly orderSeed: string;
}

export interface DockerConfig {
  readonly socketPath: string;
  /** `published`: ports of this machine. `internal`: the containers' own addresses and ports. */
  readonly ports: "published" | "internal";
  readonly naming: "registrator" | "skydock";
  /** Only containers with a SERVICE_NAME. */
  readonly explicit: boolean;
  /** Where ports of this machine are reached. */
  readonly hostAddress: string;
  readonly hostName: string;
  /** Of skydock's names. */
  readonly environment: string;
  readonly ttlMs: number;
  readonly tags: readonly string[];
}

export interface AgentConfig {
  readonly services: readonly LocalService[];
  readonly watched: readonly WatchedService[];
  readonly haproxy: HaproxyConfig | null;
  readonly docker: DockerConfig | null;
}

export const NOTHING: AgentConfig = { services: [], watched: [], haproxy: null, docker: null };

export interface ReadOptions {
  /** The ZooKeepers that the files name are asked, not the registry. */
  readonly zookeeper: boolean;
}

export const USUAL: ReadOptions = { zookeeper: false };

/** Why a configuration is refused, or what of it does not carry over: a line each, which begins with file and line. */
export interface Problems {
  readonly problems: readonly string[];
}
