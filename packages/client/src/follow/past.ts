/** JSON shapes of what was: differences, histories of status, and numbers over time. */
import type { Status } from "../register/check.ts";
import type { AuthorBody, InstanceBody, KeyBody } from "../shapes.ts";
import type { ChangeCause } from "./changes.ts";

/** A place in the order of changes. */
export interface MomentBody {
  revision: number;
  /** Null where nothing happened yet, or history does not know any more. */
  at: string | null;
}

/** GET /v2/:account/changes: what is different, whatever happened in between. */
export interface NetChangesBody {
  from: MomentBody;
  to: MomentBody;
  /** Instances by status at both moments; held ones are none of the others. */
  counts: { from: Record<Status | "held", number>; to: Record<Status | "held", number> };
  /** Of all pages: instances that came, left and are different, and keys. */
  came: number;
  left: number;
  changed: number;
  keys: number;
  /** Commits in between. */
  commits: number;
  /** What changed first comes first. */
  changes: NetChangeBody[];
  /** Pass as `?start=`, with `from` and `to` as this answer has them; null at the end. */
  next: number | null;
}

export type NetChangeBody = NetInstanceBody | NetKeyBody;

interface NetBody {
  what: "came" | "left" | "changed";
  /** Of the last change. */
  cause: ChangeCause;
  reason: string;
  at: string;
  revision: number;
  by: AuthorBody | null;
  /** Of the first one. */
  firstAt: string;
  firstRevision: number;
  /** How often it changed. */
  times: number;
}

export interface NetInstanceBody extends NetBody {
  kind: "instance";
  service: string;
  id: string;
  /** Members of the instance that are different, where it was there before and is now. */
  fields: string[];
  before: InstanceBody | null;
  after: InstanceBody | null;
}

export interface NetKeyBody extends NetBody {
  kind: "key";
  key: string;
  before: KeyBody | null;
  after: KeyBody | null;
}

/** A time in which an instance had one status. */
export interface SpanBody {
  status: Status | "gone";
  held: boolean;
  from: string;
  /** Null: it still is so. */
  to: string | null;
  /** What began it; null when that was before what is known. */
  cause: ChangeCause | null;
  revision: number | null;
}

/** GET /v2/:account/services/:service/instances/:id/history */
export interface InstanceHistoryBody {
  service: string;
  id: string;
  /** What was before is not known. */
  since: string;
  /** Oldest first; at most 1 000, the latest ones. */
  spans: SpanBody[];
}

/** POST /v2/:account/histories: of up to 100 instances. */
export interface HistoriesAskedBody {
  instances: Array<{ service: string; id: string }>;
  /** Times, or "-15m". */
  from?: string;
  to?: string;
}

export interface HistoriesBody {
  since: string;
  histories: InstanceHistoryBody[];
}

/** GET /v2/:account/services/:service/history */
export interface ServiceHistoryBody {
  service: string;
  since: string;
  /** Oldest first; how many instances showed each status from then on. At most 1 440. */
  steps: Array<{ at: string; counts: Partial<Record<Status | "held", number>> }>;
}

/** GET /v2/_/metrics/history */
export interface MetricsHistoryBody {
  /** Between two points. */
  stepMs: number;
  /** The time of the first point. */
  from: string;
  series: Array<{
    /** As at `/metrics`; quantiles are named `…_p50` and `…_p99`. */
    name: string;
    labels: Record<string, string>;
    /** The points are per second: of a counter. */
    rate: boolean;
    /** Null where nothing was measured. */
    points: Array<number | null>;
  }>;
}
