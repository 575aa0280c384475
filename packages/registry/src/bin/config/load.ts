/** The configuration of `rollcall serve`: flags beat the environment, the environment beats the file, the file the defaults. */
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import type { ConfiguredAccount, ConfiguredToken } from "../../around/accounts/config.ts";
import type { ProtectionOptions } from "../../around/protection.ts";
import type { AccountLimits } from "../../core/index.ts";
import type { OutgoingLimits } from "../../net/answers/outgoing.ts";
import type { HttpLimits } from "../../net/http/listener.ts";
import type { TlsOptions } from "../../net/tls/certificates.ts";
import { type Outcome, ok } from "../../outcome.ts";
import type { ConfiguredLayout } from "../layouts.ts";
import { readAccounts, readTokens, unknownKey } from "./accounts.ts";
import { type ChecksConfig, readChecks } from "./checks.ts";
import { type EtcdConfig, readEtcd } from "./etcd.ts";
import { isMap, readConfigFile, toEntries } from "./file.ts";
import { type GossipConfig, readGossip } from "./gossip.ts";
import { readHeraFile } from "./hera.ts";
import { readLayouts } from "./layouts.ts";
import { type LinkConfig, readLink } from "./link.ts";
import { flagOf, SETTINGS, type Setting, variableOf } from "./settings.ts";
import { readUpstream, type UpstreamConfig } from "./upstream.ts";
import { readValue, type Value } from "./values.ts";

export interface ServeConfig {
  /** Absolute path. */
  readonly data: string;
  readonly host: string;
  /** Never empty. */
  readonly name: string;
  readonly dialects: readonly string[] | "all";
  /** Port of each dialect that has one. */
  readonly ports: Readonly<Record<string, number>>;
  /** The native API takes a free port when its own is taken: a file of hera's, which knows one port alone, starts the node. */
  readonly nativeMayMove: boolean;
  /** Dialects that the user named, in `dialects` or by giving their port: these must open or the start fails. */
  readonly portsNamed: ReadonlySet<string>;
  readonly replicator: string;
  readonly etcd: EtcdConfig;
  readonly link: LinkConfig;
  readonly gossip: GossipConfig;
  readonly upstream: UpstreamConfig;
  readonly insecure: boolean;
  readonly logFormat: "text" | "json";
  readonly logLevel: string;
  /** The share of requests that get a line, 0 to 1. */
  readonly logAccess: number;
  /** Absolute paths of PEM files. */
  readonly tls?: TlsOptions;
  readonly accounts: Readonly<Record<string, ConfiguredAccount>>;
  /** Good for all accounts. */
  readonly tokens: readonly ConfiguredToken[];
  /** Registrations by convention: where, and which. */
  readonly layouts: readonly ConfiguredLayout[];
  /** For accounts without limits of their own. */
  readonly limits: AccountLimits;
  /** 0 stands for a share of the heap. */
  readonly store: { readonly bytesMax: number };
  readonly protection: ProtectionOptions;
  readonly checks: ChecksConfig;
  readonly events: { readonly keepMs: number; readonly bytesMax: number };
  readonly http: HttpLimits;
  readonly answers: OutgoingLimits;
  /** Origins of web pages that may use the native API. */
  readonly pages: readonly string[];
  /** Each dialect validates its own. */
  readonly dialectSettings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Absolute path of the file's directory, or the working one: relative paths in `dialectSettings` begin there. */
  readonly directory: string;
}

/** Where settings come from. */
export interface Sources {
  /** By the flag's name without dashes: `http-port`. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of flags and variables begin here, those of the file at its directory. */
  readonly cwd: string;
  /** As the file would have them, instead of it. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface Problems {
  /** A sentence each, with the key and the place it came from. */
  readonly problems: readonly string[];
}

/** Reads the configuration anew. */
export type Load = () => Outcome<ServeConfig, Problems>;

/** Variables of the command line that are no settings. */
const OTHER_VARIABLES = ["CONFIG", "URL", "ACCOUNT", "TOKEN", "OUTPUT", "CA", "CLIENT_CERT", "CLIENT_KEY"].map(
  (name) => `ROLLCALL_${name}`,
);
/** What Kubernetes sets in every pod beside a Service whose name begins with "rollcall". */
const KUBERNETES = /_SERVICE_(HOST|PORT)(_|$)|_PORT_[0-9]+_(TCP|UDP)/;
/** Of the file alone. */
const SECTIONS = ["accounts", "tokens", "layouts", "dialectSettings"];
const DEFAULT_FILE = "rollcall.yaml";

interface Given {
  readonly raw: unknown;
  readonly place: string;
  readonly directory: string;
}

interface Gathered {
  readonly given: Map<string, Given>;
  accounts: Record<string, ConfiguredAccount>;
  tokens: readonly ConfiguredToken[];
  layouts: readonly ConfiguredLayout[];
  dialectSettings: Record<string, Record<string, unknown>>;
  directory: string;
  readonly problems: string[];
}

/** Flags > environment > file > defaults. Names everything that is wrong at once. */
export function loadServeConfig(sources: Sources): Outcome<ServeConfig, Problems> {
  const all: Gathered = {
    given: new Map(),
    accounts: {},
    tokens: [],
    layouts: [],
    dialectSettings: {},
    directory: resolve(sources.cwd),
    problems: [],
  };
  takeFile(sources, all);
  takeVariables(sources, all);
  takeFlags(sources, all);
  takeHera(all);
  const values = new Map<string, Value>();
  for (const setting of SETTINGS) {
    const given = all.given.get(setting.key);
    const value = given === undefined ? setting.default : readGiven(setting, given, all.problems);
    if (value !== undefined) values.set(setting.key, value);
  }
  const config = assemble(values, all, sources.cwd);
  return all.problems.length === 0 ? ok(config) : { ok: false, problems: all.problems };
}

function readGiven(setting: Setting, given: Given, problems: string[]): Value | undefined {
  const read = readValue(setting, given.raw);
  if (!read.ok) {
    problems.push(`${given.place}: ${setting.key} ${read.problem}`);
    return setting.default;
  }
  return setting.kind === "path" ? resolve(given.directory, read.value as string) : read.value;
}

function takeFile(sources: Sources, all: Gathered): void {
  const named = sources.flags.config ?? sources.env.ROLLCALL_CONFIG;
  const path = resolve(sources.cwd, typeof named === "string" ? named : DEFAULT_FILE);
  const file = sources.settings === undefined ? readConfigFile(path) : toEntries(sources.settings);
  if (file === undefined) {
    if (named !== undefined) all.problems.push(`${path}: there is no such file`);
    return;
  }
  all.directory = dirname(path);
  all.problems.push(...file.problems);
  const known = new Map(SETTINGS.map((setting) => [setting.key, setting]));
  for (const { key, value, place } of file.entries) {
    if (key === "accounts") all.accounts = readAccounts(value, place, all.problems);
    else if (key === "tokens") all.tokens = readTokens(value, `${place}: tokens`, all.problems);
    else if (key === "layouts") all.layouts = readLayouts(value, place, all.problems);
    else if (key === "dialectSettings") all.dialectSettings = readDialectSettings(value, place, all.problems);
    else if (known.has(key)) all.given.set(key, { raw: value, place, directory: dirname(path) });
    else all.problems.push(`${place}: ${key}: ${unknownKey(key, [...known.keys(), ...SECTIONS])}`);
  }
}

function readDialectSettings(raw: unknown, place: string, problems: string[]): Record<string, Record<string, unknown>> {
  const legal = SETTINGS.find((setting) => setting.key === "dialects")?.choices ?? [];
  const settings: Record<string, Record<string, unknown>> = {};
  if (!isMap(raw)) problems.push(`${place}: dialectSettings must be a map of dialects`);
  else
    for (const [dialect, body] of Object.entries(raw)) {
      const at = `${place}: dialectSettings.${dialect}`;
      if (!legal.includes(dialect)) problems.push(`${at}: ${unknownKey(dialect, legal)}`);
      else if (!isMap(body)) problems.push(`${at}: must be a map of settings`);
      else settings[dialect] = body;
    }
  return settings;
}

function takeVariables(sources: Sources, all: Gathered): void {
  const known = new Map(SETTINGS.map((setting) => [variableOf(setting), setting]));
  for (const [name, raw] of Object.entries(sources.env)) {
    if (!name.startsWith("ROLLCALL_") || OTHER_VARIABLES.includes(name) || !raw) continue;
    const setting = known.get(name);
    if (isForeignPort(name, raw) || (setting === undefined && KUBERNETES.test(name))) continue;
    const place = `environment variable ${name}`;
    if (setting !== undefined) all.given.set(setting.key, { raw, place, directory: sources.cwd });
    else all.problems.push(`${place}: ${unknownKey(name, [...known.keys(), ...OTHER_VARIABLES])}`);
  }
}

/** Whether Kubernetes put the address of a Service where a port of ours is read: `ROLLCALL_HTTP_PORT=tcp://10.0.0.1:80`. */
function isForeignPort(name: string, raw: string): boolean {
  return name.endsWith("_PORT") && raw.includes("://");
}

function takeFlags(sources: Sources, all: Gathered): void {
  for (const setting of SETTINGS) {
    const raw = sources.flags[flagOf(setting)];
    if (raw !== undefined)
      all.given.set(setting.key, { raw, place: `flag --${flagOf(setting)}`, directory: sources.cwd });
  }
}

/** What the file of hera's says, where nothing else says otherwise. */
function takeHera(all: Gathered): void {
  const named = all.given.get("hera");
  if (typeof named?.raw !== "string" || named.raw === "") return;
  const path = resolve(named.directory, named.raw);
  const { values, settings } = readHeraFile(path, all.problems);
  const add = (key: string, raw: unknown): void => {
    if (!all.given.has(key)) all.given.set(key, { raw, place: path, directory: named.directory });
  };
  for (const [key, raw] of values) add(key, raw);
  // Several such nodes are started side by side in one directory.
  const name = all.given.get("name")?.raw;
  if (typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) add("data", `data/${name}`);
  all.dialectSettings.hera = { ...settings, ...all.dialectSettings.hera };
}

function assemble(values: ReadonlyMap<string, Value>, all: Gathered, cwd: string): ServeConfig {
  const text = (key: string) => values.get(key) as string;
  const dialects = values.get("dialects") as readonly string[] | "all";
  const tls = readTls(values, all.problems);
  return {
    data: resolve(cwd, text("data")),
    host: text("host"),
    name: text("name") || hostname(),
    dialects,
    ports: section(values, "ports"),
    nativeMayMove: values.get("hera") !== undefined && !all.given.has("ports.http"),
    portsNamed: namedDialects(dialects, all.given),
    replicator: text("replicator"),
    etcd: readEtcd(values, text("replicator") === "etcd", all.problems),
    gossip: readGossip(values, all.problems),
    upstream: readUpstream(values, text("replicator") === "upstream", all.problems),
    link: readLink(values, all.given.get("link.key")?.directory ?? cwd, all.problems),
    insecure: values.get("insecure") as boolean,
    logFormat: values.get("log.format") as ServeConfig["logFormat"],
    logLevel: text("log.level"),
    logAccess: values.get("log.access") as number,
    ...(tls && { tls }),
    accounts: all.accounts,
    tokens: all.tokens,
    layouts: all.layouts,
    limits: section(values, "limits"),
    store: section(values, "store"),
    protection: section(values, "protection"),
    checks: readChecks(values, all.problems),
    events: section(values, "events"),
    http: section(values, "http"),
    answers: section(values, "answers"),
    pages: (values.get("cors.origins") || []) as readonly string[],
    dialectSettings: all.dialectSettings,
    directory: all.directory,
  };
}

function namedDialects(dialects: readonly string[] | "all", given: ReadonlyMap<string, Given>): ReadonlySet<string> {
  const named = new Set<string>(dialects === "all" ? [] : dialects);
  for (const key of given.keys()) if (key.startsWith("ports.")) named.add(key.slice("ports.".length));
  return named;
}

/** All settings of one section. The types have the same names as the table. */
function section<T>(values: ReadonlyMap<string, Value>, name: string): T {
  const found: Record<string, Value> = {};
  for (const [key, value] of values) if (key.startsWith(`${name}.`)) found[key.slice(name.length + 1)] = value;
  return found as T;
}

function readTls(values: ReadonlyMap<string, Value>, problems: string[]): TlsOptions | undefined {
  const text = (name: string) => values.get(`tls.${name}`) as string | undefined;
  const [certFile, keyFile, caFile] = [text("cert"), text("key"), text("ca")];
  // Naming an authority asks clients for certificates of it.
  const unsaid = caFile === undefined ? "none" : "require";
  const clientCertificates = (text("clientCertificates") ?? unsaid) as "none" | "request" | "require";
  if (clientCertificates !== "none" && caFile === undefined)
    problems.push("tls.clientCertificates needs tls.ca to check them against");
  if (certFile !== undefined && keyFile !== undefined)
    return { certFile, keyFile, ...(caFile !== undefined && { caFile }), clientCertificates };
  if (certFile !== undefined) problems.push("tls.cert needs tls.key beside it");
  else if (keyFile !== undefined) problems.push("tls.key needs tls.cert beside it");
  else if (caFile !== undefined || clientCertificates !== "none")
    problems.push("tls.ca and tls.clientCertificates need tls.cert and tls.key");
  return undefined;
}
