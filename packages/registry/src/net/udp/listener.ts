/**
 * @live Datagrams. An answer leaves from the address that was asked (RFC 2181 §4.1): clients take no other. Node can
 * neither tell to which address a packet came nor choose one to send from, so each address has a socket of its own.
 *
 * A wildcard has none. Beside the others it would need SO_REUSEADDR, and then any program of this machine could bind
 * the same addresses and get their packets. What came to it could not be answered from the right address either.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { explainListen, PortTaken } from "../hosts/taken.ts";
import { addressesOf, isWildcard } from "../hosts/wildcard.ts";
import type { ListenerLog } from "../log.ts";
import { type BoundSocket, bindSocket, type DatagramHandler } from "./datagrams.ts";

export interface UdpListener {
  readonly host: string;
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

export interface UdpOptions {
  readonly host: string;
  readonly port: number;
  readonly log: ListenerLog;
  /** This machine's addresses now, by default as the system tells. */
  readonly addresses?: (wildcard: string) => ReadonlySet<string>;
}

/** How often addresses are looked for. It takes no more than a thousandth of the time, however many there are. */
const LOOK_MS = 500;
const LOOK_SHARE = 1000;
const ADDRESSES_MAX = 1024;
const NETLINK =
  "listen on one address, or let this process use netlink (systemd: RestrictAddressFamilies with AF_NETLINK)";

/** Listens. Rejects with a sentence for people; `PortTaken` when another program has the port. */
export async function openUdpListener(options: UdpOptions, handler: DatagramHandler): Promise<UdpListener> {
  const host = await toAddress(options);
  const one = await bindSocket({ ...options, host }, handler);
  const { port } = one;
  if (!isWildcard(host)) return { host: options.host, port, close: one.close };
  // It has shown that the port is free at all addresses.
  await one.close();
  const every = new EveryAddress(host, { ...options, port }, handler);
  await every.open();
  return { host: options.host, port, close: () => every.close() };
}

async function toAddress({ host, port }: UdpOptions): Promise<string> {
  if (host === "localhost") return "127.0.0.1";
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw explainListen(error as NodeJS.ErrnoException, host, port);
  }
}

/** A socket at each address that there is; they come and go with the addresses. */
class EveryAddress {
  readonly #wildcard: string;
  readonly #options: UdpOptions;
  readonly #handler: DatagramHandler;
  readonly #sockets = new Map<string, BoundSocket>();
  /** Addresses whose trouble the log has told; it tells it once. */
  readonly #told = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(wildcard: string, options: UdpOptions, handler: DatagramHandler) {
    this.#wildcard = wildcard;
    this.#options = options;
    this.#handler = handler;
  }

  async open(): Promise<void> {
    try {
      await this.#bindAll(this.#list(), (error) => {
        if (error instanceof PortTaken) throw error;
      });
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#lookAfter(0);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all([...this.#sockets.values()].map((socket) => socket.close()));
  }

  #list(): ReadonlySet<string> {
    try {
      return (this.#options.addresses ?? addressesOf)(this.#wildcard);
    } catch (error) {
      const why = (error as Error).message;
      throw new Error(`the system does not tell this machine's addresses (${why}); ${NETLINK}`, { cause: error });
    }
  }

  #lookAfter(tookMs: number): void {
    const look = (): void => {
      this.#looking = this.#look();
    };
    this.#timer = setTimeout(look, Math.max(LOOK_MS, tookMs * LOOK_SHARE)).unref();
  }

  async #look(): Promise<void> {
    const { log, port } = this.#options;
    const startMs = performance.now();
    let addresses: ReadonlySet<string>;
    try {
      addresses = this.#list();
    } catch (error) {
      this.#tell("", error as Error);
      return this.#lookAfter(0);
    }
    this.#lookAfter(performance.now() - startMs);
    for (const address of this.#told) if (!addresses.has(address)) this.#told.delete(address);
    for (const [address, socket] of this.#sockets) {
      if (addresses.has(address)) continue;
      this.#sockets.delete(address);
      await socket.close();
      log.info({ address, port }, "an address is gone, and its UDP socket with it");
    }
    const bound = await this.#bindAll(addresses, (error, address) => this.#tell(address, error));
    for (const address of bound) log.info({ address, port }, "an address has come, and has its UDP socket");
  }

  /** Binds where there is no socket yet; the addresses where it could. */
  async #bindAll(addresses: ReadonlySet<string>, failed: (error: Error, address: string) => void): Promise<string[]> {
    const bound: string[] = [];
    for (const address of addresses) {
      if (this.#sockets.has(address)) continue;
      if (this.#sockets.size === ADDRESSES_MAX) {
        failed(new Error(`only the first ${ADDRESSES_MAX} addresses of this machine are asked over UDP`), "");
        break;
      }
      try {
        this.#sockets.set(address, await bindSocket({ ...this.#options, host: address }, this.#handler));
        this.#told.delete(address);
        bound.push(address);
      } catch (error) {
        failed(error as Error, address);
      }
    }
    return bound;
  }

  #tell(address: string, error: Error): void {
    // It is gone again, or its link has not agreed to it yet.
    if ((error as NodeJS.ErrnoException).code === "EADDRNOTAVAIL" || this.#told.has(address)) return;
    this.#told.add(address);
    this.#options.log.warn({}, error.message);
  }
}
