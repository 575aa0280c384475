import { type Admin, createAdmin, type MetricsHistoryOptions, metricsHistory, status, whoami } from "./admin.ts";
import { clientError, RollcallError } from "./error.ts";
import { type DiscoverOptions, type Discovery, discover, type InstanceFilter, toQuery } from "./find/discovery.ts";
import { createLooks, type Looks } from "./find/looks.ts";
import type { EventBody, EventsBody } from "./follow/changes.ts";
import { type Copying, createCopying } from "./follow/copy.ts";
import { createPast, type Past } from "./follow/differences.ts";
import { createHooks, type Hooks } from "./follow/hooks.ts";
import { createTrio, type SubscribeOptions, subscribe, type Trio } from "./follow/trio.ts";
import {
  type EventsFollowOptions,
  type EventsPageOptions,
  events,
  eventsPage,
  type WatchItem,
  type WatchManyOptions,
  type WatchOptions,
  watch,
  watchMany,
} from "./follow/watch.ts";
import type { Fetch } from "./http/fetch.ts";
import { createTransport, pathOf, type Transport } from "./http/transport.ts";
import { type Config, createConfig } from "./keys/config.ts";
import { createElections, createLocks, type Elections, type Locks } from "./keys/turn.ts";
import { type BeatOptions, createLeases, type Leases, type Page } from "./leases.ts";
import {
  deregister,
  instancePath,
  type RegisterOptions,
  type RegisterSpec,
  type Registration,
  register,
  registerOnce,
} from "./register/registration.ts";
import type {
  ConsumersBody,
  Duration,
  ExplainBody,
  InstanceBody,
  InstancesBody,
  MetricsHistoryBody,
  NodeStatusBody,
  RegisteredBody,
  ServiceBody,
  ServicesBody,
  Status,
  SubscribeBody,
  SubscribedBody,
  WhoamiBody,
} from "./shapes.ts";

export interface ClientOptions {
  /**
   * Where the registry listens, such as `http://127.0.0.1:7070`; several, when it has several nodes: the client goes on at
   * another one when one is gone. A path before `/v2` may follow.
   */
  readonly url: string | readonly string[];
  /** Of several, go to the nearest, or any of those that are as near, and back to it when it was gone. True when left out; false: in the order given. */
  readonly spread?: boolean;
  readonly account?: string;
  readonly token?: string | undefined;
  /** Another fetch: one with a proxy, with client certificates, or a test's. */
  readonly fetch?: Fetch;
  /** The time limit of one request, in ms. Waiting for changes comes on top. */
  readonly timeoutMs?: number;
}

export interface OverrideOptions {
  /** For those who look at it later. */
  readonly reason?: string;
  /** It ends by itself after this. */
  readonly ttl?: Duration;
}

/** Everything the native API can do. Refusals and failures are thrown as `RollcallError`. */
export interface Client extends Past, Looks {
  /** Of the node that answered last. */
  readonly url: string;
  /** Of all nodes that it knows. */
  readonly urls: readonly string[];
  readonly account: string;
  /** Registers and heartbeats until `close()`. */
  register(spec: RegisterSpec, options?: RegisterOptions): Promise<Registration>;
  /** Registers without heartbeats: for tools, and for those that beat by themselves. */
  registerOnce(spec: RegisterSpec, options?: Pick<RegisterOptions, "ifAbsent" | "signal">): Promise<RegisteredBody>;
  /** True when it was there. */
  deregister(service: string, id: string): Promise<boolean>;
  /** One heartbeat, for those that beat by themselves. Give it a time limit well below the time to live. */
  heartbeat(service: string, id: string, options?: BeatOptions): Promise<{ ttlMs: number | null }>;
  /** The result of one of the instance's checks. */
  report(
    service: string,
    id: string,
    check: string,
    result: { status: Status; output?: string },
  ): Promise<{ revision: number }>;
  /** An operator's word over the status; null takes it back. */
  override(
    service: string,
    id: string,
    status: Status | null,
    options?: OverrideOptions,
  ): Promise<{ revision: number }>;
  services(query?: InstanceFilter & Page): Promise<ServicesBody>;
  service(service: string, filter?: InstanceFilter): Promise<ServiceBody>;
  instances(query?: InstanceFilter & Page): Promise<InstancesBody>;
  /** Null when it is not there. */
  instance(service: string, id: string): Promise<InstanceBody | null>;
  explain(service: string, id: string): Promise<ExplainBody>;
  /** Keeps a service's instances at hand. */
  discover(service: string, options?: DiscoverOptions): Discovery;
  /** Commits as they happen; connections that break are taken up where they were. */
  watch(options?: WatchOptions): AsyncGenerator<WatchItem, void>;
  watchMany(options: WatchManyOptions): AsyncGenerator<WatchItem, void>;
  /** Events as they happen, from a cursor on or from now on. */
  events(options?: EventsFollowOptions): AsyncGenerator<EventBody, void>;
  eventsPage(options?: EventsPageOptions): Promise<EventsBody>;
  subscribe(subscribes: SubscribeBody["subscribes"], options?: SubscribeOptions): AsyncGenerator<SubscribedBody, void>;
  consumers(): Promise<ConsumersBody>;
  status(): Promise<NodeStatusBody>;
  /** Who this client is to the registry, and what it may do. */
  whoami(): Promise<WhoamiBody>;
  /** The latest hour, or day, of the numbers at `/metrics`, of the node that answers. */
  metricsHistory(options?: MetricsHistoryOptions): Promise<MetricsHistoryBody>;
  readonly trio: Trio;
  readonly leases: Leases;
  readonly hooks: Hooks;
  readonly config: Config;
  readonly locks: Locks;
  readonly elections: Elections;
  readonly admin: Admin;
  /** For agents. */
  readonly copy: Copying;
}

export function createClient(options: ClientOptions): Client {
  const urls = typeof options.url === "string" ? [options.url] : options.url;
  if (urls.length === 0) throw clientError("invalid", "the url of one node is needed at least");
  const transport = createTransport({
    urls,
    spread: options.spread ?? true,
    account: options.account ?? "default",
    token: options.token,
    // Called without a receiver: browsers refuse `this` other than the window.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    timeoutMs: options.timeoutMs ?? 10_000,
  });
  const { account } = transport;
  const leases = createLeases(transport);
  const config = createConfig(transport);
  return {
    get url() {
      return transport.addresses.current.base;
    },
    urls: transport.addresses.urls,
    account,
    ...catalogOf(transport),
    discover: (service, discoverOptions) => discover(transport, service, discoverOptions),
    watch: (watchOptions = {}) => watch(transport, watchOptions),
    watchMany: (watchOptions) => watchMany(transport, watchOptions),
    events: (eventsOptions = {}) => events(transport, eventsOptions),
    eventsPage: (pageOptions = {}) => eventsPage(transport, pageOptions),
    subscribe: (subscribes, subscribeOptions) => subscribe(transport, subscribes, subscribeOptions),
    consumers: async () => transport.json({ path: pathOf("v2", account, "consumers") }),
    ...createPast(transport),
    ...createLooks(transport),
    status: () => status(transport),
    whoami: () => whoami(transport),
    metricsHistory: (metricsOptions = {}) => metricsHistory(transport, metricsOptions),
    trio: createTrio(transport),
    leases,
    hooks: createHooks(transport),
    config,
    locks: createLocks({ leases, config }),
    elections: createElections({ leases, config }),
    admin: createAdmin(transport),
    copy: createCopying(transport),
  };
}

type Catalog = Pick<
  Client,
  | "register"
  | "registerOnce"
  | "deregister"
  | "heartbeat"
  | "report"
  | "override"
  | "services"
  | "service"
  | "instances"
  | "instance"
  | "explain"
>;

function catalogOf(transport: Transport): Catalog {
  const { account } = transport;

  async function instance(service: string, id: string): Promise<InstanceBody | null> {
    try {
      return await transport.json<InstanceBody>({ path: instancePath(account, service, id) });
    } catch (error) {
      if (error instanceof RollcallError && error.code === "not-found") return null;
      throw error;
    }
  }

  return {
    register: (spec, options) => register(transport, spec, options),
    registerOnce: async (spec, options) => registerOnce(transport, spec, options),
    deregister: async (service, id) => deregister(transport, service, id),
    heartbeat: async (service, id, options = {}) =>
      transport.json({
        ...options,
        method: "POST",
        effect: "same",
        path: instancePath(account, service, id, "heartbeat"),
      }),
    report: async (service, id, check, result) =>
      transport.json({
        method: "PUT",
        path: instancePath(account, service, id, "checks", check),
        json: { output: "", ...result },
      }),
    override: async (service, id, word, { reason, ttl } = {}) =>
      transport.json({
        method: word === null ? "DELETE" : "PUT",
        path: instancePath(account, service, id, "override"),
        json: word === null ? undefined : { status: word, reason, ttl },
      }),
    services: async (query = {}) => transport.json({ path: pathOf("v2", account, "services"), query: toQuery(query) }),
    service: async (service, filter = {}) =>
      transport.json({ path: pathOf("v2", account, "services", service), query: toQuery(filter) }),
    instances: async (query = {}) =>
      transport.json({ path: pathOf("v2", account, "instances"), query: toQuery(query) }),
    instance,
    explain: async (service, id) => transport.json({ path: instancePath(account, service, id, "explain") }),
  };
}
