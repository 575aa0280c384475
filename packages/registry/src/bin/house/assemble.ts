/** Puts the parts of a registry together, and closes them in reverse order. */
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { openAccounts } from "../../around/accounts/access.ts";
import { LIMITS_DEFAULT } from "../../around/accounts/limits.ts";
import { createMetrics } from "../../around/metrics.ts";
import { createProtection } from "../../around/protection.ts";
import { type Access, type Clock, openCore, type Replicator, type Rules } from "../../core/index.ts";
import type { Endpoint, NodeStatus } from "../../dialects/contract.ts";
import { Outgoing } from "../../net/answers/outgoing.ts";
import type { OpenHttpListener } from "../../net/http/listener.ts";
import { isLoopback } from "../../net/loopback.ts";
import { createEmbedded } from "../../replicators/embedded/replicator.ts";
import { createMemory } from "../../replicators/memory/replicator.ts";
import type { ServeConfig } from "../config/load.ts";
import { NATIVE_PORT } from "../dialects.ts";
import { VERSION } from "../version.ts";
import { keepTime, openClock } from "./clock.ts";
import { keepMemory } from "./memory.ts";
import { httpOpener, loadDialects, mountDialects, type Opened } from "./mount.ts";
import { reportProtection } from "./protection.ts";
import { StartRefused } from "./refused.ts";

/** A running registry. */
export interface Running {
  readonly endpoints: readonly Endpoint[];
  /** Readiness off, streams end with their position, requests under way are answered, the store is closed. */
  stop(): Promise<void>;
}

/** Between "not ready" and the end of listening. */
const DRAIN_MS = 250;

/** What the process gives. */
export interface ProcessParts {
  readonly log: Logger;
  /** Lines of the log that nobody will read. */
  linesLost(): number;
  /** The store failed for good; the process is to end. */
  onBroken(why: string): void;
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
  { log, linesLost, onBroken }: ProcessParts,
  undo: (() => Promise<void> | void)[],
): Promise<Running> {
  const origin = config.name === "" ? hostname() : config.name;
  const state = { ready: false, access: null as Access | null };
  const rules: Rules = {
    limits: (account) => state.access?.limitsOf(account) ?? LIMITS_DEFAULT,
  };
  const metrics = createMetrics(() => clock.now());
  const clock = openClock(log, metrics.clockJumped);
  const onGroup = metrics.groupFlushed;
  const replicator = createReplicator(config, { clock, rules, origin, onGroup, onBroken, log });
  const loaded = await loadDialects(config.dialects, replicator.port);
  const core = await openCore({
    clock,
    replicator: replicator.port,
    policy: createProtection(config.protection),
    wait: (ms, run) => setTimeout(run, ms).unref(),
    onBug: (error) => log.error({ err: error }, "a watcher failed"),
    onExpired: metrics.expired,
    ...reportProtection(log, () => clock.monotonic()),
  });
  undo.push(() => core.close());
  const stopTime = keepTime(clock, core);
  undo.push(stopTime);
  undo.push(keepMemory(() => core.numbers().revision));
  // Taking the last token away must not open a registry that the network reaches.
  const keepClosed = !config.insecure && !isLoopback(config.host);
  const { accounts, tokens, limits } = config;
  const access = await openAccounts(core.registry, { accounts, tokens, limits, keepClosed }, clock);
  state.access = access;
  undo.push(() => access.close());
  refuseOpenExposure(config, access);
  refuseLockedOut(access);
  const outgoing = new Outgoing(config.answers);
  const gate = { ready: () => state.ready, localOnly: () => access.open && isLoopback(config.host) };
  const openHttp = httpOpener(config, log, metrics, gate, outgoing);
  const listener = await openHttp(config.ports[NATIVE_PORT.name] ?? NATIVE_PORT.port);
  undo.push(() => listener.close());
  const startedMs = clock.monotonic();
  const uptimeMs = (): number => clock.monotonic() - startedMs;
  metrics.watch({ core, uptimeMs, refusing: replicator.refusing, linesLost, outgoing });
  const endpoints: Endpoint[] = [];
  const status: NodeStatus = {
    name: origin,
    version: VERSION,
    get startedAtMs() {
      return clock.at(startedMs);
    },
    replicator: replicator.port.name,
    ready: () => state.ready,
    endpoints: () => endpoints,
    backup: replicator.backup,
    refusing: replicator.refusing,
    metricsText: metrics.text,
  };
  const { registry } = core;
  const { tenants } = access;
  const shared = { registry, access, tenants, clock, metrics: metrics.dialects, http: listener, status };
  const opened = await mountDialects(loaded, config, log, shared, { native: listener, openHttp }, undo);
  endpoints.push(...opened.flatMap((one) => one.endpoints));
  state.ready = true;
  const close = async (): Promise<void> => {
    access.close();
    stopTime();
    await core.close();
  };
  return { endpoints, stop: () => stop(state, opened, listener, close) };
}

interface ReplicatorParts {
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  readonly onGroup: (commits: number, ms: number) => void;
  readonly onBroken: (why: string) => void;
  readonly log: Logger;
}

function createReplicator(
  config: ServeConfig,
  parts: ReplicatorParts,
): { port: Replicator } & Pick<NodeStatus, "backup" | "refusing"> {
  if (config.replicator === "memory") return { port: createMemory(parts), backup: undefined, refusing: () => null };
  const embedded = createEmbedded({
    ...parts,
    dataDir: config.data,
    retention: { ageMs: config.events.keepMs, bytesMax: config.events.bytesMax },
  });
  return { port: embedded, backup: () => embedded.backup(), refusing: () => embedded.refusing };
}

/** Open mode is for loopback only, unless the user says that the network is safe. */
function refuseOpenExposure(config: ServeConfig, access: Access): void {
  if (!access.open || config.insecure || isLoopback(config.host)) return;
  throw new StartRefused(
    `refusing to listen on ${config.host} without accounts and tokens: anyone who reaches it could change everything. ` +
      "Create an account and a token first (rollcall account set, rollcall token create, on loopback), or give --insecure.",
  );
}

/** Without any token every request would be refused, also the one that makes the first token. */
function refuseLockedOut(access: Access): void {
  if (access.open || access.listTokens(null).length > 0) return;
  throw new StartRefused(
    "the configuration has accounts but no token, so nobody could use or administer this registry: " +
      "put the SHA-256 of a token into the file (tokens: or accounts.<name>.tokens:), or make tokens before accounts (rollcall token create).",
  );
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
