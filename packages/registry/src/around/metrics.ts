/** @live The numbers of this process, for Prometheus. Hot paths add to plain numbers; gauges are read when asked for. */
import { collectDefaultMetrics, Registry as MetricRegistry } from "prom-client";
import {
  type Cluster,
  type Core,
  type NodeNumbers,
  perRevision,
  type Status,
  type StoreMember,
  SYSTEM_ACCOUNT,
  type View,
} from "../core/index.ts";
import { addCounter, addGauge, addGaugeEach, addHistogram } from "./gauges.ts";
import { Histogram } from "./histogram.ts";
import { Sampler } from "./samples.ts";

/** What the gauges look at. */
export interface MetricSources {
  readonly core: Core;
  uptimeMs(): number;
  /** What the catalog may take of the heap. */
  bytesMax?(): number;
  /** Why the store takes no writes. */
  refusing?(): string | null;
  /** Why what is shown is not to be trusted. */
  lagging?(): string | null;
  /** The nodes that share the registry; undefined where there is only this one. */
  cluster?(): Cluster | undefined;
  /** Of an agent; left out elsewhere. */
  upstream?(): UpstreamNumbers;
  /** Bytes that came from other nodes and went to them; undefined where there are none. */
  readonly traffic?: { readonly in: number; readonly out: number } | undefined;
  /** Lines of the log that could not be written. */
  linesLost?(): number;
  /** What waits for clients. */
  readonly outgoing?: { readonly bytes: number; readonly cuts: number };
  /** Checks that the registry runs. */
  checks?(): CheckNumbers;
}

interface CheckNumbers {
  readonly tasks: number;
  readonly running: number;
  readonly waiting: number;
  readonly passedOver: number;
  readonly kept: number;
  readonly lateMs: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

/** How an agent stands with the registry that it shows. */
interface UpstreamNumbers {
  /** For how long it has not been followed; 0 while it is. */
  readonly staleMs: number;
  /** For how long it has been; 0 while it is not. */
  readonly followedMs: number;
  /** From when it made its latest commit until that was shown here. */
  readonly lagMs: number;
  /** Instances and keys that it does not know any more, and that are shown all the same. */
  readonly held: number;
  /** Since the snapshot on the disk had all that is shown; 0 while it has. */
  readonly unsavedMs: number;
}

export interface ProcessMetrics {
  /** Gives the counter of one dialect's requests: fetch it once, call it per request. */
  observer(dialect: string): (status: number, seconds: number) => void;
  /** One durable group. */
  groupFlushed(commits: number, ms: number): void;
  expired(count: number): void;
  /** The system's clock jumped. */
  clockJumped(): void;
  /** For dialects. */
  readonly dialects: DialectMetrics;
  /** Open streams and long polls of all dialects. */
  watchers(): number;
  /** Adds the gauges of the catalog, which are read from these sources, and keeps the latest points of all. */
  watch(sources: MetricSources): Sampler;
  /** Prometheus text format. */
  text(): Promise<string>;
}

/** What dialects add to; the contract says what each means. */
interface DialectMetrics {
  watchers(dialect: string, delta: number): void;
  tally(dialect: string, name: string, help: string, label: string, values: readonly string[]): Float64Array;
  gauge(dialect: string, name: string, help: string, read: () => number): void;
}

/** By the first digit of the status; 499 stands for a client that went away before its answer. */
const OUTCOMES = ["aborted", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;
const LATENCY_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
const GROUP_COMMITS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
const FLUSH_S = [0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.5, 1, 2, 5];

interface DialectNumbers {
  readonly outcomes: Float64Array;
  readonly latency: Histogram;
}

/** The metrics of one process. `now` is wall-clock ms. */
export function createMetrics(now: () => number): ProcessMetrics {
  const registry = new MetricRegistry();
  const hot = createHotNumbers(registry);
  const watchers = new Map<string, number>();
  addGauge(registry, "rollcall_watchers", "Open streams and long polls", ["dialect"], (gauge) => {
    for (const [dialect, count] of watchers) gauge.set({ dialect }, count);
  });
  collectDefaultMetrics({ register: registry });
  return {
    ...hot,
    dialects: {
      watchers(dialect, delta) {
        watchers.set(dialect, (watchers.get(dialect) ?? 0) + delta);
      },
      tally(dialect, name, help, label, values) {
        const numbers = new Float64Array(values.length);
        addCounter(registry, `rollcall_${dialect}_${name}_total`, help, [label], (add) => {
          for (const [i, value] of values.entries()) add({ [label]: value }, numbers[i] as number);
        });
        return numbers;
      },
      gauge(dialect, name, help, read) {
        addGauge(registry, `rollcall_${dialect}_${name}`, help, [], (gauge) => gauge.set(read()));
      },
    },
    watchers: () => [...watchers.values()].reduce((sum, count) => sum + count, 0),
    watch(sources) {
      addViewGauges(registry, sources, now);
      return new Sampler(registry, now);
    },
    text: () => registry.metrics(),
  };
}

function createHotNumbers(
  registry: MetricRegistry,
): Pick<ProcessMetrics, "observer" | "groupFlushed" | "expired" | "clockJumped"> {
  const dialects = new Map<string, DialectNumbers>();
  const groups = new Histogram(GROUP_COMMITS);
  const flushes = new Histogram(FLUSH_S);
  let commits = 0;
  let expiries = 0;
  let clockJumps = 0;
  addCounter(registry, "rollcall_requests_total", "Requests answered", ["dialect", "outcome"], (add) => {
    for (const [dialect, { outcomes }] of dialects)
      for (const [i, outcome] of OUTCOMES.entries())
        if (outcomes[i] !== 0) add({ dialect, outcome }, outcomes[i] as number);
  });
  addCounter(registry, "rollcall_commits_total", "Commits made durable by this process", [], (add) => add({}, commits));
  addCounter(registry, "rollcall_expiries_total", "Leases that ended by silence", [], (add) => add({}, expiries));
  addCounter(registry, "rollcall_clock_jumps_total", "Jumps of the system's clock", [], (add) => add({}, clockJumps));
  addHistogram(registry, "rollcall_request_duration_seconds", "From the request's headers to its answer", () =>
    [...dialects].flatMap(([dialect, { latency }]) => latency.values("rollcall_request_duration_seconds", { dialect })),
  );
  addHistogram(registry, "rollcall_group_size_commits", "Commits that shared one disk flush", () =>
    groups.values("rollcall_group_size_commits", {}),
  );
  addHistogram(registry, "rollcall_flush_duration_seconds", "Time to make one group durable", () =>
    flushes.values("rollcall_flush_duration_seconds", {}),
  );
  return {
    observer(dialect) {
      let numbers = dialects.get(dialect);
      if (numbers === undefined) {
        numbers = { outcomes: new Float64Array(OUTCOMES.length), latency: new Histogram(LATENCY_S) };
        dialects.set(dialect, numbers);
      }
      const { outcomes, latency } = numbers;
      return (status, seconds) => {
        const outcome = status === 499 ? 0 : (status / 100) | 0;
        (outcomes[outcome] as number)++;
        latency.observe(seconds);
      };
    },
    groupFlushed(size, ms) {
      commits += size;
      groups.observe(size);
      flushes.observe(ms / 1000);
    },
    expired(count) {
      expiries += count;
    },
    clockJumped() {
      clockJumps++;
    },
  };
}

interface Census {
  accounts: number;
  services: number;
  leases: number;
  keys: number;
  readonly statuses: Record<Status | "held", number>;
}

/** Counted once per revision. */
const countAll = perRevision((view: View): Census => {
  const statuses = { passing: 0, warning: 0, critical: 0, starting: 0, draining: 0, unknown: 0, held: 0 };
  const census: Census = { accounts: 0, services: 0, leases: 0, keys: 0, statuses };
  for (const account of view.accounts()) {
    if (account.name === SYSTEM_ACCOUNT) continue;
    census.accounts++;
    census.services += account.counts.services;
    census.leases += account.counts.leases;
    census.keys += account.counts.keys;
    for (const status of Object.keys(statuses) as (keyof typeof statuses)[])
      statuses[status] += account.statuses[status];
  }
  return census;
});

function addViewGauges(registry: MetricRegistry, sources: MetricSources, now: () => number): void {
  const { core } = sources;
  const census = (): Census => core.registry.read((view) => countAll(view));
  const gauge = (name: string, help: string, value: () => number): void =>
    addGauge(registry, name, help, [], (one) => one.set(value()));
  gauge("rollcall_accounts", "Accounts that hold something", () => census().accounts);
  gauge("rollcall_services", "Services that have an instance", () => census().services);
  gauge("rollcall_leases", "Live leases", () => census().leases);
  gauge("rollcall_keys", "Configuration keys", () => census().keys);
  addGauge(registry, "rollcall_instances", "Instances by the status shown", ["status"], (one) => {
    for (const [status, count] of Object.entries(census().statuses)) one.set({ status }, count);
  });
  gauge("rollcall_leases_held", "Lapsed leases that protection keeps", () => core.numbers().heldLeases);
  gauge("rollcall_watches", "Cursors into the history", () => core.numbers().watchers);
  gauge("rollcall_revision", "The latest revision", () => core.numbers().revision);
  gauge("rollcall_history_revisions", "Revisions that stored history reaches back", () => {
    const { revision, floor } = core.numbers();
    return revision - floor;
  });
  gauge("rollcall_store_bytes", "About what all records take of the heap", () => core.numbers().bytes);
  gauge(
    "rollcall_store_bytes_max",
    "What they may take; above it writes that add to them are refused",
    () => sources.bytesMax?.() ?? 0,
  );
  gauge("rollcall_disk_refusing", "1 while the disk, or etcd, takes no writes", () =>
    (sources.refusing?.() ?? null) === null ? 0 : 1,
  );
  addCounter(registry, "rollcall_proposals_total", "Changes that were asked for, whatever became of them", [], (add) =>
    add({}, core.numbers().proposals),
  );
  addCounter(registry, "rollcall_log_lines_lost_total", "Lines of the log that could not be written", [], (add) =>
    add({}, sources.linesLost?.() ?? 0),
  );
  const { outgoing } = sources;
  if (outgoing !== undefined) {
    gauge("rollcall_unread_bytes", "Bytes of answers that clients have not taken yet", () => outgoing.bytes);
    addCounter(registry, "rollcall_unread_cuts_total", "Connections cut as too much waited for clients", [], (add) =>
      add({}, outgoing.cuts),
    );
  }
  const { traffic } = sources;
  if (traffic !== undefined)
    addCounter(registry, "rollcall_link_bytes_total", "Bytes from and to the other nodes", ["direction"], (add) => {
      add({ direction: "in" }, traffic.in);
      add({ direction: "out" }, traffic.out);
    });
  if (sources.cluster?.()) {
    addNodeGauges(registry, () => sources.cluster?.());
    addMemberGauges(registry, () => sources.cluster?.());
  }
  if (sources.upstream !== undefined) addUpstreamNumbers(registry, sources.upstream);
  if (sources.checks !== undefined) addCheckNumbers(registry, sources.checks);
  gauge("rollcall_uptime_seconds", "Time since the start", () => sources.uptimeMs() / 1000);
  addGauge(registry, "rollcall_history_seconds", "Time that stored history reaches back", [], async (one) => {
    const oldest = await core.registry.history(core.numbers().floor, 1);
    const first = oldest.ok ? oldest.value[0] : undefined;
    one.set(first === undefined ? 0 : Math.max(0, (now() - first.atMs) / 1000));
  });
}

type Nodes = () => Cluster | undefined;

function addUpstreamNumbers(registry: MetricRegistry, numbers: () => UpstreamNumbers): void {
  const gauge = (name: string, help: string, value: (numbers: UpstreamNumbers) => number): void =>
    addGauge(registry, `rollcall_upstream_${name}`, `Of an agent: ${help}`, [], (one) => one.set(value(numbers())));
  const seconds = (name: string, help: string, ms: (numbers: UpstreamNumbers) => number): void =>
    gauge(`${name}_seconds`, help, (one) => ms(one) / 1000);
  seconds("stale", "for how long it has not followed its registry; 0 while it does", ({ staleMs }) => staleMs);
  seconds("followed", "for how long it has followed its registry; 0 while it does not", (one) => one.followedMs);
  const lag = "from when its registry made the latest commit that came until it was shown here, by the clocks of both";
  seconds("lag", lag, ({ lagMs }) => lagMs);
  gauge("held", "instances and keys that its registry lost, and that it goes on showing", ({ held }) => held);
  const unsaved = "for how long its snapshot has lacked something that it shows; 0 while it has all";
  seconds("unsaved", unsaved, ({ unsavedMs }) => unsavedMs);
}

/** Of this node: one runs the checks of all. */
function addCheckNumbers(registry: MetricRegistry, numbers: () => CheckNumbers): void {
  const gauge = (name: string, help: string, value: (numbers: CheckNumbers) => number): void =>
    addGauge(registry, name, help, [], (one) => one.set(value(numbers())));
  const counter = (name: string, help: string, value: (numbers: CheckNumbers) => number): void =>
    addCounter(registry, name, help, [], (add) => add({}, value(numbers())));
  gauge("rollcall_checks", "Checks that the registry runs", ({ tasks }) => tasks);
  gauge("rollcall_checks_running", "Those that run now", ({ running }) => running);
  gauge("rollcall_checks_waiting", "Those that are due and wait for others", ({ waiting }) => waiting);
  addCounter(registry, "rollcall_check_runs_total", "Runs by what came of them", ["status"], (add) => {
    for (const [status, count] of Object.entries(numbers().verdicts)) add({ status }, count);
  });
  counter(
    "rollcall_check_late_seconds_total",
    "How much later than due runs began, all together",
    (one) => one.lateMs / 1000,
  );
  counter("rollcall_checks_passed_over_total", "Checks that were due while they still ran", (one) => one.passedOver);
  counter("rollcall_checks_kept_total", "Runs that checks.allow kept from their targets", ({ kept }) => kept);
}

/** Of the nodes as this one sees them: each tells of all, so that it shows when they see different things. */
function addNodeGauges(registry: MetricRegistry, cluster: Nodes): void {
  const gauge = (name: string, help: string, value: (cluster: Cluster) => number): void =>
    addGauge(registry, name, help, [], (one) => {
      const all = cluster();
      one.set(all === undefined ? 0 : value(all));
    });
  const perNode = (name: string, help: string, value: (node: NodeNumbers) => number | null | undefined): void =>
    addGaugeEach(registry, name, help, "node", () =>
      (cluster()?.nodes ?? []).map((node) => [node.name, value(node)] as const),
    );
  gauge("rollcall_nodes", "Nodes that share the registry", ({ nodes }) => nodes.length);
  gauge("rollcall_partitioned", "1 while this node takes itself for cut off from most of the others", (one) =>
    one.isPartitioned ? 1 : 0,
  );
  perNode("rollcall_node_reached", "1 while this node reaches that one", ({ isReached }) => (isReached ? 1 : 0));
  perNode("rollcall_node_heard_seconds", "Since something was heard of a node", ({ heardMs }) => inSeconds(heardMs));
  perNode("rollcall_node_duty", "1 for the node that decides for all, or does what one does for all", (node) =>
    node.isOnDuty ? 1 : 0,
  );
  perNode("rollcall_node_leases_kept", "Leases whose heartbeats a node keeps", ({ kept }) => kept);
  perNode("rollcall_node_revision", "The latest revision that a node shows", ({ revision }) => revision);
  const apart = "Where nodes have an order each:";
  perNode(
    "rollcall_node_behind_changes",
    `${apart} what only one of the two had at the last comparison, at least`,
    ({ lag }) => lag?.changes,
  );
  perNode("rollcall_node_behind_seconds", `${apart} for how long they have not had the same`, ({ lag }) =>
    inSeconds(lag?.ms),
  );
  gauge(
    "rollcall_behind_revisions",
    `Revisions of the order that this node lacks. ${apart} changes`,
    ({ lagRevisions }) => lagRevisions,
  );
  gauge("rollcall_behind_seconds", "For how long it lacks them", ({ lagMs }) => lagMs / 1000);
}

function inSeconds(ms: number | null | undefined): number | null {
  return ms == null ? null : ms / 1000;
}

function addMemberGauges(registry: MetricRegistry, cluster: Nodes): void {
  const perMember = (name: string, help: string, value: (member: StoreMember) => number | null): void =>
    addGaugeEach(registry, name, help, "member", () =>
      (cluster()?.store ?? []).map((member) => [member.address, value(member)] as const),
    );
  const told = (value: (member: StoreMember) => number | null) => (member: StoreMember) =>
    member.version === null ? null : value(member);
  perMember("rollcall_etcd_up", "1 while the member of etcd answers", ({ version }) => (version === null ? 0 : 1));
  perMember(
    "rollcall_etcd_leader",
    "1 for the leader",
    told(({ isLeader }) => (isLeader ? 1 : 0)),
  );
  perMember(
    "rollcall_etcd_bytes",
    "Bytes of etcd's database",
    told(({ bytes }) => bytes),
  );
  perMember(
    "rollcall_etcd_used_bytes",
    "Bytes of it in use; the rest a defragmentation gives back",
    told(({ usedBytes }) => usedBytes),
  );
  perMember(
    "rollcall_etcd_quota_bytes",
    "What it may grow to, where etcd says it (from 3.6 on)",
    told(({ quotaBytes }) => quotaBytes),
  );
  perMember(
    "rollcall_etcd_alarms",
    "Alarms of the member, such as NOSPACE",
    told(({ alarms }) => alarms.length),
  );
}
