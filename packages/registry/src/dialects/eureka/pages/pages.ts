/** The pages for people, and /status for scripts: what is there, put together when somebody asks. */
import { availableParallelism, totalmem } from "node:os";
import type { Account, InstanceRecord, LeaseRecord } from "../../../core/index.ts";
import { Head } from "../../../net/http/head.ts";
import type { Reply } from "../../../net/http/reply.ts";
import type { NodeStatus } from "../../contract.ts";
import type { Desk, PeerStatus } from "../desk.ts";
import type { Fetch } from "../fetch/fetch.ts";
import { META } from "../instances/meta.ts";
import { overrideOf, shownStatus } from "../instances/status.ts";
import { type EurekaStatus, type Format, type InstanceInfo, LEASE_DEFAULT } from "../wire/messages.ts";
import { type Dashboard, type Holding, type ShownApp, type ShownInstance, writeDashboard } from "./dashboard.ts";
import { PAGE_POLICY } from "./html.ts";
import { writeLastn } from "./lastn.ts";
import type { Recent } from "./recent.ts";
import { writeStatus } from "./status.ts";

const PAGE = new Head({
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": PAGE_POLICY,
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
});

/** A page of more instances is of no use to anybody. */
const LISTED_MAX = 1000;
const ACCOUNTS_MAX = 100;
/** `api-2` before `api-10`. */
const ORDER = new Intl.Collator("en", { numeric: true });

export interface PageParts {
  readonly desk: Desk;
  readonly node: NodeStatus;
  readonly fetch: Fetch;
  readonly recent: Recent;
  peers(): readonly PeerStatus[];
}

export class Pages {
  readonly #parts: PageParts;

  constructor(parts: PageParts) {
    this.#parts = parts;
  }

  /** GET /. `confined`: the one account that the reader may see, or null. */
  dashboard(response: Reply, account: Account, confined: Account | null): void {
    const { desk, node, fetch, peers } = this.#parts;
    const summary = fetch.summary(account);
    const leases = this.#leases(account);
    const page: Dashboard = {
      nowMs: desk.clock.now(),
      node: node.name,
      version: node.version,
      startedAtMs: node.startedAtMs,
      replicator: node.replicator,
      region: desk.settings.region,
      account,
      accounts: this.#accounts(account, confined),
      counts: summary.counts,
      instances: summary.instances,
      leases: leases.count,
      holding: leases.holding,
      apps: this.#apps(account),
      appsTotal: summary.applications,
      peers: peers(),
    };
    response.send(200, PAGE, writeDashboard(page));
  }

  /** GET /lastn */
  lastn(response: Reply, account: Account): void {
    const { desk, recent } = this.#parts;
    const nowMs = desk.clock.now();
    const registered = recent.registered(account);
    const cancelled = recent.cancelled(account);
    response.send(200, PAGE, writeLastn({ account, nowMs, registered, cancelled }));
  }

  /** GET /status */
  status(format: Format): string {
    const { peers } = this.#parts;
    const all = peers();
    const urls = (wanted: (peer: PeerStatus) => boolean): string =>
      all
        .filter(wanted)
        .map(({ url }) => url)
        .join(",");
    const application = {
      "registered-replicas": urls(() => true),
      "available-replicas": urls(({ reachable }) => reachable),
      "unavailable-replicas": urls(({ reachable }) => !reachable),
    };
    return writeStatus(format, { general: this.#general(), application, instance: this.#self() });
  }

  #general(): Record<string, string> {
    const { desk, node } = this.#parts;
    const minutes = Math.floor((desk.clock.now() - node.startedAtMs) / 60_000);
    const days = Math.floor(minutes / 1440);
    const two = (value: number): string => String(value).padStart(2, "0");
    const prefix = days === 0 ? "" : days === 1 ? "1 day " : `${days} days `;
    return {
      environment: "rollcall",
      "num-of-cpus": String(availableParallelism()),
      "total-avail-memory": `${Math.round(totalmem() / 1_048_576)}mb`,
      "server-uptime": `${prefix}${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`,
    };
  }

  /** This server, as an instance of itself. */
  #self(): InstanceInfo {
    const { desk, node } = this.#parts;
    const { host, port } = desk.listener;
    const startedAtMs = Math.round(node.startedAtMs);
    return {
      instanceId: `${node.name}:eureka:${port}`,
      hostName: node.name,
      app: "EUREKA",
      ipAddr: host,
      sid: undefined,
      status: node.ready() ? "UP" : "STARTING",
      overriddenStatus: "UNKNOWN",
      port: { port, enabled: true },
      securePort: { port: 0, enabled: false },
      countryId: 1,
      dataCenterInfo: { name: "MyOwn", metadata: {} },
      leaseInfo: {
        ...LEASE_DEFAULT,
        registrationTimestamp: startedAtMs,
        lastRenewalTimestamp: startedAtMs,
        evictionTimestamp: 0,
        serviceUpTimestamp: startedAtMs,
      },
      metadata: {},
      appGroupName: undefined,
      homePageUrl: undefined,
      statusPageUrl: undefined,
      healthCheckUrl: undefined,
      secureHealthCheckUrl: undefined,
      vipAddress: "eureka",
      secureVipAddress: undefined,
      isCoordinatingDiscoveryServer: true,
      lastUpdatedTimestamp: startedAtMs,
      lastDirtyTimestamp: startedAtMs,
      actionType: "ADDED",
      asgName: undefined,
    };
  }

  #accounts(shown: Account, confined: Account | null): readonly string[] {
    if (confined !== null) return [shown];
    const names = new Set([shown]);
    this.#parts.desk.registry.read((view) => {
      for (const { name, counts } of view.accounts()) {
        if (names.size >= ACCOUNTS_MAX) return;
        if (counts.instances > 0) names.add(name);
      }
    });
    return [...names].sort();
  }

  #leases(account: Account): { readonly count: number; readonly holding: Holding | undefined } {
    return this.#parts.desk.registry.read((view) => {
      const found = view.account(account);
      let count = 0;
      let first: LeaseRecord["held"] = null;
      let held = 0;
      for (const lease of found?.leases() ?? []) {
        count++;
        if (lease.held === null) continue;
        held++;
        if (first === null || lease.held.sinceMs < first.sinceMs) first = lease.held;
      }
      return { count, holding: first === null ? undefined : { count: held, ...first } };
    });
  }

  #apps(account: Account): ShownApp[] {
    const apps: ShownApp[] = [];
    let room = LISTED_MAX;
    for (const { name, records } of this.#parts.fetch.listing(account, LISTED_MAX)) {
      const listed = [...records].sort((a, b) => ORDER.compare(a.id, b.id)).slice(0, room);
      room -= listed.length;
      apps.push({ name, count: records.length, instances: listed.map((record) => this.#show(account, record)) });
      if (room === 0) break;
    }
    return apps;
  }

  #show(account: Account, record: InstanceRecord): ShownInstance {
    const { registry } = this.#parts.desk;
    const port = record.ports.default ?? record.ports.secure ?? Object.values(record.ports)[0];
    const host = record.address.includes(":") ? `[${record.address}]` : record.address;
    const status: EurekaStatus = shownStatus(record);
    return {
      id: record.id,
      status,
      override: overrideOf(record),
      address: port === undefined ? record.address : `${host}:${port}`,
      zone: record.zone,
      via: record.via,
      url: record.meta[META.statusPageUrl] ?? record.meta[META.homePageUrl],
      lastBeatMs: record.lease === null ? 0 : (registry.pulse(account, record.lease)?.lastBeatMs ?? 0),
      registeredAtMs: record.createdAtMs,
      hasLease: record.lease !== null,
      heldSinceMs: record.held?.sinceMs,
    };
  }
}
