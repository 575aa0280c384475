/** Puts the parts of a registry together, and closes them in reverse order. */
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { type Accounts, openAccounts } from "../../around/accounts/access.ts";
import { ACCOUNT_PLANS } from "../../around/accounts/entries.ts";
import { createMetrics, type ProcessMetrics } from "../../around/metrics.ts";
import type { Sampler } from "../../around/samples.ts";
import { Calls } from "../../calls/calls.ts";
import { Checks } from "../../checks/checks.ts";
import { CHECK_PLANS } from "../../checks/plans.ts";
import {
  type Access,
  ALONE,
  type Clock,
  type CoreOptions,
  gatherPlans,
  openCore,
  type Registry,
  type Replicator,
} from "../../core/index.ts";
import type { Endpoint, NodeStatus } from "../../dialects/contract.ts";
import { Outgoing } from "../../net/answers/outgoing.ts";
import { openLine } from "../../net/answers/turns.ts";
import { isLoopback } from "../../net/hosts/loopback.ts";
import { PortTaken } from "../../net/hosts/taken.ts";
import type { OpenHttpListener } from "../../net/http/listener.ts";
import { Pages } from "../../net/http/pages/cors.ts";
import type { Act } from "../../net/routes/audit.ts";
import type { ServeConfig } from "../config/load.ts";
import { NATIVE_PORT } from "../dialects.ts";
import { Journal } from "../log/journal.ts";
import type { Log } from "../log/logger.ts";
import { VERSION } from "../version.ts";
import { type OpenAgreement, openAgreement } from "./agreement.ts";
import { keepTime, openClock } from "./clock.ts";
import { reportLeases } from "./leases.ts";
import { openNodeLink, warnOpenLink } from "./link.ts";
import { keepMemory } from "./memory.ts";
import { type HttpOpener, httpOpener, loadDialects, loadPlans, mountDialects, type Opened } from "./mount.ts";
import { openProtection, reportProtection } from "./protection.ts";
import { refuseLockedOut, refuseOpenExposure } from "./refused.ts";
import { createReload, type Reloaded } from "./reload.ts";
import { createReplicator } from "./replicator.ts";
import { openRules } from "./rules.ts";

/** A running registry. */
export interface Running {
  readonly endpoints: readonly Endpoint[];
  readonly registry: Registry;
  /** Readiness off, streams end with their position, requests under way are answered, the store is closed. */
  stop(): Promise<void>;
  /** Takes another configuration over, as far as that can be while it runs. */
  reload(config: ServeConfig): Promise<Reloaded>;
}

/** Between "not ready" and the end of listening. */
const DRAIN_MS = 250;

/** What the process gives. */
export interface ProcessParts {
  readonly log: Log;
  /** Lines of the log that nobody will read. */
  linesLost(): number;
  /** The store failed for good; the process is to end. */
  onBroken(why: string): void;
  /** The registry that is followed begins its order anew: this one is to be stopped, and assembled again. */
  onAnew(why: string): void;
}

/** Starts everything; on failure what was opened is closed again. */
export async function assemble(config: ServeConfig, parts: ProcessParts): Promise<Running> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    return await assembleWith(config, parts, undo);
  } catch (error) {
    for (const close of undo.reverse()) await close();
    throw error;
  }
}

async function assembleWith(
  config: ServeConfig,
  { log: { logger: log, always, configure: configureLog }, linesLost, ...told }: ProcessParts,
  undo: (() => Promise<void> | void)[],
): Promise<Running> {
  const origin = config.name === "" ? hostname() : config.name;
  const state = { ready: false, access: null as Access | null, revision: () => 0, plans: gatherPlans([]) };
  const { rules, room, settle } = openRules(config, state, log);
  const metrics = createMetrics(() => clock.now());
  const clock = openClock(log, metrics.clockJumped);
  const onGroup = metrics.groupFlushed;
  const link = await openNodeLink(config, log, undo);
  const { port, ...store } = await createReplicator(config, { ...told, clock, rules, origin, onGroup, log, link });
  const loaded = await loadDialects(config.dialects, port, log);
  state.plans = gatherPlans([...ACCOUNT_PLANS, ...CHECK_PLANS, ...(await loadPlans(loaded))]);
  const protection = openProtection(config.protection);
  const leaveMemory = keepMemory(() => state.revision(), config.replicator === "upstream");
  undo.push(leaveMemory);
  const parts = { clock, replicator: port, policy: protection.policy };
  const core = await openCore(toCoreOptions(parts, metrics, log));
  state.revision = () => core.numbers().revision;
  room.report(core.numbers().bytes, log);
  const stopTime = keepTime(clock, core);
  undo.push(() => core.close(), stopTime);
  const access = await openAccess(config, core.registry, clock, undo);
  state.access = access;
  warnOpenLink(config, access, log);
  await settle(core.registry);
  const outgoing = new Outgoing(config.answers);
  const gate = { ready: () => state.ready, localOnly: () => access.open && isLoopback(config.host) };
  const journal = new Journal(always, config.logAccess);
  const http = httpOpener(config, log, metrics, gate, outgoing, journal);
  const listener = await openNative(config, http, log);
  undo.push(() => listener.close());
  const startedMs = clock.monotonic();
  const { traffic } = link?.link ?? {};
  const nodes = port.nodes ?? ALONE;
  const { end, ...errands } = openErrands(config, { registry: core.registry, nodes, clock, log }, undo);
  const sources = { core, uptimeMs: () => clock.monotonic() - startedMs, checks: () => errands.checks.numbers };
  const samples = metrics.watch({ ...sources, linesLost, outgoing, traffic, ...store, ...room });
  const endpoints: Endpoint[] = [];
  const agreed = openAgreement(config, { nodes, port, clock, log }, undo);
  const status = toStatus(
    { name: origin, clock, startedMs, port, state, endpoints, agreed, room, metrics, samples, ...protection },
    store,
  );
  const { registry } = core;
  const { tenants } = access;
  const heard = { nodes, ...errands, agree: agreed.agree, requests: journal, audit: (act: Act) => journal.audit(act) };
  const shared = { ...heard, registry, access, tenants, clock, metrics: metrics.dialects, http: listener, status };
  const opened = await mountDialects(loaded, config, log, shared, { native: listener, ...http }, undo);
  endpoints.push(...opened.flatMap((one) => one.endpoints));
  state.ready = true;
  const close = async (): Promise<void> => {
    await end();
    samples.close();
    access.close();
    agreed.close();
    stopTime();
    leaveMemory();
    await core.close();
    await link?.link.close();
  };
  const leases = { ...reportLeases(registry, { logger: log, configure: configureLog }), ...store };
  const reload = createReload(config, { ...http, ...protection, ...leases, ...room, journal, access, opened, agreed });
  return { endpoints, registry, reload, stop: () => stop(state, opened, listener, close) };
}

/** What goes out from here because somebody asked for it. */
function openErrands(
  config: ServeConfig,
  parts: Pick<ConstructorParameters<typeof Checks>[0], "registry" | "nodes" | "clock" | "log">,
  undo: (() => Promise<void> | void)[],
) {
  const checks = new Checks({ ...config.checks, ...parts });
  const calls = new Calls({ ...config.checks, clock: parts.clock });
  const end = (): Promise<void> => {
    checks.close();
    return calls.close();
  };
  undo.push(end);
  return { checks, calls, end };
}

interface StatusParts {
  readonly name: string;
  readonly clock: ReturnType<typeof openClock>;
  readonly startedMs: number;
  readonly port: Replicator;
  readonly state: { readonly ready: boolean };
  readonly endpoints: readonly Endpoint[];
  readonly agreed: OpenAgreement;
  readonly room: Pick<NodeStatus, "bytesMax">;
  readonly metrics: ProcessMetrics;
  readonly samples: Sampler;
  readonly protection: NodeStatus["protection"];
}

function toStatus(
  { name, clock, startedMs, port, state, endpoints, agreed, room, metrics, samples, protection }: StatusParts,
  store: Pick<NodeStatus, "backup" | "refusing" | "lagging" | "stale" | "cluster" | "diskBytes">,
): NodeStatus {
  return {
    name,
    version: VERSION,
    get startedAtMs() {
      return clock.at(startedMs);
    },
    replicator: port.name,
    ready: () => state.ready,
    endpoints: () => endpoints,
    differences: agreed.differences,
    ...store,
    bytesMax: room.bytesMax,
    metricsText: metrics.text,
    watchers: metrics.watchers,
    protection,
    samples: (isCoarse) => samples.read(isCoarse),
  };
}

async function openNative(config: ServeConfig, http: HttpOpener, log: Logger): Promise<OpenHttpListener> {
  const pages = new Pages(config.pages);
  try {
    return await http.open(config.ports[NATIVE_PORT.name] ?? NATIVE_PORT.port, { pages });
  } catch (error) {
    if (!(error instanceof PortTaken) || !config.nativeMayMove) throw error;
    log.warn(`${error.message}: the native API takes a free one`);
    return http.open(0, { pages });
  }
}

/** What the core is opened with, and whom it tells of what it does. */
function toCoreOptions(
  parts: Pick<CoreOptions, "clock" | "replicator" | "policy">,
  metrics: ProcessMetrics,
  log: Logger,
): CoreOptions {
  return {
    ...parts,
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine,
    onBug: (error) => log.error({ err: error }, "a watcher failed"),
    onExpired: metrics.expired,
    ...reportProtection(log, () => parts.clock.monotonic()),
  };
}

async function openAccess(
  { accounts, tokens, limits, ...config }: ServeConfig,
  registry: Registry,
  clock: Clock,
  undo: (() => void)[],
): Promise<Accounts> {
  // Taking the last token away must not open a registry that the network reaches.
  const keepClosed = !config.insecure && !isLoopback(config.host);
  const access = await openAccounts(registry, { accounts, tokens, limits, keepClosed }, clock);
  undo.push(() => access.close());
  refuseOpenExposure(config, access);
  refuseLockedOut(access);
  return access;
}

async function stop(
  state: { ready: boolean },
  opened: readonly Opened[],
  listener: OpenHttpListener,
  closeRegistry: () => Promise<void>,
): Promise<void> {
  state.ready = false;
  for (const { mounted } of opened) mounted.drain();
  // Load balancers have to see /readyz fail before the ports close.
  await delay(DRAIN_MS);
  listener.drain();
  for (const { doors } of opened) doors.drain();
  await Promise.all([listener.close(), ...opened.map(({ doors }) => doors.closeAll())]);
  for (const { mounted } of opened) await mounted.close();
  await closeRegistry();
}
