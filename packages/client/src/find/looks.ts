/** Asks for what people look at, and does to many at once what operators do. */
import type { MomentBody } from "../follow/past.ts";
import { keyPath, pathOf, type Transport } from "../http/transport.ts";
import type {
  GoneBody,
  HistogramBody,
  KeyHistoryBody,
  MembersBody,
  OverriddenBody,
  OverridesAskedBody,
  ProtectionBody,
  SearchBody,
} from "./looking.ts";

export interface BackOptions {
  /** `next` of the page before. */
  readonly before?: string | undefined;
  readonly limit?: number | undefined;
}

export interface HistogramOptions {
  /** A time, or `-15m`; an hour until now when left out. */
  readonly from?: string;
  readonly to?: string;
  /** 60 when left out, 1 440 at most. */
  readonly buckets?: number;
  readonly type?: readonly string[];
  readonly service?: readonly string[];
  readonly instance?: string;
  readonly key?: string;
  readonly prefix?: string;
}

/** For screens, and for those who operate a registry. */
export interface Looks {
  /** What protection holds, why, and until when; or by what it would. */
  protection(): Promise<ProtectionBody>;
  /** An operator's word on all instances that match, or what would become of it. */
  overrideMany(asked: OverridesAskedBody): Promise<OverriddenBody>;
  /** The nodes that share the registry. */
  members(): Promise<MembersBody>;
  /** Services, instances, addresses and keys that have the text in them. */
  search(text: string, options?: { readonly limit?: number }): Promise<SearchBody>;
  /** What a key was, also before it was deleted. */
  keyHistory(key: string, options?: BackOptions): Promise<KeyHistoryBody>;
  /** Which instances of a service went since then (a day when left out), and why. */
  gone(service: string, options?: BackOptions & { readonly since?: string }): Promise<GoneBody>;
  /** How much happened when. */
  histogram(options?: HistogramOptions): Promise<HistogramBody>;
  /** The revision at a time, or `-15m`; or the time of a revision. */
  revisionAt(at: string | number): Promise<MomentBody>;
}

export function createLooks(transport: Transport): Looks {
  const at = (...rest: readonly string[]) => pathOf("v2", transport.account, ...rest);
  return {
    protection: async () => transport.json({ path: at("protection") }),
    overrideMany: async (json) =>
      transport.json({ method: "POST", effect: json.dry === true ? "none" : "same", path: at("overrides"), json }),
    search: async (q, options = {}) => transport.json({ path: at("search"), query: { q, ...options } }),
    keyHistory: async (key, options = {}) =>
      transport.json({ path: at("config-history") + keyPath(key), query: { ...options } }),
    gone: async (service, options = {}) =>
      transport.json({ path: at("services", service, "gone"), query: { ...options } }),
    histogram: async (options = {}) => transport.json({ path: at("events", "histogram"), query: { ...options } }),
    revisionAt: async (moment) => transport.json({ path: at("revisions"), query: { at: moment } }),
    members: async () => transport.json({ path: pathOf("v2", "_", "members") }),
  };
}
