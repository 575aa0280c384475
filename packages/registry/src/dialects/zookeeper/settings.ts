/** The settings of the dialect: `dialectSettings.zookeeper` of the configuration, checked. */
import { type Account, isLegalAccount, LIMITS } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";

export interface Settings {
  /** Whose nodes those of clients without a token are. */
  readonly account: Account;
  /** The unit of the original's times; clients see it in `conf` alone. */
  readonly tickMs: number;
  /** What clients ask for as their session's time is brought into this range. */
  readonly sessionMsMin: number;
  readonly sessionMsMax: number;
  /** Bytes of one request. */
  readonly requestBytesMax: number;
  /** 0 for no such limit below that of all. */
  readonly connectionsPerAddressMax: number;
  readonly connectionsMax: number;
  /** Watches of one connection. */
  readonly watchesMax: number;
  /** How often containers and nodes whose time is over are looked for. */
  readonly sweepMs: number;
  /** Whether nodes may live for a time of their own. */
  readonly allowsTtl: boolean;
  /** `user:hash` of who may do everything; nobody when left out. */
  readonly superDigest: string | undefined;
  /** Whether the commands of the original's admin server are served, on their own port. */
  readonly admin: boolean;
}

const TICK_MS = 2000;
const MINUTE_MS = 60_000;

const NUMBERS = {
  tickMs: { least: 100, most: MINUTE_MS, usual: TICK_MS },
  sessionMsMin: { least: LIMITS.ttlMsMin, most: 60 * MINUTE_MS, usual: 2 * TICK_MS },
  sessionMsMax: { least: LIMITS.ttlMsMin, most: 24 * 60 * MINUTE_MS, usual: 20 * TICK_MS },
  // The greatest value of the registry, and what stands around it.
  requestBytesMax: { least: 1024, most: LIMITS.valueBytesMax + 64 * 1024, usual: 0xfffff },
  connectionsPerAddressMax: { least: 0, most: 1_000_000, usual: 0 },
  connectionsMax: { least: 1, most: 1_000_000, usual: 20_000 },
  sweepMs: { least: 100, most: 60 * MINUTE_MS, usual: MINUTE_MS },
  watchesMax: { least: 1, most: 10_000_000, usual: 50_000 },
} as const;

const OTHERS = ["account", "ttlNodes", "superDigest", "admin"];

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw))
    if (!(key in NUMBERS) && !OTHERS.includes(key)) throw new SettingsRefused(`zookeeper knows no setting ${key}`);
  const { account = "default", ttlNodes = true, admin = false, superDigest } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("zookeeper.account must be an account's name");
  if (typeof ttlNodes !== "boolean") throw new SettingsRefused("zookeeper.ttlNodes must be true or false");
  if (typeof admin !== "boolean") throw new SettingsRefused("zookeeper.admin must be true or false");
  if (
    superDigest !== undefined &&
    (typeof superDigest !== "string" || !/^[^:]{1,255}:[A-Za-z0-9+/=]{28}$/.test(superDigest))
  )
    throw new SettingsRefused(
      "zookeeper.superDigest must be a user, a colon, and the SHA-1 of user:password in base64",
    );
  const numbers = readNumbers(raw);
  if (numbers.sessionMsMin > numbers.sessionMsMax)
    throw new SettingsRefused("zookeeper.sessionMsMin must not be more than sessionMsMax");
  return { account, ...numbers, allowsTtl: ttlNodes, superDigest, admin };
}

type Numbers = Readonly<Record<keyof typeof NUMBERS, number>>;

function readNumbers(raw: Readonly<Record<string, unknown>>): Numbers {
  const entries = Object.entries(NUMBERS).map(([name, { least, most, usual }]) => {
    const value = raw[name] ?? usual;
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
      throw new SettingsRefused(`zookeeper.${name} must be a whole number from ${least} to ${most}`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as Numbers;
}
