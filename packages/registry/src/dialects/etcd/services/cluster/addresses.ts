/**
 * @live Where clients reach each node: nodes tell each other. What was not heard of a node is asked for when somebody
 * lists the members.
 */
import { networkInterfaces } from "node:os";
import type { Nodes } from "../../../../core/index.ts";
import { isWildcard } from "../../../../net/hosts/wildcard.ts";
import type { Addresses } from "../../desk.ts";

const CHANNEL = "etcd/clients";
const URLS_MAX = 16;
const URL_LENGTH_MAX = 512;
const NODES_MAX = 1024;

interface Word {
  readonly urls: readonly string[];
  /** The others are to say theirs. */
  readonly asks: boolean;
}

export class KnownAddresses implements Addresses {
  readonly #nodes: Nodes;
  #own: readonly string[] = [];
  readonly #others = new Map<string, readonly string[]>();
  readonly #forget: () => void;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
    this.#forget = nodes.on(CHANNEL, (bytes, from) => this.#hear(bytes, from));
  }

  get urls(): readonly string[] {
    return this.#own;
  }

  tell(urls: readonly string[]): void {
    this.#own = urls;
    this.#say(true);
  }

  of(node: string): readonly string[] | undefined {
    return this.#others.get(node);
  }

  ask(): void {
    this.#say(true);
  }

  #say(asks: boolean): void {
    const word: Word = { urls: this.#own, asks };
    this.#nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify(word)));
  }

  #hear(bytes: Uint8Array, from: string): void {
    const word = readWord(bytes);
    if (word === undefined) return;
    if (this.#others.size < NODES_MAX || this.#others.has(from)) this.#others.set(from, word.urls);
    if (word.asks) this.#say(false);
  }

  close(): void {
    this.#forget();
  }
}

/** Undefined for what no node of this version says. */
function readWord(bytes: Uint8Array): Word | undefined {
  try {
    const { urls, asks } = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<Word>;
    if (!Array.isArray(urls) || urls.length > URLS_MAX) return undefined;
    if (!urls.every((url) => typeof url === "string" && url.length <= URL_LENGTH_MAX)) return undefined;
    return { urls, asks: asks === true };
  } catch {
    return undefined;
  }
}

/** Where clients reach this node: where it says so, else where it listens, by an address of this machine if that is all of them. */
export function urlsOf(
  advertise: readonly string[],
  { host, port, secure }: { readonly host: string; readonly port: number; readonly secure: boolean },
): readonly string[] {
  if (advertise.length > 0) return advertise;
  const address = isWildcard(host) ? findAddress() : host;
  return [`${secure ? "https" : "http"}://${address.includes(":") ? `[${address}]` : address}:${port}`];
}

function findAddress(): string {
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, family, internal } of addresses ?? []) if (!internal && family === "IPv4") return address;
  return "127.0.0.1";
}
