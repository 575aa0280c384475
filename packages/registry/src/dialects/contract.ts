/** What a dialect is, and the house it is opened in. */
import type { Logger } from "pino";
import type { Access, Clock, Registry } from "../core/index.ts";
import type { HttpListener } from "../net/http.ts";

/** Everything a dialect may use. */
export interface House {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The native listener, shared by `http` and `rackspace`. */
  readonly http: HttpListener;
  readonly status: NodeStatus;
  /** This dialect's part of the configuration, validated by the dialect itself. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** This process, for health and administration. */
export interface NodeStatus {
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly replicator: string;
  /** True between a complete start and the beginning of the stop. */
  ready(): boolean;
  /** Addresses that dialects listen on. */
  endpoints(): readonly Endpoint[];
  /** Writes a consistent copy of the store to this new file while the registry runs. Undefined where there is no store. */
  readonly backup: ((file: string) => Promise<void>) | undefined;
  /** Prometheus text. */
  metricsText(): Promise<string>;
}

export interface Endpoint {
  readonly dialect: string;
  /** `http`, `https`, `tcp`, `udp`. */
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** Numbers a dialect may add to; the names are fixed so that dialects stay comparable. */
export interface Metrics {
  /** Open streams and long polls: call with +1 and -1. */
  watchers(dialect: string, delta: number): void;
}

export interface Mounted {
  /** Ends streams with their position; answers go on until `close`. */
  drain(): void;
  close(): Promise<void>;
}

export interface Dialect {
  readonly name: string;
  /** `total`: needs one order of all commits. A mount that cannot be honest is refused at start. */
  readonly needs: "total" | "any";
  /** Ports of its own; empty for one that lives on the native listener. */
  readonly ports: readonly { readonly name: string; readonly port: number; readonly scheme: "http" | "tcp" | "udp" }[];
  open(house: House): Promise<Mounted>;
}
