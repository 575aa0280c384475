/** JSON shapes of services as lists show them. */
import type { Status } from "../register/check.ts";

/** How many instances show each status; what none shows is left out. */
export type StatusCounts = Partial<Record<Status, number>>;

export interface ServiceSummaryBody {
  service: string;
  revision: number;
  instances: number;
  /** Those that clients can use: passing or warning, held ones too. */
  usable: number;
  /** Without held ones. */
  statuses: StatusCounts;
  /** Instances that protection keeps listed although their lease lapsed, and by the status that they show. */
  held: number;
  heldStatuses: StatusCounts;
  /** Instances whose status an operator overrides. */
  overrides: number;
  /** Those who are known to look for it. */
  consumers: number;
  tags: string[];
  /** By the dialect that they came through. */
  via: Record<string, number>;
  /** By version and by zone, held ones too; instances without one are left out, and so are names after the first 100. */
  versions: Record<string, StatusCounts>;
  zones: Record<string, StatusCounts>;
  /** The time of `revision`; null when an older version of the registry wrote it. */
  changedAt: string | null;
  /** Since when no instance is usable; null while one is, and when nobody knows. */
  unusableSince: string | null;
}

/** GET /v2/:account/services */
export interface ServicesBody {
  /** The catalog's revision: follow changes with `?after=`. */
  revision: number;
  services: ServiceSummaryBody[];
  /** Pass as `?from=` for the next page; null at the end. */
  next: string | null;
}
