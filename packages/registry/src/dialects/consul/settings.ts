/** The settings of the dialect: `dialectSettings.consul` of the configuration, checked. */
import { type Account, isLegalAccount, isLegalName, LIMITS } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";
import { parseDuration } from "./wire/duration.ts";

export interface Settings {
  /** The account of requests without a token for a single account. Default `default`. */
  readonly account: Account;
  /** What this datacenter is called. Default `dc1`. */
  readonly datacenter: string;
  /** The name of the node that agents' services stand on: the same on all nodes of a registry. Default `rollcall`. */
  readonly node: string;
  /** The address of that node; undefined for the one that the dialect listens on. */
  readonly address: string | undefined;
  /** The least TTL, in ms, that a session may have: 10 s as in the original. */
  readonly sessionTtlMinMs: number;
  readonly mirror: MirrorSettings | undefined;
}

/** A running Consul whose services are kept as instances here. */
export interface MirrorSettings {
  /** Where its HTTP API is; ends in a slash. */
  readonly url: string;
  readonly token: string | undefined;
  /** Its own when undefined. */
  readonly datacenter: string | undefined;
  readonly account: Account;
}

const KEYS = ["account", "datacenter", "node", "address", "sessionTtlMin", "mirror"] as const;
const MIRROR_KEYS = ["url", "token", "datacenter", "account"] as const;
const DATACENTER = /^[a-z0-9_-]{1,63}$/;
const TTL_MIN_MS = 10_000;
/** The most that a session's TTL may be. */
export const SESSION_TTL_MS_MAX = 24 * 3_600_000;

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  refuseUnknown("consul", raw, KEYS);
  const { account = "default", datacenter = "dc1", node = "rollcall", address, sessionTtlMin, mirror } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("consul.account must be an account's name");
  if (typeof datacenter !== "string" || !DATACENTER.test(datacenter))
    throw new SettingsRefused("consul.datacenter must be 1 to 63 of the signs a-z, 0-9, _ and -");
  if (typeof node !== "string" || !isLegalName(node))
    throw new SettingsRefused('consul.node must be a name without "/"');
  if (address !== undefined && !(typeof address === "string" && /^[!-~]+$/.test(address) && address.length <= 255))
    throw new SettingsRefused("consul.address must be an address or a host's name");
  return {
    account,
    datacenter,
    node,
    address,
    sessionTtlMinMs: readTtlMin(sessionTtlMin),
    mirror: mirror === undefined ? undefined : readMirror(mirror, account),
  };
}

function readMirror(raw: unknown, own: Account): MirrorSettings {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw new SettingsRefused("consul.mirror must be a map with url");
  const given = raw as Readonly<Record<string, unknown>>;
  refuseUnknown("consul.mirror", given, MIRROR_KEYS);
  const { url, token, datacenter, account = own } = given;
  const at = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (at === undefined || !/^https?:$/.test(at.protocol) || at.search !== "" || at.hash !== "")
    throw new SettingsRefused("consul.mirror.url must be where Consul's HTTP API is, such as http://10.0.0.1:8500");
  if (token !== undefined && !(typeof token === "string" && /^[!-~]+$/.test(token)))
    throw new SettingsRefused("consul.mirror.token must be a token");
  if (datacenter !== undefined && !(typeof datacenter === "string" && DATACENTER.test(datacenter)))
    throw new SettingsRefused("consul.mirror.datacenter must be the name of a datacenter");
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("consul.mirror.account must be an account's name");
  return { url: at.href.endsWith("/") ? at.href : `${at.href}/`, token, datacenter, account };
}

function refuseUnknown(name: string, raw: Readonly<Record<string, unknown>>, keys: readonly string[]): void {
  for (const key of Object.keys(raw))
    if (!keys.includes(key)) throw new SettingsRefused(`${name} knows no setting ${key}`);
}

function readTtlMin(given: unknown): number {
  if (given === undefined) return TTL_MIN_MS;
  const read = typeof given === "string" ? parseDuration(given) : undefined;
  if (read?.ok === true && read.value >= LIMITS.ttlMsMin && read.value <= SESSION_TTL_MS_MAX) return read.value;
  throw new SettingsRefused("consul.sessionTtlMin must be a duration from 1s to 24h");
}
