/** The settings of the dialect: `dialectSettings.serf` of the configuration, checked. */
import { type Account, isLegalAccount, isLegalName } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";

export interface Settings {
  /** Whose instances the members are that clients without a key see. */
  readonly account: Account;
  /** How long a member that left or failed is still listed. */
  readonly reapMs: number;
  readonly mirror: MirrorSettings | undefined;
}

/** A real agent whose members are kept as instances. */
export interface MirrorSettings {
  readonly host: string;
  readonly port: number;
  /** The agent's `rpc_auth`. */
  readonly authKey: string | undefined;
  readonly account: Account;
  /** The service of members that do not say theirs. */
  readonly service: string;
  /** The tag in which they say it. */
  readonly serviceTag: string;
  /** The tag that has the port of the service; else it is that of the agent. */
  readonly portTag: string;
}

const KEYS = ["account", "reapMs", "mirror"];
const MIRROR_KEYS = ["address", "authKey", "account", "service", "serviceTag", "portTag"];
/** The original's tombstone and reconnect time-outs. */
const REAP_MS = 24 * 3600 * 1000;
const PORT = 7373;

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  refuseUnknown("serf", raw, KEYS);
  const { reapMs = REAP_MS, mirror } = raw;
  const account = readAccount("serf.account", raw.account);
  if (!Number.isSafeInteger(reapMs) || (reapMs as number) < 0)
    throw new SettingsRefused("serf.reapMs must be a whole number of milliseconds");
  return { account, reapMs: reapMs as number, mirror: mirror === undefined ? undefined : readMirror(mirror, account) };
}

function readMirror(raw: unknown, own: Account): MirrorSettings {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw new SettingsRefused("serf.mirror must be a map with address");
  const given = raw as Readonly<Record<string, unknown>>;
  refuseUnknown("serf.mirror", given, MIRROR_KEYS);
  const { address, authKey, service = "serf", serviceTag = "role", portTag = "port" } = given;
  const parts = typeof address === "string" ? /^(\[[^\]]+\]|[^:\s]+)(?::(\d{1,5}))?$/.exec(address) : null;
  const port = Number(parts?.[2] ?? PORT);
  if (parts === null || port < 1 || port > 65535)
    throw new SettingsRefused("serf.mirror.address must be the agent's RPC address, host:port");
  if (authKey !== undefined && typeof authKey !== "string")
    throw new SettingsRefused("serf.mirror.authKey must be a text");
  if (typeof service !== "string" || !isLegalName(service))
    throw new SettingsRefused("serf.mirror.service must be the name of a service");
  if (typeof serviceTag !== "string" || typeof portTag !== "string")
    throw new SettingsRefused("serf.mirror.serviceTag and portTag must be names of tags");
  return {
    host: (parts[1] as string).replace(/^\[|\]$/g, ""),
    port,
    authKey,
    account: given.account === undefined ? own : readAccount("serf.mirror.account", given.account),
    service,
    serviceTag,
    portTag,
  };
}

function readAccount(name: string, raw: unknown): Account {
  if (raw === undefined) return "default";
  if (typeof raw !== "string" || !isLegalAccount(raw)) throw new SettingsRefused(`${name} must be an account's name`);
  return raw;
}

function refuseUnknown(name: string, raw: Readonly<Record<string, unknown>>, keys: readonly string[]): void {
  for (const key of Object.keys(raw))
    if (!keys.includes(key)) throw new SettingsRefused(`${name} knows no setting ${key}`);
}
