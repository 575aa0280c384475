/** The configuration of `rollcall serve`: flags beat the environment, the environment beats the file, the file the defaults. */
import type { AccountLimits, Role } from "../core/index.ts";
import type { HttpLimits } from "../net/listener.ts";

export interface ServeConfig {
  /** Absolute path. */
  readonly data: string;
  readonly host: string;
  /** Never empty. */
  readonly name: string;
  readonly dialects: readonly string[] | "all";
  /** Port of each dialect that has one. */
  readonly ports: Readonly<Record<string, number>>;
  /** Dialects that the user named, in `dialects` or by giving their port: these must open or the start fails. */
  readonly portsNamed: ReadonlySet<string>;
  readonly replicator: string;
  readonly insecure: boolean;
  readonly logFormat: "text" | "json";
  readonly logLevel: string;
  readonly tls?: TlsConfig;
  readonly accounts: Readonly<Record<string, AccountConfig>>;
  /** For accounts without limits of their own. */
  readonly limits: Partial<AccountLimits>;
  readonly protection: ProtectionConfig;
  readonly events: { readonly keepMs: number; readonly bytesMax: number };
  readonly http: HttpConfig;
  /** Each dialect validates its own. */
  readonly dialectSettings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Absolute paths of PEM files. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly clientCertificates: "none" | "request" | "require";
}

export interface AccountConfig {
  readonly limits?: Partial<AccountLimits>;
  readonly tokens?: readonly { readonly name: string; readonly role: Role; readonly sha256: string }[];
}

export interface ProtectionConfig {
  readonly enabled: boolean;
  readonly windowMs: number;
  readonly leasesMin: number;
  readonly shareMin: number;
  readonly holdMs: number;
}

/** Limits of the native listener: net's `HttpLimits`, and the longest body. */
export interface HttpConfig extends HttpLimits {
  readonly bodyBytesMax: number;
}
