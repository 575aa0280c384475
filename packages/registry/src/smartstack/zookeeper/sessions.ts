/** @live One session for each ZooKeeper that is asked itself, as long as something of the configuration needs it. */
import type { Once } from "../host/once.ts";
import { Session } from "./session.ts";

export class Sessions {
  readonly #once: Once;
  readonly #open = new Map<string, Session>();

  constructor(once: Once) {
    this.#once = once;
  }

  of(hosts: readonly string[]): Session {
    const name = nameOf(hosts);
    const session = this.#open.get(name) ?? new Session(hosts, this.#once);
    this.#open.set(name, session);
    return session;
  }

  /** Ends those that none of these needs. */
  async keep(wanted: Iterable<readonly string[]>): Promise<void> {
    const names = new Set([...wanted].map(nameOf));
    const over = [...this.#open].filter(([name]) => !names.has(name));
    for (const [name] of over) this.#open.delete(name);
    await Promise.all(over.map(([, session]) => session.close()));
  }
}

function nameOf(hosts: readonly string[]): string {
  return [...hosts].sort().join();
}
