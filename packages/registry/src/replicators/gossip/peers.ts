/**
 * @live The other nodes over the link. Some are named by their addresses, or by a name in DNS that stands for several; of all
 * others one hears from those.
 */
import { lookup } from "node:dns/promises";
import type { Outcome } from "../../core/index.ts";
import { refuse } from "../../core/index.ts";
import { addressesOf } from "../../net/hosts/wildcard.ts";
import type { Link } from "../../net/link/link.ts";
import type { Peer } from "../../net/link/peer.ts";
import { type ListenerLog, SeldomLog } from "../../net/log.ts";
import { sayWhy } from "../../net/why.ts";
import type { Network, Receiver } from "./network.ts";

/** Where a node listens for the others. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface PeersOptions {
  /** This node's name. */
  readonly own: string;
  readonly link: Link;
  /** Where others find this node. */
  readonly address: Address;
  /** Whom to ask first. */
  readonly seeds: readonly Address[];
  readonly log: ListenerLog;
}

interface Dialed {
  readonly peer: Peer;
  /** Undefined while it is not known who is there. */
  name: string | undefined;
  /** Not named by a seed: it is left when nobody tells of it any more. */
  readonly isLearned: boolean;
}

/** Names in DNS are looked up so often. */
const LOOKUP_MS = 15_000;
const ASK_MS = 10_000;

function written({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function read(address: string): Address | undefined {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(colon + 1));
  return host !== "" && Number.isInteger(port) && port > 0 && port <= 65_535 ? { host, port } : undefined;
}

export class Peers implements Network {
  readonly address: string;
  readonly #options: PeersOptions;
  readonly #seldom: SeldomLog;
  readonly #dialed = new Map<string, Dialed>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;
  #reached: (node: string) => void = () => {};

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#seldom = new SeldomLog(options.log);
    this.address = written(options.address);
    this.#timer = setInterval(() => void this.#lookUp(), LOOKUP_MS).unref();
    void this.#lookUp();
  }

  async #lookUp(): Promise<void> {
    const found = await Promise.all(
      this.#options.seeds.map(async ({ host, port }) => {
        try {
          return (await lookup(host, { all: true })).map(({ address }) => ({ host: address, port }));
        } catch (error) {
          this.#seldom.warn(host, `the nodes at ${host} are not found: ${sayWhy(error)}`);
          return undefined;
        }
      }),
    );
    if (this.#isClosed) return;
    const seeds = found.flatMap((some) => some ?? []).filter((seed) => !this.#isOwn(seed));
    for (const seed of seeds) this.#dial(seed, undefined);
    // Addresses that a name had once, and has no more.
    if (found.includes(undefined)) return;
    const wanted = new Set(seeds.map(written));
    for (const [address, { peer, isLearned }] of this.#dialed)
      if (!isLearned && !peer.isUp && !wanted.has(address)) this.#leave(address);
  }

  #isOwn({ host, port }: Address): boolean {
    const { link, address } = this.#options;
    if (written(address) === written({ host, port })) return true;
    return port === link.port && (addressesOf("0.0.0.0").has(host) || addressesOf("::").has(host));
  }

  #dial(to: Address, name: string | undefined): void {
    const address = written(to);
    if (this.#dialed.has(address)) return;
    const changed = (isUp: boolean): void => {
      const dialed = this.#dialed.get(address);
      if (dialed === undefined || !isUp) return;
      dialed.name = dialed.peer.name;
      // The same node at a second address; it is tried again once the first is gone.
      const isTwice = [...this.#dialed.values()].some(
        (one) => one !== dialed && one.peer.isUp && one.name === dialed.name,
      );
      if (isTwice) this.#leave(address);
      else this.#reached(dialed.peer.name);
    };
    const peer = this.#options.link.dial({ ...(name === undefined ? {} : { name }), ...to, changed });
    this.#dialed.set(address, { peer, name, isLearned: name !== undefined });
  }

  #leave(address: string): void {
    const dialed = this.#dialed.get(address);
    this.#dialed.delete(address);
    dialed?.peer.close();
  }

  get reached(): readonly string[] {
    const names = new Set<string>();
    for (const { peer, name } of this.#dialed.values())
      if (peer.isUp && name !== undefined && name !== this.#options.own) names.add(name);
    return [...names];
  }

  #find(node: string): Peer | undefined {
    for (const { peer, name } of this.#dialed.values()) if (name === node && peer.isUp) return peer;
    return undefined;
  }

  tell(node: string, channel: string, payload: Uint8Array): boolean {
    return this.#find(node)?.tell(channel, payload) === true;
  }

  ask(node: string, channel: string, payload: Uint8Array): Promise<Outcome<Buffer>> {
    const peer = this.#find(node);
    if (peer === undefined) return Promise.resolve(refuse("unavailable", `node "${node}" is not reached`));
    return peer.ask(channel, payload, ASK_MS);
  }

  on(channel: string, receiver: Receiver): void {
    this.#options.link.on(channel, receiver);
  }

  onReached(listener: (node: string) => void): void {
    this.#reached = listener;
  }

  learn(nodes: ReadonlyMap<string, string>): void {
    if (this.#isClosed) return;
    const reached = new Set(this.reached);
    for (const [address, { peer, name, isLearned }] of this.#dialed)
      if (isLearned && !peer.isUp && name !== undefined && nodes.has(name) && nodes.get(name) !== address)
        this.#leave(address);
    for (const [name, address] of nodes) {
      const to = read(address);
      if (to !== undefined && name !== this.#options.own && !reached.has(name) && !this.#isOwn(to))
        this.#dial(to, name);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const address of [...this.#dialed.keys()]) this.#leave(address);
  }
}
