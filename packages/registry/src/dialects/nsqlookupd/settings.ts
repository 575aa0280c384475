/** The settings of the dialect: `dialectSettings.nsqlookupd` of the configuration, checked. */
import { BlockList, isIP } from "node:net";
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";

export interface Settings {
  /** Whose producers they are: nsqd has no way to say. */
  readonly account: Account;
  /** Where nsqd reaches this server's HTTP port; undefined for the address that it is connected to. */
  readonly broadcastAddress: string | undefined;
  /** A producer that said nothing for so long is shown to nobody. */
  readonly inactiveMs: number;
  /** How long a tombstone counts. */
  readonly tombstoneMs: number;
  /** Who needs no token where the registry has accounts. */
  readonly trusted: BlockList;
}

const KEYS = ["account", "broadcastAddress", "inactiveMs", "tombstoneMs", "trusted"] as const;
const INACTIVE_MS = 300_000;
const TOMBSTONE_MS = 45_000;
const MS_MAX = 86_400_000;

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw))
    if (!(KEYS as readonly string[]).includes(key)) throw new SettingsRefused(`nsqlookupd knows no setting ${key}`);
  const { account = "default", broadcastAddress, trusted = [] } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("nsqlookupd.account must be an account's name");
  if (broadcastAddress !== undefined && !isHost(broadcastAddress))
    throw new SettingsRefused("nsqlookupd.broadcastAddress must be an address or a name");
  return {
    account,
    broadcastAddress,
    inactiveMs: readMs(raw, "inactiveMs", INACTIVE_MS),
    tombstoneMs: readMs(raw, "tombstoneMs", TOMBSTONE_MS),
    trusted: readTrusted(trusted),
  };
}

function isHost(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9._:-]{1,255}$/.test(value);
}

function readMs(raw: Readonly<Record<string, unknown>>, key: string, fallback: number): number {
  const value = raw[key] ?? fallback;
  if (Number.isInteger(value) && (value as number) >= 100 && (value as number) <= MS_MAX) return value as number;
  throw new SettingsRefused(`nsqlookupd.${key} must be a whole number of milliseconds from 100 to ${MS_MAX}`);
}

function readTrusted(raw: unknown): BlockList {
  const list = new BlockList();
  if (!Array.isArray(raw)) throw new SettingsRefused("nsqlookupd.trusted must be a list of addresses and networks");
  for (const one of raw) {
    const [address = "", bits] = typeof one === "string" ? one.split("/") : [];
    const family = isIP(address);
    const length = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits || "x");
    if (family === 0 || !Number.isInteger(length) || length < 0 || length > (family === 4 ? 32 : 128))
      throw new SettingsRefused(`nsqlookupd.trusted: ${JSON.stringify(one)} is no address or network`);
    list.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** An IPv4 address in IPv6 clothes is the same one. */
export function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/i, "");
}

export function isTrusted({ trusted }: Settings, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 4 ? "ipv4" : "ipv6");
}
