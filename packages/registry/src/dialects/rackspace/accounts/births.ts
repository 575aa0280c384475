/** All that this dialect remembers between requests: token chains, request counts, accounts being born. */
import type { Account, Clock, Commit, Registry, Watch, Watcher } from "../../../core/index.ts";
import { Rates } from "./rates.ts";
import { Tokens } from "./tokens.ts";

const BORN = "\0rackspace/born";
/** Requests that need no credentials must not fill the store with accounts. */
const BIRTHS_MAX = 10_000;

export class Session {
  readonly tokens: Tokens;
  readonly rates = new Rates();
  private readonly registry: Registry;
  private readonly births = new Map<Account, Promise<unknown>>();
  private born = 0;
  private watch: Watch | undefined;
  private latestAtMs = 0;

  constructor(registry: Registry, clock: Clock, secret: Buffer) {
    this.registry = registry;
    this.tokens = new Tokens(secret, clock);
    this.follow();
  }

  close(): void {
    this.watch?.close();
  }

  /** The time of the latest commit: event ids reach up to it, even if the clock stepped back since. */
  latestMs(nowMs: number): number {
    return Math.max(nowMs, this.latestAtMs);
  }

  isBorn(account: Account): boolean {
    return this.registry.read((view) => view.account(account) !== undefined);
  }

  /** An account comes into being at its first request: from then on its events can be asked for. */
  async bear(account: Account): Promise<void> {
    let birth = this.births.get(account);
    if (birth === undefined) {
      if (this.born >= BIRTHS_MAX) return;
      this.born++;
      birth = this.registry
        .propose(account, {
          kind: "when",
          guards: [{ on: "version", key: BORN, is: "=", than: 0 }],
          then: [{ kind: "put", key: BORN, value: "" }],
          otherwise: [],
        })
        .finally(() => this.births.delete(account));
      this.births.set(account, birth);
    }
    await birth;
  }

  /** Token chains end with their lease. */
  private follow(): void {
    const { registry, tokens } = this;
    const watcher: Watcher = {
      deliver: (commit) => {
        this.see(commit);
        return true;
      },
      lost: () => {
        this.follow();
        registry.read((view) => tokens.sweep((account, lease) => view.lease(account, lease) !== undefined));
      },
    };
    const after = registry.read((view) => view.revision);
    const watch = registry.follow({}, after, watcher);
    if (!watch.ok) throw new Error(`cannot follow the catalog: ${watch.detail}`);
    this.watch = watch.value;
  }

  private see(commit: Commit): void {
    this.latestAtMs = commit.atMs;
    for (const change of commit.changes) {
      if (change.kind === "lease" && change.after === null && change.before !== null) {
        this.tokens.forget(commit.account, change.before.id);
      }
    }
  }
}
