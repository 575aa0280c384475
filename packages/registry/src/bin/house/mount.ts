/** Loads the dialects that are wanted, and opens them on ports of their own or the native one. */
import type { Logger } from "pino";
import { Lookups } from "../../around/lookups.ts";
import type { ProcessMetrics } from "../../around/metrics.ts";
import { type Secret, secretOf } from "../../around/secret.ts";
import { signedAs } from "../../around/signed.ts";
import type { AnyPlan, Registry, Replicator } from "../../core/index.ts";
import type { Dialect, Endpoint, House, Mounted, NameSource } from "../../dialects/contract.ts";
import type { Outgoing } from "../../net/answers/outgoing.ts";
import type { Http2Options } from "../../net/grpc/sessions.ts";
import { PortTaken } from "../../net/hosts/taken.ts";
import { type OpenHttpListener, openHttpListener } from "../../net/http/listener.ts";
import type { Pages } from "../../net/http/pages/cors.ts";
import type { RequestLog } from "../../net/log.ts";
import type { ServeConfig } from "../config/load.ts";
import { DIALECTS, type ListedDialect, PATHS, PORTS } from "../dialects.ts";
import { createDoors, type OpenDoors } from "./doors.ts";
import { StartRefused } from "./refused.ts";

interface Gate {
  /** Until all dialects are mounted, a client must not be told that there is nothing. */
  ready(): boolean;
  localOnly(): boolean;
}

interface OpenHttpMore {
  /** Those that may use what is served there from a browser. */
  readonly pages?: Pages;
  readonly http2?: Http2Options;
}

type OpenHttp = (port: number, more?: OpenHttpMore) => Promise<OpenHttpListener>;

export interface HttpOpener {
  readonly outgoing: Outgoing;
  readonly open: OpenHttp;
  /** For all that were opened; false when one cannot use the new certificate. */
  renewCertificates(): Promise<boolean>;
}

/** Every HTTP listener of this process has the same limits, certificates and refusals. */
export function httpOpener(
  config: ServeConfig,
  log: Logger,
  metrics: ProcessMetrics,
  gate: Gate,
  outgoing: Outgoing,
  requests: RequestLog,
): HttpOpener {
  const { host, http, tls } = config;
  const all: OpenHttpListener[] = [];
  const open: OpenHttp = async (port, more) => {
    const listener = await openHttpListener({
      host,
      port,
      log,
      ...gate,
      limits: http,
      outgoing,
      requests,
      observer: metrics.observer,
      ...(tls === undefined ? {} : { tls }),
      ...more,
    });
    all.push(listener);
    return listener;
  };
  return {
    outgoing,
    open,
    async renewCertificates() {
      return (await Promise.all(all.map((listener) => listener.renewCertificate()))).every(Boolean);
    },
  };
}

/** A dialect in memory, not yet open. */
export interface Loaded {
  readonly listed: ListedDialect;
  readonly dialect: Dialect;
}

/** Refuses a dialect that promises its clients more than the replicator keeps; one that nobody named is left out. */
export async function loadDialects(
  wanted: readonly string[] | "all",
  replicator: Pick<Replicator, "name" | "order">,
  log: Pick<Logger, "warn">,
): Promise<readonly Loaded[]> {
  const listed = DIALECTS.filter(({ name }) => wanted === "all" || wanted.includes(name));
  const loaded = await Promise.all(listed.map(async (one) => ({ listed: one, dialect: await one.load() })));
  const unfit = loaded.filter(({ dialect }) => dialect.needs === "total" && replicator.order !== "total");
  if (unfit.length === 0) return loaded;
  const names = unfit.map((one) => one.listed.name).join(", ");
  const why = `these dialects need one order of all commits, which the replicator ${replicator.name} does not keep: ${names}`;
  if (wanted !== "all") throw new StartRefused(`${why}. Leave them out of \`dialects\`, or choose another replicator.`);
  log.warn(`${why}: going on without them`);
  return loaded.filter((one) => !unfit.includes(one));
}

/** How users of all dialects name things in DNS. */
function loadNames(): Promise<NameSource[]> {
  return Promise.all(DIALECTS.flatMap(({ names }) => names?.() ?? []));
}

/** The plans of these dialects. */
export async function loadPlans(loaded: readonly Loaded[]): Promise<readonly AnyPlan[]> {
  const names = await loadNames();
  return loaded.flatMap(({ dialect: { plans = [] } }) => (typeof plans === "function" ? plans(names) : plans));
}

/** The parts of the house that are the same for all dialects. */
export type Shared = Omit<
  House,
  | "settings"
  | "looked"
  | "lookups"
  | "log"
  | "doors"
  | "names"
  | "notes"
  | "paths"
  | "directory"
  | "secret"
  | "mustAgree"
> & {
  /** What a dialect must have in common with the same one at other nodes. */
  agree(dialect: string, values: Readonly<Record<string, unknown>>): void;
};

type Listeners = Pick<HttpOpener, "open" | "outgoing"> & { readonly native: OpenHttpListener };

/** A dialect at work. */
export interface Opened {
  readonly name: string;
  readonly mounted: Mounted;
  readonly doors: OpenDoors;
  readonly endpoints: readonly Endpoint[];
}

/** Opens the dialects in order; what is open already when one fails is in `undo`. */
export async function mountDialects(
  loaded: readonly Loaded[],
  config: ServeConfig,
  log: Logger,
  shared: Shared,
  listeners: Listeners,
  undo: (() => Promise<void> | void)[],
): Promise<Opened[]> {
  const opened: Opened[] = [];
  const lookups = new Lookups(shared.clock);
  for (const one of loaded) {
    const open = await openDialect(
      one,
      config,
      log.child({ dialect: one.listed.name }),
      { ...shared, lookups },
      listeners,
    );
    if (open === undefined) continue;
    opened.push(open);
    undo.push(() => open.mounted.close());
    undo.push(() => open.doors.closeAll());
  }
  return opened;
}

async function loadSecret({ name }: ListedDialect, registry: Registry): Promise<Secret> {
  const secret = await secretOf(registry, `\0${name}/secret`);
  if (!secret.ok) throw new Error(`cannot store the secret of ${name}: ${secret.detail}`);
  return secret.value;
}

/** The dialect that the user gave a port of this one to, which the user did not name. */
export function rivalOf(
  { ports }: Pick<ListedDialect, "ports">,
  config: Pick<ServeConfig, "ports" | "portsNamed">,
): string | undefined {
  if (ports.some(({ name }) => config.portsNamed.has(name))) return undefined;
  const own = new Set(ports.map(({ name }) => config.ports[name]));
  own.delete(0);
  return PORTS.find(({ name }) => config.portsNamed.has(name) && own.has(config.ports[name]))?.name;
}

/** Undefined when its port is taken and nobody asked for this dialect: the start goes on without it. */
async function openDialect(
  { listed, dialect }: Loaded,
  config: ServeConfig,
  log: Logger,
  { agree, ...shared }: Shared & { readonly lookups: Lookups },
  { native, open: openHttp, outgoing }: Listeners,
): Promise<Opened | undefined> {
  const rival = rivalOf(listed, config);
  if (rival !== undefined) {
    log.warn(`the port of ${listed.name} was given to ${rival}: going on without ${listed.name}`);
    return undefined;
  }
  const doors = createDoors(listed, {
    host: config.host,
    ports: config.ports,
    log,
    outgoing,
    openHttp: (port, http2) => openHttp(port, http2 && { http2 }),
  });
  try {
    const mounted = await dialect.open({
      ...shared,
      registry: signedAs(listed.name, shared.registry),
      doors,
      names: loadNames,
      paths: PATHS,
      notes: DIALECTS.filter(({ notes }) => notes).map(({ name }) => name),
      directory: config.directory,
      looked: (account, service, address) => shared.lookups.note(account, listed.name, service, address),
      mustAgree: (values) => agree(listed.name, values),
      settings: config.dialectSettings[listed.name] ?? {},
      secret: () => loadSecret(listed, shared.registry),
      log,
    });
    const scheme = native.secure ? "https" : "http";
    const shares = { dialect: listed.name, scheme, host: native.host, port: native.port };
    return { name: listed.name, mounted, doors, endpoints: listed.ports.length === 0 ? [shares] : doors.endpoints };
  } catch (error) {
    await doors.closeAll();
    const named = listed.ports.some((port) => config.portsNamed.has(port.name));
    if (!(error instanceof PortTaken) || named) throw error;
    log.warn(`${error.message}: going on without ${listed.name}`);
    return undefined;
  }
}
