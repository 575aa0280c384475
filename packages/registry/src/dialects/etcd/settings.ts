/** The settings of the dialect: `dialectSettings.etcd` of the configuration, checked. */
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";

export interface Settings {
  /** Whether the second version of the API is there. */
  readonly v2: boolean;
  /** Whose keys those of clients without a token are. */
  readonly account: Account;
  /** Of a request, as etcd counts them; the transport takes a little more. */
  readonly requestBytesMax: number;
  /** Bytes of one answer. */
  readonly answerBytesMax: number;
  /** Streams open at once on one connection. */
  readonly streamsMax: number;
  /** Pings of a client that come faster end its connection. */
  readonly pingMsMin: number;
  /** A client that said nothing for so long is asked whether it is there, and cut off when it does not say so in time. */
  readonly keepAliveMs: number;
  readonly keepAliveTimeoutMs: number;
  /** How often watches that ask for it are told how far they have come, where they have nothing else to hear. */
  readonly progressMs: number;
  /** Where clients reach this node: `http://10.0.0.1:2379`. */
  readonly advertise: readonly string[];
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

const NUMBERS = {
  requestBytesMax: { least: 1024, most: 16 * MIB, usual: 1.5 * MIB },
  answerBytesMax: { least: MIB, most: 512 * MIB, usual: 64 * MIB },
  streamsMax: { least: 1, most: 1_000_000, usual: 20_000 },
  pingMsMin: { least: 1, most: 24 * HOUR_MS, usual: 5000 },
  keepAliveMs: { least: 1000, most: 24 * HOUR_MS, usual: 2 * HOUR_MS },
  keepAliveTimeoutMs: { least: 1000, most: HOUR_MS, usual: 20_000 },
  progressMs: { least: 100, most: 24 * HOUR_MS, usual: 600_000 },
} as const;

const OTHERS: readonly string[] = ["account", "v2", "advertise"];

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw))
    if (!(key in NUMBERS) && !OTHERS.includes(key)) throw new SettingsRefused(`etcd knows no setting ${key}`);
  const { account = "default", v2 = true, advertise = [] } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("etcd.account must be an account's name");
  if (typeof v2 !== "boolean") throw new SettingsRefused("etcd.v2 must be true or false");
  if (!isUrls(advertise))
    throw new SettingsRefused("etcd.advertise must be a list of URLs such as http://10.0.0.1:2379");
  return { account, v2, advertise, ...readNumbers(raw) };
}

const URLS_MAX = 16;
const URL_LENGTH_MAX = 512;

function isUrls(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length > URLS_MAX) return false;
  return value.every(
    (url) => typeof url === "string" && url.length <= URL_LENGTH_MAX && /^https?:\/\/[^/\s]+$/.test(url),
  );
}

type Numbers = Readonly<Record<keyof typeof NUMBERS, number>>;

function readNumbers(raw: Readonly<Record<string, unknown>>): Numbers {
  const entries = Object.entries(NUMBERS).map(([name, { least, most, usual }]) => {
    const value = raw[name] ?? usual;
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
      throw new SettingsRefused(`etcd.${name} must be a whole number from ${least} to ${most}`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as Numbers;
}
