/**
 * @live What the agent itself keeps: the system's account, with the secrets of its dialects, its tokens, its limits. It is
 * no part of the registry's order: its revisions count by themselves, and each change is a new state for the core.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import {
  type Change,
  type Clock,
  type Command,
  decide,
  type Outcome,
  ok,
  type Receipt,
  type Rules,
  refuse,
  type Sink,
  SYSTEM_ACCOUNT,
  subjectOf,
} from "../../core/index.ts";
import { fromPlain, toPlain } from "../../net/link/plain.ts";
import { sayWhy } from "../../net/why.ts";
import { UpstreamRefused } from "./refused.ts";
import { eachRow, type Part, type Row, type Rows, sortRows } from "./state.ts";

interface Stored {
  readonly rollcall: "agent's own";
  readonly version: 1;
  readonly createdAtMs: number;
  readonly revision: number;
  readonly rows: readonly unknown[];
}

export interface OwnParts {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  /** The state is another one: this part of it. */
  changed(): void;
}

const FILE = "own.json";

export class Own {
  readonly #parts: OwnParts;
  #sink: Pick<Sink, "view" | "heard"> | null = null;
  #createdAtMs = 0;
  #revision = 0;
  #rows: Rows = { leases: [], instances: [], keys: [] };
  /** One after the other: each is on the disk before the next is decided. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: OwnParts) {
    this.#parts = parts;
  }

  /** Throws when what is there cannot be read: secrets that are made anew would refuse what was signed with them. */
  async read(): Promise<void> {
    this.#createdAtMs = this.#parts.clock.now();
    try {
      const stored = JSON.parse(await readFile(this.#path, "utf8")) as Stored;
      if (stored.version !== 1) throw new Error(`${this.#path} is of another version`);
      this.#createdAtMs = stored.createdAtMs;
      this.#revision = stored.revision;
      this.#rows = sortRows(stored.rows.map((row) => fromPlain(row) as Row));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      const why = `${this.#path} cannot be read: ${sayWhy(error)}`;
      throw new UpstreamRefused(`${why}. Without it the agent begins with new secrets and no tokens`, { cause: error });
    }
  }

  /** What commands are decided on. */
  open(sink: Pick<Sink, "view" | "heard">): void {
    this.#sink = sink;
  }

  get #path(): string {
    return join(this.#parts.dataDir, FILE);
  }

  get part(): Part {
    const revision = this.#revision;
    const account = {
      createdAtMs: this.#createdAtMs,
      ...{ revision, catalogRevision: 0, keysRevision: revision, services: [] },
    };
    return { name: SYSTEM_ACCOUNT, account, rows: this.#rows };
  }

  propose(command: Command): Promise<Outcome<Receipt>> {
    const proposed = this.#work.then(() => this.#decide(command));
    this.#work = proposed.catch(() => {});
    return proposed;
  }

  async #decide(command: Command): Promise<Outcome<Receipt>> {
    const { clock, rules, origin, changed } = this.#parts;
    if (this.#sink === null) return refuse("unavailable", "the store is not open");
    const { view } = this.#sink;
    const place = { revision: this.#revision + 1, atMs: clock.now(), origin };
    const decided = decide(view, SYSTEM_ACCOUNT, command, place, rules);
    if (!decided.ok) return decided;
    const { changes, result, heard = [] } = decided.value;
    if (changes.length > 0) {
      const rows = withChanges(this.#rows, changes);
      try {
        await this.#write(place.revision, rows);
      } catch (error) {
        return refuse("unavailable", `the agent cannot write in ${this.#parts.dataDir}: ${sayWhy(error)}`);
      }
      this.#rows = rows;
      this.#revision = place.revision;
      changed();
    }
    for (const one of heard) this.#sink.heard(SYSTEM_ACCOUNT, one);
    return ok({ commit: null, revision: this.#sink.view.revision, result });
  }

  async #write(revision: number, rows: Rows): Promise<void> {
    const { dataDir } = this.#parts;
    const all = [...eachRow(rows)].map(toPlain);
    const stored: Stored = { rollcall: "agent's own", version: 1, createdAtMs: this.#createdAtMs, revision, rows: all };
    await mkdir(dataDir, { recursive: true });
    const candidate = `${this.#path}.new`;
    const file = await open(candidate, "w", 0o600);
    try {
      await file.write(JSON.stringify(stored));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(candidate, this.#path);
  }

  /** Resolves when what was proposed has come to its end. */
  async close(): Promise<void> {
    await this.#work;
  }
}

function withChanges(rows: Rows, changes: readonly Change[]): Rows {
  const all = new Map<string, Row>();
  for (const row of eachRow(rows)) all.set(nameOf(row), row);
  for (const change of changes) {
    const row = [change.kind, subjectOf(change)] as Row;
    // One that was renamed leaves its old name.
    if (change.before !== null) all.delete(nameOf([change.kind, change.before] as Row));
    if (change.after !== null) all.set(nameOf(row), row);
  }
  return sortRows(all.values());
}

function nameOf(row: Row): string {
  switch (row[0]) {
    case "lease":
      return `lease ${row[1].id}`;
    case "instance":
      return `instance ${row[1].service}/${row[1].id}`;
    case "key":
      return `key ${row[1].key}`;
  }
}
