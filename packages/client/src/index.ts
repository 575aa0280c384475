/** The SDK of the Rollcall service registry. */
export type { Admin, BackupStream } from "./admin.ts";
export type * from "./changes.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export type { Config, KeyPage, PutOptions } from "./config.ts";
export { RollcallError } from "./error.ts";
export type { DiscoverOptions, Discovery, InstanceFilter } from "./find/discovery.ts";
export type { HoldOptions } from "./find/hold.ts";
export { createSseParser, type SseMessage, type SseParser, SseTooLong } from "./http/sse.ts";
export type { LeaseSession, Leases, Page } from "./leases.ts";
export type { RegisterOptions, RegisterSpec, Registration, RegistrationState } from "./register/registration.ts";
export type * from "./shapes.ts";
export type { SubscribeOptions, Trio } from "./trio.ts";
export type { EventsFollowOptions, EventsPageOptions, WatchItem, WatchManyOptions, WatchOptions } from "./watch.ts";
