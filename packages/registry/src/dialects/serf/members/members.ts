/** @live The members of each account: those that are there, and for a while those that left or failed. */
import {
  type Account,
  type Commit,
  type Following,
  type InstanceRecord,
  keepUp,
  type Registry,
} from "../../../core/index.ts";
import { inTurn } from "../../../net/answers/turns.ts";
import { type Happened, happenedIn } from "./events.ts";
import { type Member, nameOf, toMember } from "./member.ts";

/** Members that are looked at in one go: some milliseconds. */
const AT_ONCE = 100;
/** Of all accounts: those that are gone, the ones that went first being forgotten first. */
const GONE_MAX = 10_000;

export interface MembersParts {
  readonly registry: Registry;
  /** How long those that are gone are still listed. */
  reapMs(): number;
  nowMs(): number;
}

interface Gone {
  readonly account: Account;
  readonly member: Member;
  readonly atMs: number;
}

export type Listener = (account: Account, happened: readonly Happened[]) => void;

export class Members {
  readonly #parts: MembersParts;
  /** By account and name, the one that went first at the beginning. */
  readonly #gone = new Map<string, Gone>();
  readonly #listeners = new Set<Listener>();
  readonly #following: Following;
  readonly #timer: NodeJS.Timeout;

  constructor(parts: MembersParts) {
    this.#parts = parts;
    this.#following = keepUp(
      parts.registry,
      { anyService: true },
      { read: () => {}, take: (commit) => this.#take(commit) },
    );
    this.#timer = setInterval(() => this.#reap(), Math.max(1000, Math.min(parts.reapMs() / 4, 60_000)));
    this.#timer.unref();
  }

  /** Calls after each commit that changed members; the return value ends that. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Goes over those of this moment, in turns with other work, until `visit` has seen enough: it answers false. */
  async each(account: Account, visit: (member: Member) => boolean): Promise<void> {
    const { registry } = this.#parts;
    const records = registry.read((view): readonly InstanceRecord[] =>
      [...(view.account(account)?.services() ?? [])].flatMap(({ instances }) => [...instances.values()]),
    );
    const gone = [...this.#gone.values()].filter((one) => one.account === account);
    const present = new Set<string>();
    for (let at = 0; at < records.length + gone.length; at++) {
      if (at % AT_ONCE === 0 && records.length + gone.length > AT_ONCE)
        await new Promise<void>((resolve) => inTurn(resolve));
      const record = records[at];
      const member = record === undefined ? (gone[at - records.length] as Gone).member : toMember(record);
      if (record === undefined && present.has(member.name)) continue;
      present.add(member.name);
      if (!visit(member)) return;
    }
  }

  /** The instance behind a name. */
  recordOf(account: Account, name: string): InstanceRecord | undefined {
    return this.#parts.registry.read((view) => {
      for (const id of idsOf(name))
        for (const one of view.instancesById(account, id)) if (nameOf(one) === name) return one;
      return undefined;
    });
  }

  /** One that failed and is gone counts as left from now on; `prune`: it is not listed any more. */
  giveUp(account: Account, name: string, prune: boolean): void {
    const gone = this.#gone.get(keyOf(account, name));
    if (gone === undefined) return;
    const member: Member = { ...gone.member, status: "left" };
    if (prune) this.#gone.delete(keyOf(account, name));
    else this.#gone.set(keyOf(account, name), { ...gone, member });
    if (prune) this.#tell(account, [{ event: "member-reap", member, isGone: true }]);
    else if (gone.member.status !== "left") this.#tell(account, [{ event: "member-leave", member, isGone: true }]);
  }

  close(): void {
    this.#following.close();
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  #take(commit: Commit): void {
    const happened = happenedIn(commit);
    if (happened.length === 0) return;
    const { account } = commit;
    for (const { member, isGone } of happened) {
      const key = keyOf(account, member.name);
      this.#gone.delete(key);
      if (isGone) this.#gone.set(key, { account, member, atMs: this.#parts.nowMs() });
    }
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= GONE_MAX) break;
      this.#gone.delete(oldest);
    }
    this.#tell(account, happened);
  }

  #tell(account: Account, happened: readonly Happened[]): void {
    for (const listener of this.#listeners) listener(account, happened);
  }

  #reap(): void {
    const [nowMs, reapMs] = [this.#parts.nowMs(), this.#parts.reapMs()];
    for (const [key, { account, member, atMs }] of this.#gone) {
      if (nowMs - atMs < reapMs) break;
      this.#gone.delete(key);
      this.#tell(account, [{ event: "member-reap", member, isGone: true }]);
    }
  }
}

function keyOf(account: Account, name: string): string {
  return `${account}/${name}`;
}

/** The ids that a name may begin with. */
function* idsOf(name: string): Iterable<string> {
  yield name;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) yield name.slice(0, dot);
}
