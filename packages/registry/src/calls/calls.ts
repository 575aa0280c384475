/**
 * @live Requests that this program makes because somebody asked to be told: hooks of accounts and callbacks of dialects. They
 * wait their turn, and go to an address that was looked at: a name cannot become another in between.
 */
import type { SecureContext } from "node:tls";
import { type Lookup, Names } from "../net/hosts/names.ts";
import { isNever, type Places, refusePlace } from "../net/hosts/places.ts";
import { contextWith } from "../net/tls/trusted.ts";
import { Queue } from "./queue.ts";
import { type Ended, hostOf, type Sent, send } from "./send.ts";

/** A name that takes longer to look up has no address. */
const LOOKUP_MS_MAX = 5000;

interface CallsParts {
  readonly clock: { monotonic(): number };
  readonly places: Places;
  /** Of authorities that targets' certificates may be of, besides those of the system: PEM. */
  readonly caFile: string | undefined;
  /** The system's unless given. */
  readonly lookup?: Lookup;
}

interface Call extends Sent {
  /** Calls of one turn share a few places. */
  readonly turn: string;
  /** It failed before. */
  readonly again: boolean;
  /** From its turn to the head of the answer, beside the look-up of the name. */
  readonly timeoutMs: number;
  /** The address to go to, or why to none. Without it: where checks may go. */
  choose?(addresses: readonly string[]): string | undefined;
}

/** `forbidden`: there is no address that it may go to. `dropped`: it was not wanted any more. */
type Called = Ended | { readonly kind: "forbidden" | "dropped"; readonly why: string };

const DROPPED: Called = { kind: "dropped", why: "the registry is stopping" };

export class Calls {
  readonly #parts: CallsParts;
  readonly #names: Names;
  readonly #queue = new Queue();
  #trusted: SecureContext | undefined;

  constructor(parts: CallsParts) {
    this.#parts = parts;
    this.#names = new Names(parts.clock, parts.lookup);
  }

  /** What waits is dropped; whoever waits for it has aborted it before. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  /** The addresses of a host, but for those that nobody is sent to; none where it has no name. */
  async find(host: string): Promise<readonly string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve([]), LOOKUP_MS_MAX);
    });
    const found = this.#names.find(host).catch(() => []);
    const addresses = await Promise.race([found, late]).finally(() => clearTimeout(timer));
    return addresses.filter((address) => !isNever(address));
  }

  /** Why a URL's host may not be gone to; undefined when it may, now. */
  async refuse(url: URL): Promise<string | undefined> {
    const host = hostOf(url);
    let why = "it has no address, or none that anybody is sent to";
    for (const address of await this.find(host)) {
      const refused = this.#refusePlace(address);
      if (refused === undefined) return undefined;
      why = `${address}: ${refused}`;
    }
    return `${host}: ${why}`;
  }

  #refusePlace(address: string): string | undefined {
    return refusePlace(address, false, this.#parts.places) && "it is none that checks.allow names";
  }

  /** Never rejects. */
  make(call: Call, signal: AbortSignal): Promise<Called> {
    return new Promise((resolve) => {
      const drop = (): void => resolve(DROPPED);
      if (signal.aborted) return drop();
      signal.addEventListener("abort", drop, { once: true });
      this.#queue.add(call.turn, call.again, async () => {
        if (!signal.aborted) resolve(await this.#make(call, signal));
        signal.removeEventListener("abort", drop);
      });
    });
  }

  async #make(call: Call, signal: AbortSignal): Promise<Called> {
    const { choose = (all: readonly string[]) => all.find((one) => this.#refusePlace(one) === undefined) } = call;
    const host = hostOf(call.url);
    const address = choose(await this.find(host));
    if (address === undefined) return { kind: "forbidden", why: `${host} has no address that may be called` };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(call.timeoutMs)]);
    const trusted = (): SecureContext => {
      // Hundreds of certificates: read when the first target is asked for one.
      this.#trusted ??= contextWith(this.#parts.caFile);
      return this.#trusted;
    };
    try {
      return await send(call, address, trusted, limit);
    } catch (error) {
      // Node refuses some headers and paths by throwing.
      return { kind: "unreachable", why: error instanceof Error ? error.message : String(error) };
    }
  }
}
