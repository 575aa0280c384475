/** What a load process is asked to do and what it answers; both go between processes as JSON. */
import type { ExpiryJob, ExpiryResult } from "./expiry-job.ts";
import type { GrpcJob } from "./grpc/storm.ts";
import type { ProducersJob } from "./nsq/producers.ts";

/** Requests as fast as the peer answers them, with a fixed number under way, for a time. */
export interface StormJob {
  kind: "etcd-keepalive" | "etcd-put" | "etcd-txn" | "etcd-grant-put" | "etcd-range";
  port: number;
  connections: number;
  /** Requests under way at the same time on each connection. */
  streams: number;
  warmMs: number;
  measureMs: number;
  /** Bytes of a value. */
  valueBytes: number;
  /** Sets this load's keys and leases apart from those of the loads before. */
  salt: string;
}

/** The same against one member of an ensemble of ZooKeeper: each creates ephemeral nodes by a session of its own. */
export interface ZookeeperJob extends Omit<StormJob, "kind" | "streams"> {
  kind: "zookeeper-create";
}

/** The same, of one server, and more of what it does. */
export interface NodesJob extends Omit<StormJob, "kind" | "salt"> {
  kind: "zookeeper-nodes";
  task: "create" | "get" | "children" | "fanout" | "sessions" | "flood" | "fill";
  /** Of a node that has watchers. */
  changes: number;
  /** Nodes to fill it with, or sessions that end. */
  count: number;
}

/** Changes at one node, each seen there and at another one. */
export interface LagJob {
  kind: "rollcall-lag";
  port: number;
  otherPort: number;
  changes: number;
  pauseMs: number;
}

/** Registrations at all of some nodes by turns, each until it is there at all of them. */
export interface VisibleJob {
  /** Of Rollcall, a watcher at each tells; Eureka's servers are asked all the time. */
  kind: "rollcall-visible" | "eureka-visible";
  servers: readonly { host: string; port: number }[];
  changes: number;
  /** The number of the first; each is registered once. */
  first: number;
  pauseMs: number;
}

/** Registrations among so many nodes in the load's own process, over a simulated network that loses some messages. */
export interface SimulatedJob {
  kind: "gossip-simulated";
  nodes: number;
  /** From 0 to 1. */
  loss: number;
  changes: number;
}

/** Heartbeats of instances that `rollcall-fill` registered, of each at the node that it was registered at. */
export interface BeatsJob {
  kind: "rollcall-beats";
  parts: readonly { port: number; first: number; count: number }[];
  serviceSize: number;
  /** Each instance beats so often. */
  everyMs: number;
  forMs: number;
}

/** Changes one after the other at one node, by a few writers, until something dies and for a while after: when each was answered. */
export interface PauseJob {
  kind: "rollcall-pause";
  port: number;
  writers: number;
  forMs: number;
}

export interface LagResult {
  /** From the sending of a change until a watcher at the other node had it. */
  sentToThereMs: number[];
  /** From a watcher at the node of the change to one at the other node. */
  hereToThereMs: number[];
}

/** A fixed number of requests, to fill a registry. */
export interface FillJob {
  kind: "etcd-fill" | "rollcall-fill" | "rollcall-leases";
  port: number;
  connections: number;
  count: number;
  /** The number of the first instance; 0 when left out. */
  first?: number;
  /** Instances to a service. */
  serviceSize: number;
  valueBytes: number;
}

/** Renewals of many leases in one request each. */
export interface BulkJob {
  kind: "rollcall-bulk";
  port: number;
  connections: number;
  count: number;
  batch: number;
}

/** Services with a check each, registered with an agent of Consul; or put on nodes without agents, by transactions. */
export interface ConsulFillJob {
  kind: "consul-fill" | "consul-catalog";
  port: number;
  connections: number;
  count: number;
  serviceSize: number;
}

/** Checks of `consul-fill`, passed again and again. The result has the p99 of the answers, in ms, as its only lag. */
export interface ConsulBeatsJob {
  kind: "consul-beats";
  port: number;
  connections: number;
  count: number;
  everyMs: number;
  measureMs: number;
}

/** Watchers, and changes that all of them must get. */
export interface FanoutJob {
  kind: "etcd-fanout" | "rollcall-fanout" | "consul-fanout" | "grpc-fanout" | "grpc-eds";
  port: number;
  watchers: number;
  /** How many connections they share. */
  connections: number;
  /** Watches on one etcd stream, or subscriptions on one SSE stream. */
  watchesPerStream: number;
  changes: number;
}

/** Watchers of all changes under a prefix, each on a connection of its own, and changes at a steady rate. */
export interface BusyJob {
  kind: "etcd-busy" | "rollcall-busy";
  port: number;
  /** 0 when DNS is not asked. */
  dnsPort: number;
  watchers: number;
  writesPerSecond: number;
  warmMs: number;
  measureMs: number;
}

/** The changes of a busy job, and questions beside them. */
export interface PaceJob extends Omit<BusyJob, "kind"> {
  kind: "etcd-pace" | "rollcall-pace";
}

export interface PaceResult {
  /** All that were made. */
  writes: number;
  /** In the measured time. */
  perSecond: number;
  getP99Ms: number;
  dnsP99Ms: number | null;
}

export interface BusyResult extends PaceResult {
  /** The longest time from the sending of a change until the last watcher had it. */
  lagMsMax: number;
  /** Watchers that got each change once, in order, to the last one. */
  complete: number;
}

/** Clients that all change one thing, each as soon as its last change is answered. */
export interface ContentionJob {
  kind: "contention";
  /**
   * One instance over the native API or Eureka's, a service or a session of Rackspace's, a name over DNS UPDATE, or an
   * instance over DNS UPDATE and the native API `beside` each other; or keys under one parent in the load's own process, numbered where they are decided or `outside`.
   */
  target: "patch" | "eureka" | "service" | "session" | "dns" | "beside" | "keys" | "keys-outside";
  /** Where the thing is changed. */
  port: number;
  /** Of the native API. */
  httpPort: number;
  /** For keys of the load's own process. */
  dir: string;
  clients: number;
  warmMs: number;
  measureMs: number;
}

export interface CrowdResult {
  /** Changes of the client that made the fewest, and the most, in the measured time. */
  least: number;
  most: number;
  /** Proposals for each change; left out when the server does not count them. */
  tries?: number;
}

/** The services of `dns/names.ts`, each with its instances. */
export interface DnsFillJob {
  kind: "rollcall-dns-fill";
  port: number;
  connections: number;
  services: number;
}

/** Changes of those services over HTTP, and DNS questions for them. */
export interface DnsChangeJob {
  kind: "rollcall-dns-change";
  port: number;
  dnsPort: number;
  services: number;
  changes: number;
  /** The number of the first change; the same number twice changes nothing. A multiple of 4. */
  first: number;
}

/** The first instances of `eureka/instances.ts`, registered once each. */
export interface EurekaFillJob {
  kind: "eureka-fill";
  port: number;
  connections: number;
  instances: number;
}

/** The same instances registered again with other metadata, at a steady rate, so that answers change. */
export interface EurekaChurnJob {
  kind: "eureka-churn";
  port: number;
  instances: number;
  perSecond: number;
  forMs: number;
}

/** Registrations at a steady rate, while one client fetches everything and another what has changed. */
export interface EurekaViewJob {
  kind: "eureka-view";
  port: number;
  /** Instances that are there already. */
  instances: number;
  /** The number of the first change; the same number twice changes nothing. A multiple of 3. */
  first: number;
  changes: number;
  overMs: number;
  /** By turns a new instance, other metadata, and an instance that goes; else new ones only. */
  mixed: boolean;
  /** How long a change may take until both clients have it. */
  seenMsMax: number;
}

/** Instances with a short lease that stop beating, among others that go on, and the same two clients. */
export interface EurekaCrashJob {
  kind: "eureka-crash";
  port: number;
  /** Instances that are there already, and go on. */
  instances: number;
  /** The number of the first that crashes; each crashes once. */
  first: number;
  crashes: number;
  leaseS: number;
  /** Heartbeats a second of the others. */
  beatsPerSecond: number;
  /** How long it may take until a change is in the fetches. */
  seenMsMax: number;
}

export type EurekaJob = EurekaFillJob | EurekaChurnJob | EurekaViewJob | EurekaCrashJob;

export type Job =
  | StormJob
  | GrpcJob
  | ZookeeperJob
  | NodesJob
  | LagJob
  | PauseJob
  | VisibleJob
  | SimulatedJob
  | BeatsJob
  | FillJob
  | ExpiryJob
  | ConsulFillJob
  | ConsulBeatsJob
  | BulkJob
  | FanoutJob
  | BusyJob
  | PaceJob
  | ContentionJob
  | DnsFillJob
  | DnsChangeJob
  | ProducersJob
  | EurekaJob;

/** What one fetching client saw. */
export interface ViewResult {
  /** From the acknowledgement of each new instance to the first fetch that has it; 0 when it was seen before. */
  fromAckMs: number[];
  /** From the sending of each registration. */
  fromPostMs: number[];
  /** Fetches without the change, whatever kind it was, that were sent after its acknowledgement. */
  stale: number;
  fetches: number;
  /** The median time of a fetch. */
  fetchMs: number;
  bytes: number;
}

export interface EurekaViewResult {
  full: ViewResult;
  delta: ViewResult;
}

export interface EurekaCrashResult {
  /** From just before each last heartbeat was sent to the first fetch without the instance. */
  goneMs: number[];
  /** The same until the delta says that it is deleted. */
  deltaMs: number[];
}

export interface DnsChangeResult {
  /** From the sending of each change to the first answer that has it, asked for all the time. */
  fromPutMs: number[];
  /** From the acknowledgement of each change to the first answer that has it, of those asked for after it. */
  fromCommitMs: number[];
  /** The median round trip of the questions that were asked all the time: what an answer takes, changed or not. */
  askMs: number;
  /** Answers without the change to questions that were sent after its acknowledgement. */
  stale: number;
  /** Questions that had no answer and were asked again. */
  lost: number;
}

export interface JobResult {
  /** Requests, changes or leases done in the measured time. */
  count: number;
  errors: number;
  seconds: number;
  /** How much of one core the load process used: near 1 means that it, not the peer, may be the limit. */
  loadCores: number;
  /** Time of each change until the last watcher had it. */
  lagsMs?: number[];
  busy?: BusyResult;
  pace?: PaceResult;
  crowd?: CrowdResult;
  lag?: LagResult;
  /** From the sending of each registration until all nodes had it. */
  visibleMs?: number[];
  /** What each node sent while nothing happened, and took for each registration. */
  simulated?: { bytesPerSecond: number; cpuUs: number };
  /** When each change was answered, in ms of the system's clock. */
  answeredAtMs?: number[];
  /** When the last was sent, at the latest. */
  endedAtMs?: number;
  dnsChanges?: DnsChangeResult;
  eurekaViews?: EurekaViewResult;
  eurekaCrashes?: EurekaCrashResult;
  /** The slowest answer of all. */
  slowestMs?: number;
  expiry?: ExpiryResult;
}

/** Each instance's lease or key by number, the same in every load. */
export function toLeaseId(salt: string, number: number): bigint {
  let hash = 0n;
  for (const byte of Buffer.from(salt)) hash = (hash * 31n + BigInt(byte)) & 0xff_ffffn;
  return (hash << 32n) + BigInt(number) + 1n;
}

/** A registration as JSON, `bytes` long, or longer if it does not fit; the shortest possible one for 0. */
export function toRegistration(number: number, bytes: number): string {
  const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  if (bytes === 0) return JSON.stringify({ address, port: 8080, ttl: "1h" });
  const body = {
    address,
    port: 8080,
    protocol: "http",
    tags: ["v1", "read"],
    meta: { cluster: "small", idc: "shanghai", note: "" },
    version: "1.4.2",
    zone: "zone-a",
    ttl: "1h",
  };
  const missing = bytes - JSON.stringify(body).length;
  if (missing > 0) body.meta.note = "x".repeat(missing);
  return JSON.stringify(body);
}

/** `bench-0007`: a service by number. */
export function toService(number: number): string {
  return `bench-${String(number).padStart(4, "0")}`;
}
