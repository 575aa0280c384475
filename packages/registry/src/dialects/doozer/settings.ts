/** The settings of the dialect: `dialectSettings.doozer` of the configuration, checked. */
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";
import { isLegalPath } from "./wire/path.ts";

export interface Settings {
  /** Whose files those of clients without a secret are. */
  readonly account: Account;
  /** The name of the cluster, by which clients find its nodes. */
  readonly cluster: string;
  /** `host:port` at which clients reach this node; where it listens when left out. */
  readonly address: string | undefined;
}

const KEYS = ["account", "cluster", "address"];
/** The original's own default. */
const CLUSTER = "local";

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw))
    if (!KEYS.includes(key)) throw new SettingsRefused(`doozer knows no setting ${key}`);
  const { account = "default", cluster = CLUSTER, address } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("doozer.account must be an account's name");
  if (typeof cluster !== "string" || cluster.includes("/") || !isLegalPath(`/${cluster}`))
    throw new SettingsRefused("doozer.cluster must be letters, digits, dots and dashes");
  if (address !== undefined && (typeof address !== "string" || !/^[^\s/]{1,255}:\d{1,5}$/.test(address)))
    throw new SettingsRefused("doozer.address must be host:port");
  return { account, cluster, address };
}
