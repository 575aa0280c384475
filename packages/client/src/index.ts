/** The SDK of the Rollcall service registry. */
export type { Admin, BackupStream, MetricsHistoryOptions } from "./admin.ts";
export { type Caller, type CallerOptions, createCaller, type Route } from "./calls/caller.ts";
export type { Dispatcher } from "./calls/dispatcher.ts";
export { type Client, type ClientOptions, createClient, type OverrideOptions } from "./client.ts";
export { RollcallError } from "./error.ts";
export type { BalanceOptions, Standing, Taken } from "./find/balance/balancer.ts";
export type { OutlierOptions } from "./find/balance/outliers.ts";
export type { NearOptions } from "./find/balance/zone.ts";
export type { DiscoverOptions, Discovery, InstanceFilter } from "./find/discovery.ts";
export type { HoldOptions } from "./find/hold.ts";
export type { BackOptions, HistogramOptions, Looks } from "./find/looks.ts";
export type { Snapshots } from "./find/saved.ts";
export type * from "./follow/changes.ts";
export type * from "./follow/copy.ts";
export type { NetChangesOptions, Past, RangeOptions, ServiceHistoryOptions } from "./follow/differences.ts";
export type { Hooks } from "./follow/hooks.ts";
export type { SubscribeOptions, Trio } from "./follow/trio.ts";
export type {
  EventsFollowOptions,
  EventsPageOptions,
  WatchItem,
  WatchManyOptions,
  WatchOptions,
} from "./follow/watch.ts";
export type { Answer, Fetch } from "./http/fetch.ts";
export { createSseParser, type SseMessage, type SseParser, SseTooLong } from "./http/sse.ts";
export type { Config, KeyPage, PutOptions } from "./keys/config.ts";
export type { FollowOptions, LiveValue } from "./keys/live.ts";
export type { Elections, Locks, Turn, TurnOptions } from "./keys/turn.ts";
export type { LeaseSession, Leases, Page, SessionOptions } from "./leases.ts";
export type { RegisterOptions, RegisterSpec, Registration, RegistrationState } from "./register/registration.ts";
export type * from "./shapes.ts";
