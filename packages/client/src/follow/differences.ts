/** Reads what was: the difference of two moments, and histories of status. */
import { pathOf, type Transport } from "../http/transport.ts";
import { instancePath } from "../register/registration.ts";
import type {
  HistoriesAskedBody,
  HistoriesBody,
  InstanceHistoryBody,
  NetChangesBody,
  ServiceHistoryBody,
} from "./past.ts";

/** Between which moments: a time, or `-15m`. From what is known until now when they are left out. */
export interface RangeOptions {
  readonly from?: string;
  readonly to?: string;
}

export interface NetChangesOptions {
  /** A revision, a position, a time, or `-15m`. */
  readonly from: string | number;
  /** Now when left out. */
  readonly to?: string | number;
  /** `next` of the page before. */
  readonly start?: number;
  readonly limit?: number;
}

export interface ServiceHistoryOptions extends RangeOptions {
  /** So many steps of one length, instead of one for each change: 1 440 at most. */
  readonly buckets?: number;
}

/** What the registry remembers. */
export interface Past {
  /** What is different between two moments, whatever happened in between. */
  changes(options: NetChangesOptions): Promise<NetChangesBody>;
  /** Which status an instance had, and when; also of one that is gone. */
  history(service: string, id: string, range?: RangeOptions): Promise<InstanceHistoryBody>;
  /** The same of up to 100 instances. */
  histories(asked: HistoriesAskedBody): Promise<HistoriesBody>;
  /** How many instances of a service showed which status, and when. */
  serviceHistory(service: string, options?: ServiceHistoryOptions): Promise<ServiceHistoryBody>;
}

export function createPast(transport: Transport): Past {
  const { account } = transport;
  return {
    changes: async (query) => transport.json({ path: pathOf("v2", account, "changes"), query: { ...query } }),
    history: async (service, id, range = {}) =>
      transport.json({ path: instancePath(account, service, id, "history"), query: { ...range } }),
    histories: async (json) =>
      transport.json({ method: "POST", effect: "none", path: pathOf("v2", account, "histories"), json }),
    serviceHistory: async (service, query = {}) =>
      transport.json({ path: pathOf("v2", account, "services", service, "history"), query: { ...query } }),
  };
}
