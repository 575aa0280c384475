/** @live The live watches of an account, told of each commit as it comes, in step with the registry. */
import {
  type Account,
  type Commit,
  type Following,
  isReserved,
  keepUp,
  type Registry,
  type Revision,
  subjectOf,
} from "../../../../core/index.ts";
import type { Happened } from "../../wire/watch.ts";
import { type Place, Places } from "./places.ts";
import { Told } from "./told.ts";
import type { Watching } from "./watching.ts";

export class Board {
  readonly #places = new Places<Watching>();
  readonly #following: Following;
  /** All commits up to here were told. */
  #position: Revision = 0;

  constructor(account: Account, registry: Registry) {
    // All keys that clients may name.
    const scope = { account, keys: { from: "\x01", to: "" } };
    this.#following = keepUp(registry, scope, {
      read: (view) => this.#begin(view.revision),
      take: (commit) => this.#take(commit),
    });
  }

  get size(): number {
    return this.#places.size;
  }

  add(watching: Watching): void {
    this.#places.add(watching);
  }

  remove(watching: Watching): void {
    this.#places.remove(watching);
  }

  /** After a loss nobody knows what the live ones missed: history does. */
  #begin(revision: Revision): void {
    const before = this.#position;
    this.#position = revision;
    for (const watching of this.#places) watching.stream.miss(watching, before);
  }

  #take(commit: Commit): void {
    this.#position = commit.revision;
    const { changes, revision } = commit;
    const found = new Map<Place<Watching>, Happened[]>();
    for (const change of changes) if (change.kind === "key") this.#find({ change, revision }, found);
    for (const [place, own] of found) {
      const told = new Told(revision, own);
      for (const watching of place.standing) watching.stream.tell(told, watching);
    }
  }

  #find(happened: Happened, found: Map<Place<Watching>, Happened[]>): void {
    const { key } = subjectOf(happened.change);
    if (isReserved(key)) return;
    this.#places.find(key, (place) => {
      const known = found.get(place);
      if (known === undefined) found.set(place, [happened]);
      else known.push(happened);
    });
  }

  close(): void {
    this.#following.close();
  }
}

/** The boards of all accounts that somebody watches keys of. */
export class Boards {
  readonly #registry: Registry;
  readonly #boards = new Map<Account, Board>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  of(account: Account): Board {
    const known = this.#boards.get(account);
    if (known !== undefined) return known;
    const board = new Board(account, this.#registry);
    this.#boards.set(account, board);
    return board;
  }

  /** Nobody may watch there any more. */
  leave(account: Account): void {
    const board = this.#boards.get(account);
    if (board === undefined || board.size > 0) return;
    board.close();
    this.#boards.delete(account);
  }

  close(): void {
    for (const board of this.#boards.values()) board.close();
    this.#boards.clear();
  }
}
