/**
 * `rollcall:///orders` as a target of `@grpc/grpc-js` (1.13 and later): its instances by name, balanced as any other
 * call. The module is given by the caller, so that nothing is depended on; the interfaces here are what is used of it.
 */
import type { Discovery } from "../find/discovery.ts";
import type { InstanceBody } from "../shapes.ts";

interface Endpoint {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

type StatusOr<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: { readonly code: number; readonly details: string } };

type ResolverListener = (
  endpoints: StatusOr<readonly Endpoint[]>,
  attributes: Readonly<Record<string, unknown>>,
  serviceConfig: unknown,
  note: string,
) => boolean;

interface PickResult {
  readonly pickResultType: number;
  readonly onCallEnded: ((code: number, ...rest: unknown[]) => void) | null;
}

interface PickArgs {
  readonly metadata: { get(name: string): readonly (string | Uint8Array)[] };
}

interface Picker {
  pick(args: PickArgs): PickResult;
}

/** One endpoint's connection. */
interface Leaf {
  startConnecting(): void;
  getConnectivityState(): number;
  getPicker(): Picker;
  exitIdle(): void;
  destroy(): void;
}

interface ControlHelper {
  updateState(state: number, picker: Picker, message: string | null): void;
  requestReresolution(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: the module's own classes, which take their own types
type Any = any;

/** What is used of `import * as grpc from "@grpc/grpc-js"`. */
export interface GrpcModule {
  readonly connectivityState: Any;
  readonly status: Any;
  readonly experimental: Any;
}

export interface GrpcOptions {
  /** The name in front of `:///`: `rollcall` when left out. */
  readonly scheme?: string;
  /** The header whose value is the key of a call, for `rendezvous`. */
  readonly keyHeader?: string;
}

interface Source {
  discovery(service: string): Discovery;
}

/** gRPC's PickResultType of a call that goes. */
const COMPLETE = 0;

/** The attribute by which the resolver hands the discovery to the balancer. */
const DISCOVERY = "rollcall.discovery";

/** Makes `rollcall:///SERVICE` a target that follows the caller's services. Once for a program and scheme. */
export function registerGrpc(grpc: GrpcModule, source: Source, options: GrpcOptions = {}): void {
  const { scheme = "rollcall", keyHeader } = options;
  const balancer = `rollcall_${scheme}`;
  const { experimental, status } = grpc;

  class Resolver {
    readonly #service: string;
    readonly #listener: ResolverListener;
    #unfollow: (() => void) | undefined;

    constructor(target: { readonly path: string }, listener: ResolverListener) {
      this.#service = target.path.replace(/^\/+/, "");
      this.#listener = listener;
    }

    static getDefaultAuthority({ path }: { readonly path: string }): string {
      return path.replace(/^\/+/, "");
    }

    updateResolution(): void {
      if (this.#unfollow !== undefined) return;
      const discovery = source.discovery(this.#service);
      const tell = () => {
        if (this.#unfollow === undefined) return;
        const endpoints = discovery.instances.filter(hasPort).map((instance) => ({ addresses: [addressOf(instance)] }));
        const config = { methodConfig: [], loadBalancingConfig: [{ [balancer]: {} }] };
        this.#listener({ ok: true, value: endpoints }, { [DISCOVERY]: discovery }, { ok: true, value: config }, "");
      };
      this.#unfollow = discovery.onChange(tell);
      discovery.ready.then(tell, (error: Error) => {
        this.#listener({ ok: false, error: { code: status.UNAVAILABLE, details: error.message } }, {}, null, "");
        this.destroy();
      });
    }

    destroy(): void {
      this.#unfollow?.();
      this.#unfollow = undefined;
    }
  }

  class Config {
    getLoadBalancerName(): string {
      return balancer;
    }
    toJsonObject(): object {
      return { [balancer]: {} };
    }
    static createFromJson(): Config {
      return new Config();
    }
  }

  experimental.registerLoadBalancerType(balancer, createBalancer(grpc, balancer, keyHeader), Config);
  experimental.registerResolver(scheme, Resolver);
}

type ToPicker = (discovery: Discovery, ready: ReadonlyMap<string, Picker>) => Picker;

/** The balancer as a class that the module makes with its helper alone. */
function createBalancer(grpc: GrpcModule, name: string, keyHeader: string | undefined): unknown {
  const { UNAVAILABLE, INTERNAL, UNKNOWN } = grpc.status;
  const isFault = (code: number) => code === UNAVAILABLE || code === INTERNAL || code === UNKNOWN;
  const toKey = ({ metadata }: PickArgs) =>
    keyHeader === undefined ? undefined : metadata.get(keyHeader)[0]?.toString();
  const toPicker: ToPicker = (discovery, ready) => createPicker(discovery, ready, toKey, isFault);
  return class extends Balanced {
    constructor(helper: ControlHelper) {
      super(grpc, name, toPicker, helper);
    }
  };
}

/** A balancer of gRPC: one connection for each endpoint, of which the caller's policy chooses. */
class Balanced {
  readonly #grpc: GrpcModule;
  readonly #name: string;
  readonly #toPicker: ToPicker;
  readonly #helper: ControlHelper;
  readonly #leafHelper: ControlHelper;
  /** By `host:port`. */
  #leaves = new Map<string, Leaf>();
  #discovery: Discovery | undefined;
  #isPaused = false;
  #lastError = "";

  constructor(grpc: GrpcModule, name: string, toPicker: ToPicker, helper: ControlHelper) {
    this.#grpc = grpc;
    this.#name = name;
    this.#toPicker = toPicker;
    this.#helper = helper;
    this.#leafHelper = this.#grpc.experimental.createChildChannelControlHelper(helper, {
      updateState: (_state: number, _picker: Picker, message: string | null) => {
        if (message) this.#lastError = message;
        this.#update();
      },
    });
  }

  updateAddressList(found: StatusOr<readonly Endpoint[]>, _: unknown, options: Any, note: string): boolean {
    if (!found.ok) {
      if (this.#leaves.size === 0) this.#fail(found.error.details);
      return true;
    }
    this.#discovery = options[DISCOVERY];
    const before = this.#leaves;
    this.#leaves = new Map();
    this.#isPaused = true;
    for (const endpoint of found.value) {
      const [address] = endpoint.addresses;
      if (address === undefined) continue;
      const key = `${address.host}:${address.port}`;
      const leaf = before.get(key) ?? this.#connect(endpoint, options, note);
      before.delete(key);
      this.#leaves.set(key, leaf);
    }
    for (const leaf of before.values()) leaf.destroy();
    this.#isPaused = false;
    this.#update();
    return true;
  }

  #connect(endpoint: Endpoint, options: Any, note: string): Leaf {
    const { [DISCOVERY]: _, ...rest } = options;
    const leaf: Leaf = new this.#grpc.experimental.LeafLoadBalancer(endpoint, this.#leafHelper, rest, note);
    leaf.startConnecting();
    return leaf;
  }

  #update(): void {
    if (this.#isPaused) return;
    const states = this.#grpc.connectivityState;
    const ready = new Map<string, Picker>();
    let connects = false;
    for (const [key, leaf] of this.#leaves) {
      const state = leaf.getConnectivityState();
      if (state === states.READY) ready.set(key, leaf.getPicker());
      else if (state === states.CONNECTING || state === states.IDLE) connects = true;
      if (state === states.IDLE) leaf.exitIdle();
    }
    if (ready.size > 0)
      this.#helper.updateState(states.READY, this.#toPicker(this.#discovery as Discovery, ready), null);
    else if (connects) this.#helper.updateState(states.CONNECTING, new this.#grpc.experimental.QueuePicker(this), null);
    else this.#fail(this.#leaves.size === 0 ? "the service has no instance" : this.#lastError);
  }

  #fail(details: string): void {
    this.#helper.updateState(
      this.#grpc.connectivityState.TRANSIENT_FAILURE,
      new this.#grpc.experimental.UnavailablePicker({ details }),
      details,
    );
  }

  exitIdle(): void {
    for (const leaf of this.#leaves.values()) leaf.exitIdle();
  }

  /** The leaves keep theirs. */
  resetBackoff(): void {}

  destroy(): void {
    for (const leaf of this.#leaves.values()) leaf.destroy();
    this.#leaves.clear();
  }

  getTypeName(): string {
    return this.#name;
  }
}

/** By the caller's own policy among what is connected. */
function createPicker(
  discovery: Discovery,
  ready: ReadonlyMap<string, Picker>,
  toKey: (args: PickArgs) => string | undefined,
  isFault: (code: number) => boolean,
): Picker {
  const others = [...ready.values()];
  return {
    pick(args) {
      const key = toKey(args);
      // The same key would find the same instance again.
      const triesMax = key === undefined ? 2 * discovery.instances.length : 1;
      for (let tries = 0; tries < triesMax; tries++) {
        const taken = discovery.take(key);
        if (taken === undefined) break;
        const { host, port } = addressOf(taken.instance);
        const picker = ready.get(`${host}:${port}`);
        if (picker === undefined) {
          taken.done(true);
          continue;
        }
        const picked = picker.pick(args);
        if (picked.pickResultType !== COMPLETE) {
          taken.done(true);
          return picked;
        }
        const onCallEnded: PickResult["onCallEnded"] = (code, ...rest) => {
          taken.done(!isFault(code));
          picked.onCallEnded?.(code, ...rest);
        };
        return { ...picked, onCallEnded };
      }
      return (others[Math.floor(Math.random() * others.length)] as Picker).pick(args);
    },
  };
}

function hasPort({ port }: InstanceBody): boolean {
  return port > 0;
}

function addressOf({ address, port }: InstanceBody): { host: string; port: number } {
  return { host: address, port };
}
