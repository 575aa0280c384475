/** The settings of the dialect: `dialectSettings.eureka` of the configuration, checked. */
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused } from "../contract.ts";

export interface Settings {
  /** The account of requests without a token for a single account. Default `default`. */
  readonly account: Account;
  /** Service URLs of the other servers, as Eureka's `serviceUrl` has them: `http://user:password@host:8761/eureka/`. */
  readonly peers: readonly string[];
  /** What this region is called on the dashboard. `regions=` changes nothing, whatever it names. Default `default`. */
  readonly region: string;
  /** The data center in which instances of other dialects are shown. Default `MyOwn`. */
  readonly dataCenter: string;
  /** How far back `/apps/delta` reaches. Default 180 s. */
  readonly deltaMs: number;
}

const KEYS = ["account", "peers", "region", "dataCenter", "deltaMs"] as const;
const PEERS_MAX = 64;
const DELTA_MS = 180_000;
const DELTA_MS_MIN = 1000;
const DELTA_MS_MAX = 3_600_000;
const DATA_CENTERS = ["MyOwn", "Netflix", "Amazon"];

/** Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Settings {
  for (const key of Object.keys(raw))
    if (!(KEYS as readonly string[]).includes(key)) throw new SettingsRefused(`eureka knows no setting ${key}`);
  const { account = "default", peers = [], region = "default", dataCenter = "MyOwn", deltaMs = DELTA_MS } = raw;
  return {
    account: readAccount(account),
    peers: readPeers(peers),
    region: readRegion(region),
    dataCenter: readDataCenter(dataCenter),
    deltaMs: readDelta(deltaMs),
  };
}

function readAccount(account: unknown): Account {
  if (typeof account === "string" && isLegalAccount(account)) return account;
  throw new SettingsRefused("eureka.account must be an account's name");
}

/** As Eureka writes them: with user and password if need be, and with the prefix. */
function readPeers(peers: unknown): readonly string[] {
  const list = typeof peers === "string" ? peers.split(",").map((url) => url.trim()) : peers;
  if (!Array.isArray(list) || list.length > PEERS_MAX)
    throw new SettingsRefused(`eureka.peers must be a list of at most ${PEERS_MAX} service URLs`);
  return list.filter((url) => url !== "").map(readPeer);
}

function readPeer(given: unknown): string {
  const url = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new SettingsRefused("eureka.peers must hold URLs such as http://host:8761/eureka/");
  if (url.search !== "" || url.hash !== "")
    throw new SettingsRefused("a URL of eureka.peers has neither a query nor a fragment");
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}

function readRegion(region: unknown): string {
  if (typeof region === "string" && region !== "" && region.length <= 255) return region;
  throw new SettingsRefused("eureka.region must be a text");
}

function readDataCenter(dataCenter: unknown): string {
  // Java's clients know these three words and fail at any other.
  if (typeof dataCenter === "string" && DATA_CENTERS.includes(dataCenter)) return dataCenter;
  throw new SettingsRefused(`eureka.dataCenter must be one of ${DATA_CENTERS.join(", ")}`);
}

function readDelta(deltaMs: unknown): number {
  const whole = Number.isSafeInteger(deltaMs) ? (deltaMs as number) : -1;
  if (whole >= DELTA_MS_MIN && whole <= DELTA_MS_MAX) return whole;
  throw new SettingsRefused(
    `eureka.deltaMs must be a whole number of milliseconds from ${DELTA_MS_MIN} to ${DELTA_MS_MAX}`,
  );
}
