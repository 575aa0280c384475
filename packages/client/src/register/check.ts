/** Checks, and what they come to. */

export type Status = "passing" | "warning" | "critical" | "starting" | "draining" | "unknown";
export type CheckKind = "ttl" | "http" | "tcp" | "grpc" | "udp" | "http2" | "exec" | "reported";

/** `"500ms"`, `"10s"`, `"5m"`, `"2h"`, or a number of seconds. */
export type Duration = string | number;

export interface CheckBody {
  id: string;
  kind: CheckKind;
  name: string;
  target: string;
  intervalMs: number;
  timeoutMs: number;
  status: Status;
  /** Since when it is that. */
  since: string;
  output: string;
  /** Of the result that is shown; null before the first. */
  reportedAt: string | null;
  method?: string;
  expect?: string;
  redirects?: boolean;
  tls?: boolean;
  skipVerify?: boolean;
  serverName?: string;
  rise?: number;
  fall?: number;
  warnAfter?: number;
  /** In `explain`, of a check that the node which answers runs. */
  lastRun?: { at: string; tookMs: number; status: Status; output: string };
}

/** A check to be registered. The registry runs those of kind `http`, `tcp`, `grpc`, `udp` and `http2`, and waits for reports of a `ttl`. */
export interface RegisterCheckBody {
  /** The kind when left out; a `reported` one needs it. */
  id?: string;
  /** `reported` when left out: somebody else finds the results. */
  kind?: CheckKind;
  name?: string;
  /**
   * http: a URL, or `/health` or `:8081/health` for the instance's own address. tcp: `host:port`, `:port`, or nothing for
   * the instance's own, and so do udp and http2. grpc: the same, with `/service` behind it.
   */
  target?: string;
  /** Between two runs, or of a ttl at most between two reports: 10 s when left out. */
  interval?: Duration;
  /** 2 s when left out. */
  timeout?: Duration;
  status?: Status;
  /** http: GET when left out. */
  method?: string;
  /** http; shown to nobody. */
  headers?: Record<string, string | string[]>;
  /** http; shown to nobody. */
  body?: string;
  /** http: statuses that pass; "200-299" when left out. */
  expect?: string;
  /** http: redirects are followed, to where checks may go. */
  redirects?: boolean;
  /** By TLS, where the target does not say. */
  tls?: boolean;
  /** Whatever certificate the target shows. */
  skipVerify?: boolean;
  /** The name that its certificate must have; that of the target when left out. */
  serverName?: string;
  /** Good results in a row until it passes: 1 when left out. */
  rise?: number;
  /** Bad results in a row until it is critical: 1 when left out. */
  fall?: number;
  /** Bad results in a row until it warns; `fall` when left out. */
  warnAfter?: number;
}
