/** JSON shapes of changes: of watches and the events feed. */
import type { AuthorBody, InstanceBody, KeyBody, LeaseBody } from "../shapes.ts";

/** What happened to it. */
export type ChangeCause =
  | "registered"
  | "updated"
  | "reported"
  | "overridden"
  | "deregistered"
  | "granted"
  | "closed"
  | "expired"
  | "held"
  | "released"
  | "put"
  | "deleted";

/** One thing that became different. `kind` tells what it is. */
export type ChangeBody = InstanceChangeBody | LeaseChangeBody | KeyChangeBody;

export interface InstanceChangeBody {
  kind: "instance";
  cause: ChangeCause;
  service: string;
  id: string;
  /** Why, in words. */
  reason: string;
  /** Null when it was not there. */
  before: InstanceBody | null;
  /** Null when it is gone. */
  after: InstanceBody | null;
}

export interface LeaseChangeBody {
  kind: "lease";
  cause: ChangeCause;
  lease: string;
  reason: string;
  before: LeaseBody | null;
  after: LeaseBody | null;
}

export interface KeyChangeBody {
  kind: "key";
  cause: ChangeCause;
  key: string;
  reason: string;
  before: KeyBody | null;
  /** Null when it is gone. A key may outlive its lease: cause `closed` or `expired`, and it has none any more. */
  after: KeyBody | null;
}

/**
 * One commit, as the watch stream sends it: SSE `event: change`, its position as `id`.
 * Other SSE events: `ready` {revision} when the stream has caught up, `resync` {revision, compacted} when the position
 * is older than history (read again, go on from `revision`), `bye` {revision} when the server stops.
 */
export interface CommitBody {
  revision: number;
  at: string;
  account: string;
  /** Who asked for it; null for what the registry does by itself, and where nobody wrote that down. */
  by: AuthorBody | null;
  changes: ChangeBody[];
  /** On a multiplexed stream: the ids of the subscriptions that this is for. */
  subscriptions?: string[];
}

/** POST /v2/:account/watch: many subscriptions over one SSE stream. */
export interface WatchBody {
  subscriptions: Array<{ id: string; service?: string; key?: string; prefix?: string }>;
  /** A revision, or a position as an `id` or `position` has it. */
  after?: number | string;
}

/** GET /v2/:account/services/…?after=&wait= and the like answer the state; this is GET /v2/:account/watch?after=&wait=. */
export interface CommitsBody {
  revision: number;
  /** Pass as `?after=` next time: `<revision>~<mark>`. By the mark a registry tells its own positions. */
  position: string;
  commits: CommitBody[];
}

/** GET /v2/:account/events */
export interface EventBody {
  /** `<revision>-<index>~<mark>`; pass the last one as `?after=`. */
  id: string;
  revision: number;
  at: string;
  /** `<kind>.<cause>`, such as `instance.expired`. */
  type: string;
  service?: string;
  instance?: string;
  lease?: string;
  key?: string;
  /** Why, in words. */
  reason: string;
  /** Who asked for it; null for what the registry does by itself, and where nobody wrote that down. */
  by: AuthorBody | null;
  /** Left out of `brief` ones, as `after` is. */
  before?: ChangeBody["before"];
  after?: ChangeBody["after"];
}

export interface EventsBody {
  /** Oldest first. */
  events: EventBody[];
  /** Pass as `?after=` for what comes later. */
  cursor: string;
  /** Pass as `?before=` for the page before this one; null when there is nothing older. */
  next: string | null;
  /** Where history begins. */
  oldest: { revision: number; at: string | null };
}

/** PUT /v2/:account/hooks/:hook. Answer: 201 or 200 SetHookBody. */
export interface PutHookBody {
  /** http or https. It must lead to where checks may go. */
  url: string;
  /** Like `instance.expired`, `instance.*`; all when left out. */
  types?: string[];
  /** Only of instances of these services, and their own leases; all when left out. */
  services?: string[];
  /** `whsec_` and 24 to 64 bytes in base64; one is made for a new hook when it is left out. */
  secret?: string;
}

/** GET /v2/:account/hooks/:hook */
export interface HookBody {
  hook: string;
  url: string;
  types: string[];
  services: string[];
  createdAt: string;
  /** Up to here everything was taken, as noted last: an event's id or a cursor. Null before the first. */
  told: string | null;
  /** Null while the receiver takes what it is sent. */
  failing: { since: string; reason: string } | null;
}

export interface SetHookBody extends HookBody {
  /** There when it was made now. */
  secret?: string;
}

/** GET /v2/:account/hooks */
export interface HooksBody {
  revision: number;
  hooks: HookBody[];
}

/** What a hook posts: events in order, as the events feed has them. */
export interface HookPostBody {
  account: string;
  hook: string;
  events: EventBody[];
  /** Instead of events: history did not reach back to what was still to be told. Read the state again. */
  resync?: { after: string; revision: number };
  cursor: string;
}
