/** JSON shapes of what people look at, and of what they do to many at once. */
import type { Duration, Status } from "../register/check.ts";
import type { AuthorBody, InstanceBody } from "../shapes.ts";

/** By what lapsed leases are held. */
export interface ProtectionLimitsBody {
  enabled: boolean;
  /** An instance that ended counts as lost beside those that lapse after it for so long. */
  windowMs: number;
  /** Fewer lost instances are never held. */
  instancesMin: number;
  /** More than this share of a service or account must be lost. */
  shareMin: number;
  /** How long they are held at most. */
  holdMs: number;
}

/** GET /v2/:account/protection */
export interface ProtectionBody {
  revision: number;
  state: "off" | "ready" | "holding";
  limits: ProtectionLimitsBody;
  /** Instances that a lease keeps for a time that this node watches: those that are heard, and those that are late or held. */
  live: number;
  silent: number;
  /** Those whose time another node watches. */
  elsewhere: number;
  /** Instances that are held, and by zone. */
  held: number;
  zones: Record<string, number>;
  /** Since when the first is held, and when the last is let go at the latest; null while none is. */
  since: string | null;
  until: string | null;
  /** Most held first: the first 1 000. */
  services: Array<{
    service: string;
    held: number;
    instances: number;
    usable: number;
    since: string;
    until: string | null;
    reason: string;
  }>;
}

/** POST /v2/:account/overrides: an operator's word on all that match. */
export interface OverridesAskedBody {
  /** All that is said must match; at least one thing must be. */
  filter: {
    service?: string;
    zone?: string;
    version?: string;
    protocol?: string;
    /** One of these; `healthy` stands for passing and warning. */
    status?: string[];
    tags?: string[];
    meta?: Record<string, string>;
  };
  /** Null takes overrides away. */
  status: Status | null;
  reason?: string;
  /** It ends by itself after this. */
  ttl?: Duration;
  /** Only says what would be done. */
  dry?: boolean;
}

export interface OverriddenBody {
  revision: number;
  dry: boolean;
  /** Instances that match, and those of them that are changed. */
  matched: number;
  changed: number;
  /** By name; the first 1 000. */
  services: Array<{ service: string; matched: number; instances: number; usable: number; usableAfter: number }>;
}

/** GET /v2/_/members: the nodes that share the registry; the one that answers alone where there are no others. */
export interface MembersBody {
  members: Array<{
    node: string;
    self: boolean;
    /** `duty`: decides for all, or does what one does for all; `alone`: there are no others. */
    role: "alone" | "duty" | "member";
    address: string | null;
    reached: boolean;
    /** Null of others: they do not tell. */
    version: string | null;
    since: string;
    /** Null where nothing was ever heard. */
    lastSeenAt: string | null;
    leases: number | null;
    revision: number | null;
    /** What it lacks, or differs by, and for how long; null where it is not known. */
    lag: { revisions: number | null; ms: number | null };
  }>;
}

/** GET /v2/:account/search: names that have the text in them, whatever its case; keys with exactly it. */
export interface SearchBody {
  revision: number;
  services: Array<{ service: string; instances: number; usable: number }>;
  /** By id and `address:port`. */
  instances: Array<{ service: string; id: string; address: string; port: number; status: Status; held: boolean }>;
  keys: string[];
  /** False when there are more, or were too many to look at. */
  complete: boolean;
}

/** GET /v2/:account/config-history/<key>: its versions, latest first, those before it was deleted among them. */
export interface KeyHistoryBody {
  key: string;
  versions: KeyVersionBody[];
  /** Pass as `before`; null at the end. */
  next: string | null;
  /** Where history begins. */
  oldest: { revision: number; at: string | null };
}

export interface KeyVersionBody {
  revision: number;
  at: string;
  /** 1 when it was created; 0 of a deletion. */
  version: number;
  deleted: boolean;
  cause: string;
  reason: string;
  by: AuthorBody | null;
  /** As in KeyBody. */
  value: string | null;
  valueBase64?: string;
  /** Bytes of the value. */
  size: number;
  lease: string | null;
}

/** GET /v2/:account/services/:service/gone: what went, and is not back; latest first. */
export interface GoneBody {
  service: string;
  since: string;
  gone: Array<{
    id: string;
    at: string;
    revision: number;
    cause: string;
    reason: string;
    by: AuthorBody | null;
    /** As it was last. */
    last: InstanceBody;
  }>;
  /** Pass as `before`; null at the end. */
  next: string | null;
}

/** GET /v2/:account/events/histogram */
export interface HistogramBody {
  from: string;
  to: string;
  /** The length of each bucket. */
  stepMs: number;
  /** In all. */
  events: number;
  /** By type, such as `instance.expired`. */
  buckets: Array<{ at: string; counts: Record<string, number> }>;
}
