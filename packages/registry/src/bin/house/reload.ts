/** Takes another configuration over while everything runs. */
import { isDeepStrictEqual } from "node:util";
import type { Accounts } from "../../around/accounts/access.ts";
import type { ProtectionOptions } from "../../around/protection.ts";
import { type Reloaded as DialectReloaded, SettingsRefused } from "../../dialects/contract.ts";
import type { ServeConfig } from "../config/load.ts";
import type { Log } from "../log/logger.ts";
import type { Opened } from "./mount.ts";
import { refuseLockedOut, refuseOpenExposure, StartRefused } from "./refused.ts";

/** What a reload did. */
export interface Reloaded extends DialectReloaded {
  /** A sentence for each part that is not right; the old one stays. */
  readonly problems: readonly string[];
}

/** The parts that take something over. */
export interface ReloadParts {
  readonly configureLog: Log["configure"];
  /** Told of another share of requests. */
  readonly journal: { share: number };
  resize(store: ServeConfig["store"]): void;
  readonly access: Accounts;
  protect(options: ProtectionOptions): void;
  /** Reads the certificates for what is behind the store again; throws a sentence. Left out where none are used. */
  readonly renewStore: (() => void) | undefined;
  /** False when the new certificate cannot be used. */
  renewCertificates(): Promise<boolean>;
  readonly opened: readonly Opened[];
  /** Told of what is in force. */
  readonly agreed: { configure(config: ServeConfig): void };
}

/** What is fixed at the start, by the names of the settings. */
const FIXED: Readonly<Record<string, (config: ServeConfig) => unknown>> = {
  data: ({ data }) => data,
  host: ({ host }) => host,
  name: ({ name }) => name,
  dialects: ({ dialects }) => dialects,
  ports: ({ ports }) => ports,
  replicator: ({ replicator }) => replicator,
  etcd: ({ etcd }) => etcd,
  link: ({ link }) => link,
  gossip: ({ gossip }) => gossip,
  upstream: ({ upstream }) => upstream,
  insecure: ({ insecure }) => insecure,
  tls: ({ tls }) => tls,
  "protection.windowMs": ({ protection }) => protection.windowMs,
  "protection.holdMs": ({ protection }) => protection.holdMs,
  "checks.allow": ({ checks }) => checks.allow,
  "checks.parallelMax": ({ checks }) => checks.parallelMax,
  "checks.ca": ({ checks }) => checks.caFile,
  layouts: ({ layouts }) => layouts,
  events: ({ events }) => events,
  http: ({ http }) => http,
  answers: ({ answers }) => answers,
};

/** Makes the reload of a registry that was started with `config`. One is to end before the next begins. */
export function createReload(config: ServeConfig, parts: ReloadParts): (after: ServeConfig) => Promise<Reloaded> {
  let now = config;
  return async (after) => {
    const before = now;
    const done = { taken: [] as string[], restart: [] as string[], problems: [] as string[] };
    const differs = (of: (config: ServeConfig) => unknown): boolean => !isDeepStrictEqual(of(before), of(after));
    for (const [name, of] of Object.entries(FIXED)) if (differs(of)) done.restart.push(name);
    if (differs(({ logFormat, logLevel, logAccess }) => [logFormat, logLevel, logAccess])) {
      parts.configureLog(after.logFormat, after.logLevel);
      parts.journal.share = after.logAccess;
      done.taken.push("log");
    }
    const { enabled, leasesMin, shareMin } = after.protection;
    const protection = { ...before.protection, enabled, leasesMin, shareMin };
    if (!isDeepStrictEqual(protection, before.protection)) {
      parts.protect(protection);
      done.taken.push("protection");
    }
    if (differs(({ store }) => store)) {
      parts.resize(after.store);
      done.taken.push("store");
    }
    const { logFormat, logLevel, logAccess, store } = after;
    now = { ...before, logFormat, logLevel, logAccess, store, protection };
    if (differs(accountsOf)) now = { ...now, ...takeAccounts(parts.access, before, after, done) };
    if (before.tls !== undefined) {
      if (await parts.renewCertificates()) done.taken.push("certificates");
      else done.problems.push("the new certificate cannot be used");
    }
    if (parts.renewStore !== undefined) takeStore(parts.renewStore, done);
    now = { ...now, dialectSettings: await takeSettings(parts.opened, before, after, done) };
    parts.agreed.configure(now);
    return done;
  };
}

function accountsOf({ accounts, tokens, limits }: ServeConfig): Pick<ServeConfig, "accounts" | "tokens" | "limits"> {
  return { accounts, tokens, limits };
}

function takeStore(renew: () => void, { taken, problems }: Done): void {
  try {
    renew();
    taken.push("certificates of the store");
  } catch (error) {
    problems.push((error as Error).message);
  }
}

type Done = { readonly [K in keyof Reloaded]: string[] };

/** What is good for the start is good later: the registry neither opens to the network nor locks everybody out. */
function takeAccounts(
  access: Accounts,
  before: ServeConfig,
  after: ServeConfig,
  done: Done,
): Pick<ServeConfig, "accounts" | "tokens" | "limits"> {
  try {
    access.configure(accountsOf(after));
    refuseOpenExposure(before, access);
    refuseLockedOut(access);
    const names = ["accounts", "tokens", "limits"] as const;
    done.taken.push(...names.filter((name) => !isDeepStrictEqual(before[name], after[name])));
    return accountsOf(after);
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    access.configure(accountsOf(before));
    done.problems.push(error.message);
    return accountsOf(before);
  }
}

async function takeSettings(
  opened: readonly Opened[],
  before: ServeConfig,
  after: ServeConfig,
  done: Done,
): Promise<ServeConfig["dialectSettings"]> {
  const settings = { ...before.dialectSettings };
  for (const { name, mounted } of opened) {
    const wanted = after.dialectSettings[name] ?? {};
    if (mounted.reload === undefined) {
      if (!isDeepStrictEqual(settings[name] ?? {}, wanted)) done.restart.push(`dialectSettings.${name}`);
      continue;
    }
    try {
      const { taken, restart } = await mounted.reload(wanted);
      done.taken.push(...taken.map((what) => `${name}: ${what}`));
      done.restart.push(...restart.map((what) => `dialectSettings.${name}.${what}`));
      settings[name] = wanted;
    } catch (error) {
      if (!(error instanceof SettingsRefused)) throw error;
      done.problems.push(`dialectSettings: ${error.message}`);
    }
  }
  return settings;
}
