/** @live One run of a check, whoever wants it: the way to its target, within the places that it may go to, and its time. */
import type { SecureContext } from "node:tls";
import { aimOf, type Check, type Clock, type Instance } from "../core/index.ts";
import { type Lookup, Names } from "../net/hosts/names.ts";
import { type Places, refusePlace, sameAddress } from "../net/hosts/places.ts";
import { contextWith } from "../net/tls/trusted.ts";
import { placeOf, sayLookup } from "./probes/errors.ts";
import { makeGrpc } from "./probes/grpc.ts";
import { makeHttp } from "./probes/http.ts";
import { makeHttp2 } from "./probes/http2.ts";
import { Kept, type Make, type Run } from "./probes/run.ts";
import { makeTcp } from "./probes/tcp.ts";
import { makeUdp } from "./probes/udp.ts";
import { fail, type Verdict } from "./verdict.ts";

export interface ProberParts {
  readonly clock: Pick<Clock, "monotonic">;
  readonly places: Places;
  /** Of authorities that targets' certificates may be of, besides those of the system: PEM. */
  readonly caFile: string | undefined;
  /** The system's unless given. */
  readonly lookup?: Lookup;
}

const MAKERS: Readonly<Record<string, Make>> = {
  http: makeHttp,
  tcp: makeTcp,
  grpc: makeGrpc,
  udp: makeUdp,
  http2: makeHttp2,
};

export class Prober {
  readonly #parts: ProberParts;
  readonly #names: Names;
  #kept = 0;
  #trusted: SecureContext | undefined;

  constructor(parts: ProberParts) {
    this.#parts = parts;
    this.#names = new Names(parts.clock, parts.lookup);
  }

  /** How many runs were kept from their target. */
  get kept(): number {
    return this.#kept;
  }

  /** Never rejects. `check` is of a kind that is run; `signal` ends it. */
  async probe(check: Check, at: Pick<Instance, "address" | "ports">, signal: AbortSignal): Promise<Verdict> {
    const aim = aimOf(check, at);
    if (aim === undefined) return fail("the instance says no address or port that this check could go to");
    const run: Run = {
      check,
      aim,
      reach: (host) => this.#reach(host, at.address, signal),
      trusted: () => {
        // Hundreds of certificates: read when the first target is asked for one.
        this.#trusted ??= contextWith(this.#parts.caFile);
        return this.#trusted;
      },
      signal,
    };
    try {
      return await unless(signal, (MAKERS[check.kind] as Make)(run));
    } catch (error) {
      if (signal.aborted) return fail(sayLate(run));
      return fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Rejects with `Kept` unless there is an address that checks of this instance may connect to. */
  async #reach(host: string, own: string, signal: AbortSignal): Promise<string> {
    const addresses = await unless(signal, this.#names.find(host)).catch((error: unknown) => {
      throw new Kept(sayLookup(error, host));
    });
    let why = "it has no address";
    for (const address of addresses) {
      const isOwn = sameAddress(host, own) || sameAddress(address, own);
      const refused = refusePlace(address, isOwn, this.#parts.places);
      if (refused === undefined) return address;
      why = refused;
    }
    this.#kept++;
    throw new Kept(`not allowed: ${host}: ${why}`);
  }
}

/** What it waited for goes on without anybody who hears of it. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Kept("it took too long"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function sayLate({ check, aim }: Run): string {
  const place = placeOf(aim.host, aim.port);
  if (check.kind === "tcp") return `dial tcp ${place}: i/o timeout`;
  if (check.kind === "udp") return `dial udp ${place}: i/o timeout`;
  if (check.kind === "http2") return "HTTP2 ping failed: context deadline exceeded";
  if (check.kind === "grpc") return "rpc error: code = DeadlineExceeded desc = context deadline exceeded";
  const url = check.target.includes("://") ? check.target : `${place}${aim.path}`;
  const { method = "GET" } = check.probe ?? {};
  return `${method.slice(0, 1)}${method.slice(1).toLowerCase()} "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
}
