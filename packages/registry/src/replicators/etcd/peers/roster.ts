/**
 * @live The other nodes as the link reaches them: one is dialed as soon as its entry in etcd tells where it listens, and
 * left when that is gone.
 */
import { type Outcome, refuse } from "../../../core/index.ts";
import type { Link } from "../../../net/link/link.ts";
import type { Peer } from "../../../net/link/peer.ts";
import { CHANNELS } from "./messages.ts";

/** Where a node listens for the others. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The link, and where others find this node. */
export interface LinkPort extends Address {
  readonly link: Link;
}

type Listener = (bytes: Uint8Array, from: string) => void;

export class Roster {
  readonly #link: Link | undefined;
  readonly #own: string;
  readonly #peers = new Map<string, { readonly peer: Peer; readonly address: Address }>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #changed: (node: string, isUp: boolean) => void = () => {};

  constructor(link: Link | undefined, own: string) {
    this.#link = link;
    this.#own = own;
  }

  /** The nodes that are there, and where. */
  set(nodes: Iterable<readonly [string, Address | undefined]>): void {
    const link = this.#link;
    if (link === undefined) return;
    const wanted = new Map(nodes);
    for (const [node, { peer, address }] of this.#peers) {
      const now = wanted.get(node);
      if (now?.host === address.host && now.port === address.port) continue;
      this.#peers.delete(node);
      peer.close();
    }
    for (const [node, address] of wanted) {
      if (node === this.#own || address === undefined || this.#peers.has(node)) continue;
      const changed = (isUp: boolean): void => this.#changed(node, isUp);
      this.#peers.set(node, { peer: link.dial({ name: node, ...address, changed }), address });
    }
  }

  /** Calls when a node is reached, and when it is not any more. */
  onChanged(listener: (node: string, isUp: boolean) => void): void {
    this.#changed = listener;
  }

  isUp(node: string): boolean {
    return this.#peers.get(node)?.peer.isUp === true;
  }

  /** As `Peer.ask`; what is asked is copied at once, the answer is a view. */
  ask(node: string, channel: string, payload: Uint8Array, timeoutMs: number): Promise<Outcome<Buffer>> {
    const peer = this.#peers.get(node)?.peer;
    if (peer === undefined) return Promise.resolve(refuse("unavailable", `node "${node}" is not known`));
    return peer.ask(channel, payload, timeoutMs);
  }

  /** As `Nodes.broadcast`. */
  broadcast(channel: string, bytes: Uint8Array): void {
    for (const { peer } of this.#peers.values()) peer.tell(CHANNELS.told + channel, bytes);
  }

  /** As `Nodes.on`. */
  on(channel: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(channel);
    if (listeners === undefined) {
      const all = new Set<Listener>();
      this.#listeners.set(channel, all);
      this.#link?.on(CHANNELS.told + channel, (payload, from) => {
        const bytes = Buffer.from(payload);
        for (const one of all) one(bytes, from);
        return undefined;
      });
      listeners = all;
    }
    const all = listeners;
    all.add(listener);
    return () => all.delete(listener);
  }

  close(): void {
    for (const { peer } of this.#peers.values()) peer.close();
    this.#peers.clear();
  }
}
