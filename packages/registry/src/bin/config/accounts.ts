/** The `accounts` section of the file: accounts with limits and tokens. */
import type { ConfiguredAccount, ConfiguredToken } from "../../around/accounts/config.ts";
import { type AccountLimits, isLegalAccount, isRole, ROLES } from "../../core/index.ts";
import { isMap } from "./file.ts";
import { nearest } from "./nearest.ts";
import { SETTINGS } from "./settings.ts";
import { readValue, show } from "./values.ts";

/** An account's limits by their names: those under `limits.` in the settings. */
const LIMITS = new Map(
  SETTINGS.filter(({ key }) => key.startsWith("limits.")).map((setting) => [
    setting.key.slice("limits.".length),
    setting,
  ]),
);

export const LIMIT_NAMES = [...LIMITS.keys()] as readonly (keyof AccountLimits)[];

/** Adds a sentence to `problems` for every mistake. The accounts are good only if there is none. */
export function readAccounts(raw: unknown, place: string, problems: string[]): Record<string, ConfiguredAccount> {
  const accounts: Record<string, ConfiguredAccount> = {};
  if (!isMap(raw)) {
    problems.push(`${place}: accounts must be a map of account names`);
    return accounts;
  }
  for (const [name, body] of Object.entries(raw)) {
    const at = `${place}: accounts.${name}`;
    if (!isLegalAccount(name))
      problems.push(`${at}: not a legal account name (letters, digits, ".", "_", "-"; at most 64)`);
    else accounts[name] = readAccount(body ?? {}, at, problems);
  }
  return accounts;
}

function readAccount(raw: unknown, at: string, problems: string[]): ConfiguredAccount {
  if (!knownKeys(raw, ["limits", "tokens"], at, problems)) return {};
  const account: { -readonly [K in keyof ConfiguredAccount]: ConfiguredAccount[K] } = {};
  if (raw.limits !== undefined) account.limits = readLimits(raw.limits, `${at}.limits`, problems);
  if (raw.tokens !== undefined) account.tokens = readTokens(raw.tokens, `${at}.tokens`, problems);
  return account;
}

function readLimits(raw: unknown, at: string, problems: string[]): Partial<AccountLimits> {
  const limits: Partial<Record<string, number>> = {};
  if (!knownKeys(raw, LIMIT_NAMES, at, problems)) return limits;
  for (const [name, value] of Object.entries(raw)) {
    const setting = LIMITS.get(name);
    if (setting === undefined) continue;
    const read = readValue(setting, value);
    if (read.ok) limits[name] = read.value as number;
    else problems.push(`${at}.${name}: ${read.problem}`);
  }
  return limits;
}

export function readTokens(raw: unknown, at: string, problems: string[]): readonly ConfiguredToken[] {
  if (!Array.isArray(raw)) {
    problems.push(`${at}: must be a list of tokens`);
    return [];
  }
  return raw.flatMap((token: unknown, index) => {
    const here = `${at}[${index}]`;
    if (!knownKeys(token, ["name", "role", "sha256"], here, problems)) return [];
    const { name, role, sha256 } = token;
    if (typeof name !== "string" || name === "") problems.push(`${here}.name: must be text, not ${show(name)}`);
    else if (!isRole(role)) problems.push(`${here}.role: must be one of ${ROLES.join(", ")}, not ${show(role)}`);
    else if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256))
      problems.push(`${here}.sha256: must be the SHA-256 of the token in 64 hexadecimal digits`);
    else return [{ name, role, sha256: sha256.toLowerCase() }];
    return [];
  });
}

export function knownKeys(
  raw: unknown,
  legal: readonly string[],
  at: string,
  problems: string[],
): raw is Record<string, unknown> {
  if (!isMap(raw)) {
    problems.push(`${at}: must be a map with ${legal.join(", ")}`);
    return false;
  }
  for (const key of Object.keys(raw))
    if (!legal.includes(key)) problems.push(`${at}.${key}: ${unknownKey(key, legal)}`);
  return true;
}

/** What is wrong with an unknown key, with the key that was probably meant. */
export function unknownKey(key: string, legal: Iterable<string>): string {
  const meant = nearest(key, legal);
  return meant === undefined ? "no such setting" : `no such setting (did you mean ${meant}?)`;
}
