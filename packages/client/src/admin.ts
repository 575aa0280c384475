import type { Transport } from "./http/transport.ts";
import { pathOf } from "./http/transport.ts";
import type {
  AccountBody,
  AccountLimitsBody,
  CreatedTokenBody,
  MetricsHistoryBody,
  NodeStatusBody,
  Role,
  TokenBody,
  WhoamiBody,
} from "./shapes.ts";

/** A backup as it arrives. */
export interface BackupStream {
  /** Null when the registry did not say. */
  readonly bytes: number | null;
  readonly body: ReadableStream<Uint8Array>;
}

/** What only administrators may do. */
export interface Admin {
  readonly tokens: {
    list(): Promise<TokenBody[]>;
    /** `token` in the answer is the secret: it is shown this once. */
    create(spec: { name: string; account: string | null; role: Role }): Promise<CreatedTokenBody>;
    remove(id: string): Promise<void>;
  };
  readonly accounts: {
    list(): Promise<AccountBody[]>;
    /** Creates the account, or changes the limits that are given. */
    set(account: string, limits?: Partial<AccountLimitsBody>): Promise<AccountBody>;
    /** Forgets its limits and tokens. Refused while it holds something, unless that is to go too. */
    remove(account: string, options?: { contents?: boolean }): Promise<void>;
  };
  backup(signal?: AbortSignal): Promise<BackupStream>;
  /** Forgets history up to and including this revision. */
  compact(revision: number): Promise<{ revision: number }>;
}

export function status(transport: Transport): Promise<NodeStatusBody> {
  return transport.json({ path: pathOf("v2", "_", "status") });
}

export function whoami(transport: Transport): Promise<WhoamiBody> {
  return transport.json({ path: pathOf("v2", "_", "whoami") });
}

export interface MetricsHistoryOptions {
  /** Names of series; all when left out. */
  readonly series?: readonly string[];
  /** A time, or `-15m`; as far back as is known when left out. */
  readonly from?: string;
  /** "5s": of the last hour; "60s": of the last day. */
  readonly step?: "5s" | "60s";
}

export function metricsHistory(
  transport: Transport,
  { series, from, step }: MetricsHistoryOptions,
): Promise<MetricsHistoryBody> {
  return transport.json({ path: pathOf("v2", "_", "metrics", "history"), query: { series, from, step } });
}

export function createAdmin(transport: Transport): Admin {
  const at = (...rest: readonly string[]) => pathOf("v2", "_", ...rest);

  async function backup(signal?: AbortSignal): Promise<BackupStream> {
    // The copy is made before the first byte is sent: a large store takes its time.
    const timeoutMs = 10 * 60_000;
    const headers = { accept: "application/octet-stream" };
    const { response } = await transport.open({ path: at("backup"), headers, signal, timeoutMs });
    const length = response.headers.get("content-length");
    return { bytes: length === null ? null : Number(length), body: response.body as ReadableStream<Uint8Array> };
  }

  return {
    tokens: {
      list: async () => (await transport.json<{ tokens: TokenBody[] }>({ path: at("tokens") })).tokens,
      create: async (json) => transport.json({ method: "POST", path: at("tokens"), json }),
      remove: async (id) => void (await transport.open({ method: "DELETE", path: at("tokens", id) })).close(),
    },
    accounts: {
      list: async () => (await transport.json<{ accounts: AccountBody[] }>({ path: at("accounts") })).accounts,
      set: async (account, json = {}) => transport.json({ method: "PUT", path: at("accounts", account), json }),
      remove: async (account, { contents = false } = {}) => {
        const query = contents ? { contents: "true" } : {};
        (await transport.open({ method: "DELETE", path: at("accounts", account), query })).close();
      },
    },
    backup,
    compact: async (revision) =>
      transport.json({ method: "POST", effect: "same", path: at("compact"), json: { revision } }),
  };
}
