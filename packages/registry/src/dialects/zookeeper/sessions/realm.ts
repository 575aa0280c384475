/** @live What is kept of an account for its connections: its nodes, who watches them, and which session is here. */
import {
  type Access,
  type Account,
  type Commit,
  type Following,
  keepUp,
  type LeaseId,
  type LeaseRecord,
  type Registry,
  type View,
} from "../../../core/index.ts";
import { Tree } from "../nodes/tree.ts";
import { Board } from "../watches/board.ts";

/** Leases that are sessions were granted by this dialect. */
export const VIA = "zookeeper";

/** Where a session is connected: a word that each connection has for itself. */
export interface Seat {
  readonly at: string;
  readonly token: string | undefined;
  /** The session is over, or has moved to another connection. */
  leave(): void;
}

export class Realm {
  readonly account: Account;
  readonly board: Board;
  /** By session. */
  readonly seats = new Map<LeaseId, Seat>();
  #tree = new Tree(undefined);
  readonly #following: Following;

  constructor(account: Account, registry: Registry, watchers: (delta: number) => void) {
    this.account = account;
    this.board = new Board(watchers);
    this.#following = keepUp(
      registry,
      { account },
      { read: (view) => this.#read(view), take: (commit) => this.#take(commit) },
    );
  }

  get tree(): Tree {
    return this.#tree;
  }

  /** After a loss, too: what watchers missed nobody knows, so everybody connects again and finds out. */
  #read(view: View): void {
    this.#tree = new Tree(view.account(this.account));
    for (const seat of [...this.seats.values()]) seat.leave();
  }

  #take(commit: Commit): void {
    for (const event of this.#tree.take(commit)) this.board.tell(event);
    if (this.seats.size === 0) return;
    for (const change of commit.changes) if (change.kind === "lease") this.#lookAfter(change.before, change.after);
  }

  #lookAfter(before: LeaseRecord | null, after: LeaseRecord | null): void {
    const id = (after ?? before)?.id ?? "";
    const seat = this.seats.get(id);
    if (seat !== undefined && (after === null || after.meta.at !== seat.at)) seat.leave();
  }

  /** Tokens have changed: who may not read any more is let go. */
  review(access: Access): void {
    for (const seat of [...this.seats.values()]) {
      const principal = access.authenticate(seat.token);
      if (!principal.ok || !access.allow(principal.value, this.account, "reader").ok) seat.leave();
    }
  }

  close(): void {
    this.#following.close();
  }
}

/** The realms of all accounts that somebody is connected for. */
export class Realms {
  readonly #registry: Registry;
  readonly #watchers: (delta: number) => void;
  readonly #realms = new Map<Account, Realm>();

  constructor(registry: Registry, watchers: (delta: number) => void) {
    this.#registry = registry;
    this.#watchers = watchers;
  }

  of(account: Account): Realm {
    const known = this.#realms.get(account);
    if (known !== undefined) return known;
    const realm = new Realm(account, this.#registry, this.#watchers);
    this.#realms.set(account, realm);
    return realm;
  }

  review(access: Access): void {
    for (const realm of this.#realms.values()) realm.review(access);
  }

  [Symbol.iterator](): Iterator<Realm> {
    return this.#realms.values();
  }

  close(): void {
    for (const realm of this.#realms.values()) realm.close();
  }
}
