/** @live The pages for people, and /status for scripts: put together when somebody asks. */
import { availableParallelism, totalmem } from "node:os";
import type { Account, InstanceRecord, LeaseRecord } from "../../../core/index.ts";
import { Head } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Desk, Handle, PeerStatus } from "../desk.ts";
import type { Summary } from "../fetch/fetch.ts";
import { META } from "../instances/meta.ts";
import { overrideOf, shownStatus } from "../instances/status.ts";
import { inFormat, singleFormatOf } from "../requests/answer.ts";
import { type EurekaStatus, type InstanceInfo, LEASE_DEFAULT } from "../wire/messages.ts";
import { type Holding, type ShownApp, type ShownInstance, writeDashboard } from "./dashboard.ts";
import { PAGE_POLICY } from "./html.ts";
import { writeLastn } from "./lastn.ts";
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

/** GET / */
export const showDashboard: Handle = async (desk, { account, principal }) => {
  const { clock, node, fetch, settings } = desk;
  const summary = await fetch.summary(account, LISTED_MAX);
  const leases = countLeases(desk, account);
  const counts = { ...summary.counts };
  for (const status of leases.held) counts[status] = (counts[status] ?? 1) - 1;
  return toPage(
    writeDashboard({
      nowMs: clock.now(),
      node: node.name,
      version: node.version,
      startedAtMs: node.startedAtMs,
      replicator: node.replicator,
      region: settings.region,
      account,
      accounts: principal.account === null ? listAccounts(desk, account) : [account],
      counts,
      heldInstances: leases.held.length,
      instances: summary.instances,
      leases: leases.count,
      holding: leases.holding,
      apps: listApps(desk, account, summary),
      appsTotal: summary.applications,
      peers: desk.peers(),
    }),
  );
};

/** GET /lastn */
export const showLastn: Handle = ({ clock, recent }, { account }) => {
  const registered = recent.registered(account);
  const cancelled = recent.cancelled(account);
  return toPage(writeLastn({ account, nowMs: clock.now(), registered, cancelled }));
};

/** GET /status */
export const showStatus: Handle = (desk, { request }) => {
  const format = singleFormatOf(request);
  const urls = (wanted: (peer: PeerStatus) => boolean): string =>
    desk
      .peers()
      .filter(wanted)
      .map(({ url }) => url)
      .join(",");
  const application = {
    "registered-replicas": urls(() => true),
    "available-replicas": urls(({ reachable }) => reachable),
    "unavailable-replicas": urls(({ reachable }) => !reachable),
  };
  return inFormat(format, writeStatus(format, { general: describe(desk), application, instance: toSelf(desk) }));
};

function toPage(body: string): Answer {
  return { status: 200, head: PAGE, body };
}

function describe({ clock, node }: Desk): Record<string, string> {
  const minutes = Math.floor((clock.now() - node.startedAtMs) / 60_000);
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
function toSelf({ node, listener }: Desk): InstanceInfo {
  const { host, port } = listener;
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

function listAccounts({ registry }: Desk, shown: Account): readonly string[] {
  const names = new Set([shown]);
  registry.read((view) => {
    for (const { name, counts } of view.accounts()) {
      if (names.size >= ACCOUNTS_MAX) return;
      if (counts.instances > 0) names.add(name);
    }
  });
  return [...names].sort();
}

/** The leases, and the statuses of the instances that are held. */
function countLeases(
  { registry }: Desk,
  account: Account,
): { readonly count: number; readonly held: readonly EurekaStatus[]; readonly holding: Holding | undefined } {
  return registry.read((view) => {
    const found = view.account(account);
    let count = 0;
    let first: LeaseRecord["held"] = null;
    let held = 0;
    const statuses: EurekaStatus[] = [];
    for (const lease of found?.leases() ?? []) {
      count++;
      if (lease.held === null) continue;
      held++;
      if (first === null || lease.held.sinceMs < first.sinceMs) first = lease.held;
      for (const record of view.members(account, lease.id).instances) statuses.push(shownStatus(record));
    }
    return { count, held: statuses, holding: first === null ? undefined : { count: held, ...first } };
  });
}

function listApps(desk: Desk, account: Account, summary: Summary): ShownApp[] {
  const apps: ShownApp[] = [];
  let room = LISTED_MAX;
  for (const { name, records } of summary.listed) {
    const listed = [...records].sort((a, b) => ORDER.compare(a.id, b.id)).slice(0, room);
    room -= listed.length;
    apps.push({ name, count: records.length, instances: listed.map((record) => toShown(desk, account, record)) });
    if (room === 0) break;
  }
  return apps;
}

function toShown({ registry }: Desk, account: Account, record: InstanceRecord): ShownInstance {
  const port = record.ports.default ?? record.ports.secure ?? Object.values(record.ports)[0];
  const host = record.address.includes(":") ? `[${record.address}]` : record.address;
  return {
    id: record.id,
    status: shownStatus(record),
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
