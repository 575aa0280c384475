/** @live Who leads, and what he proclaims, told from now on. */
import {
  type Account,
  type Commit,
  fromBuffer,
  isInRange,
  type KeyRange,
  type KeyRecord,
  type Refused,
  type Revision,
  type Watch,
  type Watcher,
} from "../../../../core/index.ts";
import type { Answers, Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import { admit, type Desk, headOf } from "../../desk.ts";
import type { LeaderRequest } from "../../proto/generated/v3election.ts";
import { ERRORS } from "../../refusals.ts";
import { toKeyValue } from "./key-value.ts";
import { findFirst, rangeOf } from "./turn.ts";

const CLOSED = new Status(CODES.unknown, "election: observe closed early");

export function observe(desk: Desk, call: Call, { name }: LeaderRequest, answers: Answers<unknown>): () => void {
  const observer = new Observer(desk, rangeOf(fromBuffer(name)), answers);
  desk.lasting.enter(observer, call);
  void Promise.resolve(admit(desk, call, "reader")).then((account) => {
    if (account instanceof Status) answers.end(account);
    else observer.begin(account);
  });
  return () => {
    desk.lasting.leave(observer);
    observer.close();
  };
}

class Observer implements Watcher, Visit {
  readonly #desk: Desk;
  readonly #range: KeyRange;
  readonly #answers: Answers<unknown>;
  #account: Account = "";
  #watch: Watch | undefined;
  /** The one that was told last, as it was told. */
  #leader: KeyRecord | undefined;
  #isFull = false;
  #isOver = false;

  constructor(desk: Desk, range: KeyRange, answers: Answers<unknown>) {
    this.#desk = desk;
    this.#range = range;
    this.#answers = answers;
    answers.onDrain(() => {
      this.#isFull = false;
      this.#watch?.resume();
    });
  }

  begin(account: Account): void {
    if (this.#isOver) return;
    this.#account = account;
    const { registry } = this.#desk;
    const revision = registry.read((view) => view.revision);
    this.#look(revision);
    const followed = registry.follow({ account, keys: this.#range }, revision, this);
    if (followed.ok) this.#watch = followed.value;
    else this.#answers.end(CLOSED);
  }

  /** Looks for the one who leads now: another one than before. */
  #look(revision: Revision): void {
    this.#leader = undefined;
    const first = findFirst(this.#desk.registry, this.#account, this.#range);
    if (first !== undefined) this.#tell(first, revision);
  }

  #tell(record: KeyRecord, revision: Revision): void {
    this.#leader = record;
    if (!this.#answers.write({ header: headOf(this.#desk, revision), kv: toKeyValue(record) })) this.#isFull = true;
  }

  deliver(commits: readonly Commit[]): number {
    if (this.#isFull) return 0;
    for (const [nth, commit] of commits.entries()) {
      this.#take(commit);
      if (this.#isFull) return nth + 1;
    }
    return commits.length;
  }

  #take({ changes, revision }: Commit): void {
    for (const change of changes) {
      if (change.kind !== "key" || !isInRange(this.#range, (change.after ?? change.before)?.key ?? "")) continue;
      const { before, after } = change;
      // Who comes while nobody leads, leads. What is told of him may be later than this.
      const isNews = this.#leader === undefined || after === null || after.modRevision > this.#leader.modRevision;
      const isOfLeader = this.#leader === undefined || (after ?? before)?.key === this.#leader.key;
      if (!isNews || !isOfLeader) continue;
      if (after !== null) this.#tell(after, revision);
      else if (revision > (this.#leader?.modRevision ?? 0)) this.#look(revision);
    }
  }

  lost(): void {
    this.#watch = undefined;
    this.#answers.end(CLOSED);
  }

  bye(revoked?: Refused): void {
    this.#answers.end(revoked === undefined ? ERRORS.stopped : ERRORS.invalidToken);
  }

  close(): void {
    this.#isOver = true;
    this.#watch?.close();
    this.#watch = undefined;
  }
}
