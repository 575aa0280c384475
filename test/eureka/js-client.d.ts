/** So much of the npm package `eureka-js-client` as the tests use; it brings no types. */
declare module "eureka-js-client" {
  import type { EventEmitter } from "node:events";

  export interface FoundInstance {
    readonly instanceId: string;
    readonly app: string;
    readonly hostName: string;
    readonly ipAddr: string;
    readonly status: string;
    readonly vipAddress: string;
    readonly port: { readonly $: number; readonly "@enabled": string };
    readonly metadata: Readonly<Record<string, string>>;
    readonly [name: string]: unknown;
  }

  export interface RequestOptions {
    readonly uri: string;
    readonly method?: string;
    auth?: { readonly user: string; readonly password: string };
  }

  export interface Config {
    readonly instance: Record<string, unknown>;
    readonly eureka: Record<string, unknown>;
    readonly shouldUseDelta?: boolean;
    readonly logger?: Readonly<Record<"debug" | "info" | "warn" | "error", (...words: unknown[]) => void>>;
    readonly requestMiddleware?: (request: RequestOptions, done: (request: RequestOptions) => void) => void;
  }

  export class Eureka extends EventEmitter {
    constructor(config: Config);
    readonly instanceId: string;
    /** The timers; clearing them is how the tests let a client die. */
    readonly heartbeat: NodeJS.Timeout;
    readonly registryFetch: NodeJS.Timeout;
    start(done: (error?: Error | null) => void): void;
    stop(done: (error?: Error | null) => void): void;
    fetchRegistry(done: (error?: Error | null) => void): void;
    getInstancesByAppId(app: string): readonly FoundInstance[];
    getInstancesByVipAddress(vip: string): readonly FoundInstance[];
  }
}
