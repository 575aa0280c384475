/** Every setting of `rollcall serve`, as data: flags, environment, file, help and docs/configuration.md come from here. */
import { PROTECTION_DEFAULTS } from "../../around/protection.ts";
import { DIALECTS, PORTS } from "../dialects.ts";
import { ETCD, GOSSIP, LINK, UPSTREAM } from "./nodes.ts";

/** `path` becomes absolute. Text forms: `ms` takes 1500, "1500ms", "15s", "10m", "2h", "30d"; `bytes` takes 4096, "64KiB", "4MiB", "1GiB". */
export type SettingKind =
  | "text"
  | "path"
  | "whole"
  | "share"
  | "ms"
  | "bytes"
  | "port"
  | "flag"
  | "list"
  | "origins"
  | "choice";

export interface Setting {
  /** Path in the file, with dots. The flag and the variable are made from it unless given. */
  readonly key: string;
  readonly kind: SettingKind;
  readonly default: string | number | boolean | undefined;
  readonly meaning: string;
  readonly choices?: readonly string[];
  readonly flag?: string;
  readonly min?: number;
  readonly max?: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const KIB = 1024;
const MIB = 1024 * KIB;

const general: readonly Setting[] = [
  { key: "data", kind: "path", default: "./data", meaning: "Directory of the store. Made when it is not there." },
  {
    key: "host",
    kind: "text",
    default: "127.0.0.1",
    meaning: "Address to listen on. Anything but loopback needs accounts with tokens, or `insecure`.",
  },
  {
    key: "name",
    kind: "text",
    default: "",
    meaning: "Name of this node in status and logs; the host's name when empty.",
  },
  {
    key: "dialects",
    kind: "list",
    default: "all",
    choices: DIALECTS.map((dialect) => dialect.name),
    meaning: "Dialects to open. A named one must open; others are skipped when their port is taken.",
  },
  {
    key: "replicator",
    kind: "choice",
    default: "embedded",
    choices: ["embedded", "etcd", "gossip", "upstream", "memory"],
    meaning:
      "What makes commits durable: a store in `data`, an etcd that nodes share, a store of each of several nodes that copy each other, a registry that runs elsewhere (`rollcall agent`), or nothing. `memory` forgets everything at the stop.",
  },
  {
    key: "hera",
    kind: "path",
    default: undefined,
    meaning:
      "hera's own configuration file: its name, port, liveness, gossip-interval and cluster start this node, where nothing else says otherwise. Data is then in `data/NAME` unless given, and the native API at a free port when its own is taken.",
  },
  {
    key: "insecure",
    kind: "flag",
    default: false,
    meaning: "Allow other addresses than loopback without accounts and tokens.",
  },
];

const ports: readonly Setting[] = PORTS.map(({ name, port }) => ({
  key: `ports.${name}`,
  flag: `${name}-port`,
  kind: "port",
  default: port,
  meaning: `Port of the ${name} dialect. 0 picks a free one.`,
}));

const logging: readonly Setting[] = [
  {
    key: "log.format",
    kind: "choice",
    default: "text",
    choices: ["text", "json"],
    meaning: "Lines for people, or one JSON object a line.",
  },
  {
    key: "log.level",
    kind: "choice",
    default: "info",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    meaning: "The least severe messages to log.",
  },
  {
    key: "log.access",
    kind: "share",
    default: 0,
    meaning: "The share of requests (0 to 1) that get a line in the log when they are over.",
  },
];

const tls: readonly Setting[] = [
  {
    key: "tls.cert",
    kind: "path",
    default: undefined,
    meaning: "Certificate chain (PEM). Turns TLS on; re-read on change.",
  },
  { key: "tls.key", kind: "path", default: undefined, meaning: "Private key of the certificate (PEM)." },
  {
    key: "tls.ca",
    kind: "path",
    default: undefined,
    meaning: "Authorities that client certificates are checked against (PEM).",
  },
  {
    key: "tls.clientCertificates",
    kind: "choice",
    default: undefined,
    choices: ["none", "request", "require"],
    meaning: "Whether clients must show a certificate of `tls.ca`: `require` when that is given, else `none`.",
  },
];

const protection: readonly Setting[] = [
  {
    key: "protection.enabled",
    kind: "flag",
    default: PROTECTION_DEFAULTS.enabled,
    meaning:
      "Hold leases when many fall silent together, for then the registry or its network is the likelier culprit.",
  },
  {
    key: "protection.windowMs",
    kind: "ms",
    default: PROTECTION_DEFAULTS.windowMs,
    min: 1000,
    meaning: "Instances that fall silent within this time of each other do so together.",
  },
  {
    key: "protection.leasesMin",
    kind: "whole",
    default: PROTECTION_DEFAULTS.leasesMin,
    min: 1,
    meaning: "Instances that would go: fewer than this are never held.",
  },
  {
    key: "protection.shareMin",
    kind: "share",
    default: PROTECTION_DEFAULTS.shareMin,
    meaning:
      "The share of an account's or a service's instances (0 to 1): more than this, or all, must be about to go.",
  },
  {
    key: "protection.holdMs",
    kind: "ms",
    default: PROTECTION_DEFAULTS.holdMs,
    min: 1000,
    meaning: "The longest time a lapsed lease is held.",
  },
];

const checks: readonly Setting[] = [
  {
    key: "checks.allow",
    kind: "text",
    default: "loopback,instance",
    meaning:
      "Where checks that the registry runs, and hooks, may go, with commas between them: `loopback`, `instance` (the address that it registered), ranges such as `10.0.0.0/8`, `all`. Link-local and metadata addresses never. Empty for nowhere.",
  },
  {
    key: "checks.parallelMax",
    kind: "whole",
    default: 256,
    min: 1,
    max: 4096,
    meaning: "Checks that run at the same time; an account's take half of them at most.",
  },
  {
    key: "checks.ca",
    kind: "path",
    default: undefined,
    meaning:
      "Authorities that certificates of the targets of checks and hooks may be of (PEM), besides those of the system.",
  },
];

const events: readonly Setting[] = [
  {
    key: "events.keepMs",
    kind: "ms",
    default: 30 * DAY,
    min: MINUTE,
    meaning: "How long the events feed reaches back, in time that the registry ran.",
  },
  {
    key: "events.bytesMax",
    kind: "bytes",
    default: 4096 * MIB,
    min: MIB,
    meaning: "The most that stored events may take; older ones go first.",
  },
];

const http: readonly Setting[] = [
  {
    key: "http.headerBytesMax",
    kind: "bytes",
    default: 16 * KIB,
    min: 4 * KIB,
    max: MIB,
    meaning: "The longest request head.",
  },
  {
    key: "http.headersMax",
    kind: "whole",
    default: 100,
    min: 10,
    max: 2000,
    meaning: "The most headers of a request.",
  },
  {
    key: "http.connectionsMax",
    kind: "whole",
    default: 20_000,
    min: 1,
    meaning: "The most connections. Idle ones make room for more, the one that was idle for longest first.",
  },
  {
    key: "http.connectionsPerAddressMax",
    kind: "whole",
    default: 0,
    min: 0,
    meaning: "The most connections of one address, in the same way; 0 for no such limit.",
  },
  {
    key: "http.headersTimeoutMs",
    kind: "ms",
    default: 10 * SECOND,
    min: 100,
    meaning: "The time a client has to send a request's head.",
  },
  {
    key: "http.requestTimeoutMs",
    kind: "ms",
    default: 30 * SECOND,
    min: 100,
    meaning: "The time a client has to send a whole request.",
  },
  {
    key: "http.idleTimeoutMs",
    kind: "ms",
    default: 75 * SECOND,
    min: 1000,
    meaning: "How long an idle connection stays open.",
  },
  {
    key: "http.stallTimeoutMs",
    kind: "ms",
    default: MINUTE,
    min: 1000,
    meaning: "How long a client may read nothing of its answer.",
  },
  {
    key: "http.closeTimeoutMs",
    kind: "ms",
    default: 10 * SECOND,
    min: 0,
    meaning: "How long requests under way may take after SIGTERM.",
  },
];

const cors: readonly Setting[] = [
  {
    key: "cors.origins",
    kind: "origins",
    default: "",
    meaning:
      "Origins of web pages that may use the native API from a browser, with commas between them, such as `https://app.example.com`; `*` for all. A page of an open registry has to be named.",
  },
];

const answers: readonly Setting[] = [
  {
    key: "answers.unreadBytesMax",
    kind: "bytes",
    default: 256 * MIB,
    min: MIB,
    meaning: "Bytes of answers that clients have not taken yet, all together; above it the slowest are cut.",
  },
  {
    key: "answers.unreadBytesPerAddressMax",
    kind: "bytes",
    default: 64 * MIB,
    min: MIB,
    meaning: "The same for all clients of one address.",
  },
];

const store: readonly Setting[] = [
  {
    key: "store.bytesMax",
    kind: "bytes",
    default: 0,
    meaning:
      "Bytes of heap that all records may take, about; above it writes that add to them are refused. 0 for 60 % of the heap that Node allows (`--max-old-space-size`).",
  },
];

const limits: readonly Setting[] = [
  { key: "limits.instancesMax", kind: "whole", default: 1_000_000, meaning: "Instances an account may have." },
  { key: "limits.servicesMax", kind: "whole", default: 100_000, meaning: "Services an account may have." },
  { key: "limits.keysMax", kind: "whole", default: 1_000_000, meaning: "Configuration keys an account may have." },
  { key: "limits.leasesMax", kind: "whole", default: 1_000_000, meaning: "Leases an account may have." },
  {
    key: "limits.bytesMax",
    kind: "bytes",
    default: 0,
    meaning: "Bytes of heap that an account's records may take, about; 0 for no bound but `store.bytesMax`.",
  },
  {
    key: "limits.requestsPerSecondMax",
    kind: "whole",
    default: 0,
    meaning: "Requests an account may make in a second; 0 for no limit.",
  },
];

export const SETTINGS: readonly Setting[] = [
  ...general,
  ...ETCD,
  ...GOSSIP,
  ...LINK,
  ...UPSTREAM,
  ...ports,
  ...logging,
  ...tls,
  ...protection,
  ...checks,
  ...events,
  ...http,
  ...cors,
  ...answers,
  ...store,
  ...limits,
];

/** `protection.windowMs` -> `protection-window-ms`. */
export function flagOf(setting: Setting): string {
  return setting.flag ?? kebab(setting.key);
}

/** `protection.windowMs` -> `ROLLCALL_PROTECTION_WINDOW_MS`. */
export function variableOf(setting: Setting): string {
  return `ROLLCALL_${flagOf(setting).replaceAll("-", "_").toUpperCase()}`;
}

function kebab(key: string): string {
  return key.replaceAll(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
