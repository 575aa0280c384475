/** The dialects of this program: which there are, and how they are opened on ports of theirs or the native one. */
import type { Logger } from "pino";
import type { ProcessMetrics } from "../../around/metrics.ts";
import { secretOf } from "../../around/secret.ts";
import type { Registry } from "../../core/index.ts";
import type { Dialect, Endpoint, House, Mounted, NameSource } from "../../dialects/contract.ts";
import { createDnsDialect } from "../../dialects/dns/dialect.ts";
import { createEurekaDialect } from "../../dialects/eureka/dialect.ts";
import { createHttpDialect } from "../../dialects/http/dialect.ts";
import { createRackspaceDialect } from "../../dialects/rackspace/dialect.ts";
import { createSkydnsDialect } from "../../dialects/skydns/dialect.ts";
import { type OpenHttpListener, openHttpListener } from "../../net/http/listener.ts";
import { PortTaken } from "../../net/taken.ts";
import type { ServeConfig } from "../config/load.ts";
import { createDoors, type OpenDoors } from "./doors.ts";

const DIALECTS: readonly Dialect[] = [
  createHttpDialect(),
  createRackspaceDialect(),
  createDnsDialect(),
  createSkydnsDialect(),
  createEurekaDialect(),
];

/** A protocol's names are answered also where its own port is not opened. */
const NAME_SOURCES: readonly NameSource[] = DIALECTS.flatMap((dialect) => dialect.names ?? []);

interface Gate {
  /** Until all dialects are mounted, a client must not be told that there is nothing. */
  ready(): boolean;
  localOnly(): boolean;
}

type OpenHttp = (port: number) => Promise<OpenHttpListener>;

/** Every HTTP listener of this process has the same limits, certificates and refusals. */
export function httpOpener(config: ServeConfig, log: Logger, metrics: ProcessMetrics, gate: Gate): OpenHttp {
  const { host, http, tls } = config;
  return (port) =>
    openHttpListener({
      host,
      port,
      log,
      ...gate,
      limits: http,
      observer: metrics.observer,
      ...(tls === undefined ? {} : { tls }),
    });
}

/** The parts of the house that all dialects have alike. */
export type Shared = Omit<House, "settings" | "log" | "doors" | "names" | "directory" | "secret">;

interface Listeners {
  readonly native: OpenHttpListener;
  readonly openHttp: OpenHttp;
}

/** A dialect at work. */
export interface Opened {
  readonly mounted: Mounted;
  readonly doors: OpenDoors;
  readonly endpoints: readonly Endpoint[];
}

/** Opens the dialects in order; what is open already when one fails is in `undo`. */
export async function mountDialects(
  config: ServeConfig,
  log: Logger,
  shared: Shared,
  listeners: Listeners,
  undo: (() => Promise<void> | void)[],
): Promise<Opened[]> {
  const opened: Opened[] = [];
  for (const dialect of DIALECTS) {
    if (config.dialects !== "all" && !config.dialects.includes(dialect.name)) continue;
    const one = await openDialect(dialect, config, log.child({ dialect: dialect.name }), shared, listeners);
    if (one === undefined) continue;
    opened.push(one);
    undo.push(() => one.mounted.close());
    undo.push(() => one.doors.closeAll());
  }
  return opened;
}

async function loadSecret({ name }: Dialect, registry: Registry): Promise<Buffer> {
  const secret = await secretOf(registry, `\0${name}/secret`);
  if (!secret.ok) throw new Error(`cannot store the secret of ${name}: ${secret.detail}`);
  return secret.value;
}

/** Undefined when its port is taken and nobody asked for this dialect: the start goes on without it. */
async function openDialect(
  dialect: Dialect,
  config: ServeConfig,
  log: Logger,
  shared: Shared,
  { native, openHttp }: Listeners,
): Promise<Opened | undefined> {
  const doors = createDoors(dialect, { host: config.host, ports: config.ports, log, openHttp });
  const settings = config.dialectSettings[dialect.name] ?? {};
  try {
    const mounted = await dialect.open({
      ...shared,
      doors,
      names: NAME_SOURCES,
      directory: config.directory,
      settings,
      secret: () => loadSecret(dialect, shared.registry),
      log,
    });
    const scheme = native.secure ? "https" : "http";
    const shares = { dialect: dialect.name, scheme, host: native.host, port: native.port };
    return { mounted, doors, endpoints: dialect.ports.length === 0 ? [shares] : doors.endpoints };
  } catch (error) {
    await doors.closeAll();
    const named = dialect.ports.some((port) => config.portsNamed.has(port.name));
    if (!(error instanceof PortTaken) || named) throw error;
    log.warn(`${error.message}: going on without ${dialect.name}`);
    return undefined;
  }
}
