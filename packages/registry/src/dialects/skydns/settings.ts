/** The settings of the dialect: `dialectSettings.skydns` of the configuration, checked. */
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";
import { type Hosts, parseHosts } from "./hosts.ts";
import { ENVIRONMENT } from "./names/source.ts";

export interface Settings {
  /** What clients send as Authorization; undefined when only tokens of the registry count. */
  readonly secret: string | undefined;
  /** The account of clients that bring the secret, or nothing. */
  readonly account: Account;
  /** The environment of instances of other dialects that say none. */
  readonly environment: string;
  /** Where callbacks may go, besides to the address that asked for them. */
  readonly callbackHosts: Hosts;
  /** So many services may be watched for one account's callbacks. */
  readonly callbacksMax: number;
}

const KEYS = ["secret", "account", "environment", "callbackHosts", "callbacksMax"] as const;
const CALLBACKS_MAX = 10_000;

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw)) {
    if (!(KEYS as readonly string[]).includes(key)) throw new SettingsRefused(`skydns knows no setting ${key}`);
  }
  const {
    secret,
    account = "default",
    environment = ENVIRONMENT,
    callbackHosts = [],
    callbacksMax = CALLBACKS_MAX,
  } = raw;
  // RFC 9110 §5.5: another secret could not come in as the value of a header.
  if (secret !== undefined && !(typeof secret === "string" && /^[!-~](?:[ -~]*[!-~])?$/.test(secret))) {
    throw new SettingsRefused("skydns.secret must be a text of printable ASCII characters without blanks at its ends");
  }
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("skydns.account must be an account's name");
  if (typeof environment !== "string" || environment.length > 255)
    throw new SettingsRefused("skydns.environment must be a text");
  if (!Number.isSafeInteger(callbacksMax) || (callbacksMax as number) < 0) {
    throw new SettingsRefused("skydns.callbacksMax must be a whole number");
  }
  const hosts = parseHosts(callbackHosts);
  if (!hosts.ok) throw new SettingsRefused(`skydns.callbackHosts: ${hosts.detail}`);
  return { secret, account, environment, callbackHosts: hosts.value, callbacksMax: callbacksMax as number };
}
