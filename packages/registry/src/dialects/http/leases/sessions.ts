/**
 * @live The sessions that are open at this node, by lease, and what becomes of a lease when the last of them ends without a
 * word: all nodes are told. The one that keeps the lease counts its linger from then; one where another session of it is open
 * says that it lives.
 */
import type { Account, LeaseId, Nodes, Registry } from "../../../core/index.ts";
import type { Session, Sessions } from "../desk.ts";

const CHANNEL = "http/sessions/gone";
/** In one message between nodes. */
const TOLD_AT_ONCE = 1000;

/** A lease whose session has ended at another node. */
type Gone = readonly [account: Account, lease: LeaseId, lingerMs: number];

export class OpenSessions implements Sessions {
  readonly #registry: Registry;
  readonly #nodes: Nodes;
  readonly #open = new Map<string, Set<Session>>();
  readonly #forget: () => void;
  #gone: Gone[] = [];

  constructor(registry: Registry, nodes: Nodes) {
    this.#registry = registry;
    this.#nodes = nodes;
    this.#forget = nodes.on(CHANNEL, (bytes) => {
      for (const gone of JSON.parse(Buffer.from(bytes).toString()) as Gone[]) this.#hear(gone);
    });
  }

  enter(account: Account, lease: LeaseId, session: Session): (lingerMs?: number) => void {
    const key = keyOf(account, lease);
    const sessions = this.#open.get(key) ?? new Set();
    this.#open.set(key, sessions.add(session));
    return (lingerMs) => {
      if (!sessions.delete(session) || sessions.size > 0) return;
      this.#open.delete(key);
      if (lingerMs === undefined) return;
      this.#registry.abandon(account, lease, lingerMs);
      this.#tell([account, lease, lingerMs]);
    };
  }

  #tell(gone: Gone): void {
    if (this.#gone.push(gone) > 1) return;
    setImmediate(() => {
      const all = this.#gone;
      this.#gone = [];
      for (let from = 0; from < all.length; from += TOLD_AT_ONCE)
        this.#nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify(all.slice(from, from + TOLD_AT_ONCE))));
    });
  }

  #hear([account, lease, lingerMs]: Gone): void {
    this.#registry.abandon(account, lease, lingerMs);
    const sessions = this.#open.get(keyOf(account, lease));
    if (sessions === undefined) return;
    const renew = (): void => {
      for (const session of sessions) return session.renew();
    };
    renew();
    // The keeper may hear of it later than this renewal.
    setTimeout(renew, lingerMs / 2).unref();
  }

  close(): void {
    this.#forget();
  }
}

function keyOf(account: Account, lease: LeaseId): string {
  return `${account}/${lease}`;
}
