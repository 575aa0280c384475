/** The dialects of this program, as data: all that is known of one before it is loaded. */
import type { Dialect, NameSource } from "../dialects/contract.ts";

/** The setting `ports.<name>` and the flag `--<name>-port` are named after it. */
export interface ListedPort {
  readonly name: string;
  readonly port: number;
  /** Open only where the dialect's settings ask for it. */
  readonly isOptional?: true;
}

export interface ListedDialect {
  readonly name: string;
  /** Ports of its own; none for a dialect on the native listener. The first has the dialect's name. */
  readonly ports: readonly ListedPort[];
  /** How paths of its HTTP API begin, for those who ask at another port. */
  readonly paths?: readonly string[];
  /** Whether it keeps notes to itself in the meta of instances, under keys that begin with `<name>.` */
  readonly notes: boolean;
  readonly load: () => Promise<Dialect>;
  /** How its users name things in DNS, which `dns` answers also while the dialect itself is not open. */
  readonly names?: () => Promise<NameSource>;
}

/** The port of the native listener. */
export const NATIVE_PORT: ListedPort = { name: "http", port: 7070 };

/** In the order in which they are opened. */
export const DIALECTS: readonly ListedDialect[] = [
  {
    name: "http",
    ports: [],
    paths: ["/v2/"],
    notes: false,
    load: async () => (await import("../dialects/http/dialect.ts")).dialect,
  },
  {
    name: "rackspace",
    ports: [],
    paths: ["/v1.0/", "/v2.0/"],
    notes: true,
    load: async () => (await import("../dialects/rackspace/dialect.ts")).dialect,
  },
  {
    name: "dns",
    ports: [{ name: "dns", port: 8600 }],
    notes: true,
    load: async () => (await import("../dialects/dns/dialect.ts")).dialect,
  },
  {
    name: "skydns",
    ports: [{ name: "skydns", port: 8080 }],
    paths: ["/skydns/"],
    notes: true,
    load: async () => (await import("../dialects/skydns/dialect.ts")).dialect,
    names: async () => (await import("../dialects/skydns/names/source.ts")).SKYDNS_NAMES,
  },
  {
    name: "eureka",
    ports: [{ name: "eureka", port: 8761 }],
    paths: ["/eureka/"],
    notes: true,
    load: async () => (await import("../dialects/eureka/dialect.ts")).dialect,
  },
  {
    name: "consul",
    ports: [{ name: "consul", port: 8500 }],
    paths: ["agent", "catalog", "health", "kv", "session", "status", "txn", "event", "query"].map(
      (word) => `/v1/${word}/`,
    ),
    notes: true,
    load: async () => (await import("../dialects/consul/dialect.ts")).dialect,
    names: async () => (await import("../dialects/consul/queries/names.ts")).NAMES,
  },
  {
    name: "nsqlookupd",
    ports: [
      { name: "nsqlookupd", port: 4160 },
      { name: "nsqlookupd-http", port: 4161 },
    ],
    paths: ["lookup", "topics", "channels", "nodes"].map((word) => `/${word}/`),
    notes: true,
    load: async () => (await import("../dialects/nsqlookupd/dialect.ts")).dialect,
  },
  {
    name: "hera",
    ports: [{ name: "hera", port: 3222 }],
    paths: ["/_deltas/"],
    notes: true,
    load: async () => (await import("../dialects/hera/dialect.ts")).dialect,
  },
  {
    name: "serf",
    ports: [{ name: "serf", port: 7373 }],
    notes: true,
    load: async () => (await import("../dialects/serf/dialect.ts")).dialect,
  },
  {
    name: "doozer",
    ports: [{ name: "doozer", port: 8046 }],
    notes: false,
    load: async () => (await import("../dialects/doozer/dialect.ts")).dialect,
  },
  {
    name: "zookeeper",
    ports: [
      { name: "zookeeper", port: 2181 },
      { name: "zookeeper-admin", port: 2182, isOptional: true },
    ],
    paths: ["/commands/"],
    notes: false,
    load: async () => (await import("../dialects/zookeeper/dialect.ts")).dialect,
  },
  {
    name: "etcd",
    ports: [{ name: "etcd", port: 2379 }],
    paths: ["/v3/", "/v3beta/", "/v3alpha/", "/v2/keys/"],
    notes: false,
    load: async () => (await import("../dialects/etcd/dialect.ts")).dialect,
  },
  {
    name: "grpc",
    ports: [{ name: "grpc", port: 7071 }],
    notes: false,
    load: async () => (await import("../dialects/grpc/dialect.ts")).dialect,
  },
];

/** How the HTTP paths of each protocol begin. */
export const PATHS = DIALECTS.map(({ name, paths = [] }) => [name, paths] as const);

/** Every port that can be configured. */
export const PORTS: readonly ListedPort[] = [NATIVE_PORT, ...DIALECTS.flatMap((dialect) => dialect.ports)];
