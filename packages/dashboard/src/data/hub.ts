/** One watch of an account, told to all who look at it: at most four times a second. */
import { type Client, type CommitBody, createClient, RollcallError } from "@rollcall/client";

export type News =
  | { readonly kind: "commits"; readonly commits: readonly CommitBody[] }
  /** The stream has caught up at this revision. `began`: where this watch began, so that reads from before are too old. */
  | { readonly kind: "ready"; readonly revision: number; readonly began: number }
  | { readonly kind: "resync"; readonly revision: number; readonly compacted: number }
  /** Out of reach since then; the next try comes then (ms since 1970). */
  | { readonly kind: "down"; readonly sinceMs: number; readonly nextMs: number }
  | { readonly kind: "refused"; readonly status: number; readonly detail: string };

export interface Joined {
  readonly url: string;
  readonly account: string;
  readonly token: string | undefined;
}

const FOLD_MS = 250;
const TRIES_MS = [500, 1000, 2000, 3000];

export class Hub {
  readonly #joined: Joined;
  readonly #tell: (news: News) => void;
  readonly #client: Client;
  #watch = new AbortController();
  #began = 0;
  #revision = 0;
  #sinceMs = 0;
  #tries = 0;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #fold: ReturnType<typeof setTimeout> | undefined;
  #commits: CommitBody[] = [];
  #last: News | undefined;
  #closed = false;

  constructor(joined: Joined, tell: (news: News) => void) {
    this.#joined = joined;
    this.#tell = tell;
    this.#client = createClient({ ...joined, timeoutMs: 3000 });
    void this.#run(undefined);
  }

  /** What a newcomer has to know; undefined before the first answer. */
  get state(): News | undefined {
    return this.#last?.kind === "ready" ? { kind: "ready", revision: this.#revision, began: this.#began } : this.#last;
  }

  close(): void {
    this.#closed = true;
    this.#watch.abort();
    clearTimeout(this.#probe);
    clearTimeout(this.#fold);
  }

  /** Does not wait for the next try. */
  retry(): void {
    if (this.#sinceMs === 0) return;
    clearTimeout(this.#probe);
    void this.#ask();
  }

  async #run(after: number | undefined): Promise<void> {
    const watch = new AbortController();
    this.#watch = watch;
    const client = createClient(this.#joined);
    const { signal } = watch;
    try {
      for await (const item of client.watch({
        signal,
        onDown: () => this.#down(),
        ...(after === undefined ? {} : { after }),
      })) {
        if (watch !== this.#watch) return;
        this.#up();
        if (item.kind === "commit") {
          this.#revision = Math.max(this.#revision, item.commit.revision);
          this.#commits.push(item.commit);
          this.#fold ??= setTimeout(() => this.#flush(), FOLD_MS);
          continue;
        }
        this.#flush();
        this.#revision = Math.max(this.#revision, item.revision);
        if (this.#began === 0 || item.kind === "resync") this.#began = item.revision;
        if (item.kind === "resync") this.#say(item);
        this.#say({ kind: "ready", revision: this.#revision, began: this.#began });
      }
    } catch (error) {
      if (watch !== this.#watch || this.#closed) return;
      if (error instanceof RollcallError && error.status > 0 && !error.transient)
        this.#say({ kind: "refused", status: error.status, detail: error.detail });
      else this.#down();
    }
  }

  #say(news: News): void {
    this.#last = news;
    this.#tell(news);
  }

  #flush(): void {
    clearTimeout(this.#fold);
    this.#fold = undefined;
    if (this.#commits.length === 0) return;
    const commits = this.#commits;
    this.#commits = [];
    this.#tell({ kind: "commits", commits });
  }

  #up(): void {
    clearTimeout(this.#probe);
    this.#sinceMs = 0;
    this.#tries = 0;
  }

  /** The watch goes on by itself; the probe finds sooner that the registry is back. */
  #down(): void {
    if (this.#closed || this.#sinceMs !== 0) return;
    this.#sinceMs = Date.now();
    this.#plan();
  }

  #plan(): void {
    const waitMs = TRIES_MS[Math.min(this.#tries++, TRIES_MS.length - 1)] as number;
    this.#say({ kind: "down", sinceMs: this.#sinceMs, nextMs: Date.now() + waitMs });
    this.#probe = setTimeout(() => void this.#ask(), waitMs);
  }

  async #ask(): Promise<void> {
    try {
      await this.#client.status();
    } catch (error) {
      if (!(error instanceof RollcallError) || error.status === 0 || error.transient) {
        if (!this.#closed && this.#sinceMs !== 0) this.#plan();
        return;
      }
    }
    if (this.#closed || this.#sinceMs === 0) return;
    this.#watch.abort();
    this.#sinceMs = 0;
    void this.#run(this.#revision === 0 ? undefined : this.#revision);
  }
}
