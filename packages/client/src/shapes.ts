/**
 * The JSON of the native HTTP API, version 2. Servers and clients share these shapes.
 * Times named `…At` are RFC 3339 UTC strings with milliseconds; numbers named `…Ms` are milliseconds.
 * Unknown fields are refused in requests and to be ignored in answers.
 */

import type { ProtectionLimitsBody } from "./find/looking.ts";
import type { CheckBody, Duration, RegisterCheckBody, Status } from "./register/check.ts";

export type * from "./find/looking.ts";
export type * from "./find/summaries.ts";
export type * from "./follow/past.ts";
export type * from "./keys/bodies.ts";
export type * from "./register/check.ts";

export type Role = "reader" | "writer" | "admin";

/** GET /v2/_/whoami */
export interface WhoamiBody {
  /** No token is needed: whoever reaches the registry may do everything. */
  open: boolean;
  /** Null without one. */
  token: { id: string | null; name: string; role: Role; account: string | null } | null;
  /** What may be done. */
  role: Role;
  /** The accounts that may be read and hold something or are configured: sorted, the first 1 000. */
  accounts: string[];
}

/** Who asked for a change, as far as the protocol that it came by tells. */
export interface AuthorBody {
  /** Null without a token. `id` is null for one that the registry issued itself. */
  token: { id: string | null; name: string } | null;
  /** The protocol that it came by, or that did it by itself. */
  dialect: string;
  /** The client's IP address; null where the protocol did not say, or did it by itself. */
  address: string | null;
}

/** While protection keeps what has lapsed. */
export interface HeldBody {
  since: string;
  /** When protection lets go at the latest; null once that is so. */
  until: string | null;
  reason: string;
}

/** An operator's word over the status. */
export interface OverrideBody {
  status: Status;
  /** As the operator gave it; "" without. */
  reason: string;
  /** The name of the operator's token; null in open mode, and where another protocol did it. */
  by: string | null;
  /** Null when an older version of the registry set it. */
  since: string | null;
  /** When it ends by itself; null: when it is taken back. */
  until: string | null;
}

/** An instance as answers show it. */
export interface InstanceBody {
  service: string;
  id: string;
  address: string;
  /** The main port (`ports.default`), 0 when there is none. */
  port: number;
  ports: Record<string, number>;
  protocol: string;
  tags: string[];
  meta: Record<string, string>;
  version: string;
  zone: string;
  weight: number;
  /** The status to act on: the override, else the worst of the instance's own word and its checks. */
  status: Status;
  /** Since when it is that. */
  statusSince: string;
  /** What the instance says of itself, before checks and override. */
  declaredStatus: Status;
  override: OverrideBody | null;
  checks: CheckBody[];
  /** The lease that keeps it alive; null when it is permanent. */
  lease: string | null;
  /** The lease's time to live; null when permanent. */
  ttlMs: number | null;
  /** Set while protection keeps it listed although its lease lapsed. */
  held: HeldBody | null;
  /** The dialect it came through. */
  via: string;
  createdAt: string;
  updatedAt: string;
  createRevision: number;
  modRevision: number;
}

/** PUT /v2/:account/services/:service/instances/:id (whole) and PATCH (merge patch: null removes). */
export interface RegisterBody {
  address: string;
  port?: number;
  ports?: Record<string, number>;
  protocol?: string;
  tags?: string[];
  meta?: Record<string, string>;
  version?: string;
  zone?: string;
  /** 0–65535, 100 when left out. */
  weight?: number;
  status?: Status;
  checks?: RegisterCheckBody[];
  /** A lease of its own with this time to live. Neither ttl nor lease: 30 s. 0: permanent. */
  ttl?: Duration;
  /** An existing lease instead. */
  lease?: string;
}

/** The answer to a registration. 201 when it is new, 200 when it was there. */
export interface RegisteredBody {
  service: string;
  id: string;
  revision: number;
  created: boolean;
  lease: string | null;
  ttlMs: number | null;
}

/** GET /v2/:account/services/:service. Unknown services answer 200 with no instances. */
export interface ServiceBody {
  service: string;
  /** The latest revision that touched this service; also that of the ETag. */
  revision: number;
  instances: InstanceBody[];
}

/** GET /v2/:account/instances */
export interface InstancesBody {
  revision: number;
  instances: InstanceBody[];
  next: string | null;
}

export interface LeaseBody {
  lease: string;
  /** Null for a lease without time, which ends only by request. */
  ttlMs: number | null;
  via: string;
  own: boolean;
  meta: Record<string, string>;
  held: HeldBody | null;
  grantedAt: string;
  /** Null before the first heartbeat that the node which keeps it has seen, and while that is not reached. */
  lastBeatAt: string | null;
  beats: number;
  /** Null for a lease without time, and while the node that keeps it is not reached. */
  expiresAt: string | null;
  /** The node that keeps its time, where several share a registry. */
  keptBy?: string;
  /** Only in GET of one lease. */
  instances?: Array<{ service: string; id: string }>;
  keys?: string[];
}

export interface LeasesBody {
  revision: number;
  leases: LeaseBody[];
  next: string | null;
}

/** POST /v2/:account/leases. Answer: 201 GrantedBody. */
export interface GrantBody {
  /** Chosen by the registry when left out. */
  lease?: string;
  ttl: Duration;
  meta?: Record<string, string>;
}

export interface GrantedBody {
  lease: string;
  ttlMs: number;
  revision: number;
}

/** POST /v2/:account/leases/renew: many heartbeats in one request, at most 10 000. */
export interface RenewBody {
  leases: string[];
}

export interface RenewedBody {
  renewed: number;
  /** Leases that are not there: register again. */
  missing: string[];
  /** Leases that another node keeps, which is not reached: try again. Left out when there are none. */
  unreached?: string[];
}

/** `missing`: leases that are not held. */
export type ReleasedBody = { revision: number; released: number; missing: string[] };

/** The trio: POST /v2/:account/register, /unregister, /subscribe. */
export interface EndpointBody {
  application: string;
  protocol: string;
  /** `host:port` */
  addr: string;
  meta: Record<string, string>;
}

export interface SubscribeBody {
  subscribes: Array<{ provider: string; protocol?: string; meta?: Record<string, string> }>;
  /** Who subscribes; the client's address when left out. */
  application?: string;
  /** With `wait`: answer only when the version differs from this, or after the wait. */
  version?: string;
  wait?: Duration;
}

export interface SubscribedBody {
  /** Opaque; changes exactly when the endpoints do. */
  version: string;
  endpoints: EndpointBody[];
}

/** GET /v2/:account/consumers */
export interface ConsumersBody {
  revision: number;
  consumers: Array<{
    /** Its own name; for who looks a service up by another protocol, the service at its address, or that. */
    consumer: string;
    provider: string;
    protocol: string;
    since: string;
    lastSeenAt: string;
    /** By what it is known: `subscription`, `watch`, `lookup`, or the protocol of its lookups, such as `dns`. */
    source: string;
    /** The one at its address, where that is one alone. */
    instance: { service: string; id: string } | null;
  }>;
}

/** GET /v2/:account/services/:service/instances/:id/explain */
export interface ExplainBody {
  service: string;
  id: string;
  present: boolean;
  /** One sentence: why it is shown, held or gone. */
  summary: string;
  /** As it is now; null when it is gone. */
  instance: InstanceBody | null;
  /** As it was last, checks and all; null while it is present. */
  last: InstanceBody | null;
  /** The registration's time and way in; null when history no longer reaches back. */
  came: { at: string; revision: number; via: string } | null;
  keptAliveBy: {
    lease: string;
    /** Null, as `expiresAt`, for a lease without time. */
    ttlMs: number | null;
    lastBeatAt: string | null;
    beats: number;
    beatIntervalMs: number | null;
    /** The heartbeats come so rarely that protection may notice too late when many fall silent together. */
    beatsTooRare: boolean;
    expiresAt: string | null;
    /** The node that keeps its time, where several share a registry. */
    keptBy?: string;
  } | null;
  gone: { at: string; revision: number; cause: string; reason: string } | null;
  /** Newest first. */
  history: Array<{ at: string; revision: number; cause: string; reason: string }>;
}

/** GET /v2/_/status */
export interface NodeStatusBody {
  node: string;
  version: string;
  startedAt: string;
  /** By the clock of the registry. */
  now: string;
  ready: boolean;
  /** Why it takes no changes, or shows an old state; null while neither is so. */
  reason: string | null;
  /** Of an agent: why what it shows may be old; null while it follows the registry, and of everything else. */
  stale: string | null;
  replicator: string;
  revision: number;
  floor: number;
  /** The first commit that history has; `at` is null where there is nothing yet. */
  oldest: { revision: number; at: string | null };
  /** About what the catalog takes of the heap, and may take; and the file that it lies in: null where there is none. */
  store: { bytes: number; bytesMax: number; diskBytes: number | null };
  memory: { residentBytes: number; heapBytes: number; heapMaxBytes: number };
  /** Open streams and long polls. */
  watchers: number;
  /** By what lapsed leases are held. */
  protection: ProtectionLimitsBody;
  open: boolean;
  endpoints: Array<{ dialect: string; scheme: string; host: string; port: number }>;
  /** Nodes that are configured otherwise where all must be the same, with the names of what differs. */
  differences: Array<{ node: string; settings: string[] }>;
  accounts: Array<{
    account: string;
    services: number;
    instances: number;
    leases: number;
    held: number;
    keys: number;
    bytes: number;
    limits: AccountLimitsBody;
  }>;
  /** The nodes that share the registry, and the etcd that it lies in; null where there is one node alone. */
  cluster: ClusterBody | null;
}

export interface ClusterBody {
  nodes: Array<{
    node: string;
    /** Where it listens for the other nodes; null when it does not. */
    address: string | null;
    since: string;
    /** It is the node that answers; that one reaches it; or others have heard it lately; since when nothing was heard. */
    self: boolean;
    reached: boolean;
    present: boolean;
    heardMs: number | null;
    /** It decides for all, and does what one does for all; the leases that it keeps and the latest revision that it shows. */
    duty: boolean;
    leases: number | null;
    revision: number | null;
    /** Where each has an order of its own: what only one of the two had at the last comparison, at least, and since when. */
    behind: { changes: number | null; ms: number | null } | null;
  }>;
  /** What this node lacks, and for how long; whether it takes itself for cut off from most of the others. */
  behind: { revisions: number; ms: number };
  partitioned: boolean;
  /** Members of etcd, as they were some seconds ago; no version where one does not answer. */
  etcd: Array<{
    url: string;
    name: string;
    version: string | null;
    leader: boolean;
    /** The file of its database, how much of it is in use, and what it may grow to: null when etcd does not say. */
    bytes: number;
    usedBytes: number;
    quotaBytes: number | null;
    alarms: string[];
    error: string | null;
  }>;
}

export interface TokenBody {
  id: string;
  name: string;
  account: string | null;
  role: Role;
  createdAt: string;
}

/** POST /v2/_/tokens {name, account, role}. The secret is shown this once. */
export interface CreatedTokenBody extends TokenBody {
  token: string;
}

export interface AccountLimitsBody {
  instancesMax: number;
  servicesMax: number;
  keysMax: number;
  leasesMax: number;
  /** Of heap, about; 0 for no bound but that of the registry. */
  bytesMax: number;
  requestsPerSecondMax: number;
}

export interface AccountBody {
  account: string;
  tenant: string;
  limits: AccountLimitsBody;
}

/** RFC 9457. `type` is `https://rollcall.dev/problems/<name>`: stable, to be compared as a string, never fetched. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
}
