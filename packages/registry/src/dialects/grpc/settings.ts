/** The settings of the dialect: `dialectSettings.grpc` of the configuration, checked. */
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";

export interface Settings {
  /** Whose calls those are that name no account, by a token for all of them or without one. */
  readonly account: Account;
  /** Of a request. */
  readonly requestBytesMax: number;
  /** Streams open at once on one connection. */
  readonly streamsMax: number;
  /** Pings of a client that come faster end its connection. */
  readonly pingMsMin: number;
  /** A client that said nothing for so long is asked whether it is there, and cut off when it does not say so in time. */
  readonly keepAliveMs: number;
  readonly keepAliveTimeoutMs: number;
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

const NUMBERS = {
  requestBytesMax: { least: 1024, most: 64 * MIB, usual: 4 * MIB },
  streamsMax: { least: 1, most: 1_000_000, usual: 20_000 },
  pingMsMin: { least: 1, most: 24 * HOUR_MS, usual: 5000 },
  keepAliveMs: { least: 1000, most: 24 * HOUR_MS, usual: 8000 },
  keepAliveTimeoutMs: { least: 1000, most: HOUR_MS, usual: 4000 },
} as const;

type Numbers = Readonly<Record<keyof typeof NUMBERS, number>>;

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw))
    if (!(key in NUMBERS) && key !== "account") throw new SettingsRefused(`grpc knows no setting ${key}`);
  const { account = "default" } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("grpc.account must be an account's name");
  const entries = Object.entries(NUMBERS).map(([name, { least, most, usual }]) => {
    const value = raw[name] ?? usual;
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
      throw new SettingsRefused(`grpc.${name} must be a whole number from ${least} to ${most}`);
    return [name, value] as const;
  });
  return { account, ...(Object.fromEntries(entries) as Numbers) };
}
