/**
 * Who wrote what when, as nodes of hera tell it: for each node its latest word on each instance, by stamp. The stamps of
 * one node only grow, so that whoever has all up to one of them can ask for what came after.
 */

/** A node's latest word on an instance. */
export interface Word {
  readonly service: string;
  readonly id: string;
  readonly stampMs: number;
  /** Until when it is remembered that the instance is gone, in ms that really passed; null while it is there. */
  readonly goneUntilMs: number | null;
}

interface Line extends Word {
  /** Another word has taken its place. */
  isOld: boolean;
}

export function keyOf({ service, id }: Pick<Word, "service" | "id">): string {
  return `${service}/${id}`;
}

/** Ends that are remembered of one node. */
const GONE_MAX = 100_000;
/** Lines that may be old before the others are written anew. */
const OLD_MIN = 1024;

/** The words of one node. */
class Column {
  readonly #byKey = new Map<string, Line>();
  /** In the order of stamps. */
  #lines: Line[] = [];
  #old = 0;
  /** All of its words up to this stamp are known here, or were. */
  lastMs = 0;

  get(key: string): Word | undefined {
    return this.#byKey.get(key);
  }

  put(word: Word): void {
    const key = keyOf(word);
    this.drop(key);
    const line = { ...word, isOld: false };
    this.#byKey.set(key, line);
    const at = this.#find(word.stampMs);
    if (at === this.#lines.length) this.#lines.push(line);
    else this.#lines.splice(at, 0, line);
    this.lastMs = Math.max(this.lastMs, word.stampMs);
  }

  drop(key: string): void {
    const line = this.#byKey.get(key);
    if (line === undefined) return;
    this.#byKey.delete(key);
    line.isOld = true;
    if (++this.#old <= OLD_MIN + this.#byKey.size) return;
    this.#lines = this.#lines.filter(({ isOld }) => !isOld);
    this.#old = 0;
  }

  /** Oldest first. */
  *after(stampMs: number): Iterable<Word> {
    for (let at = this.#find(stampMs); at < this.#lines.length; at++) {
      const line = this.#lines[at] as Line;
      if (!line.isOld) yield line;
    }
  }

  all(): Iterable<Word> {
    return this.#byKey.values();
  }

  /** The place of the first line with a greater stamp. */
  #find(stampMs: number): number {
    let [low, high] = [0, this.#lines.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lines[middle] as Line).stampMs > stampMs) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export class Ledger {
  readonly own: string;
  readonly #columns: ReadonlyMap<string, Column>;

  constructor(own: string, others: Iterable<string>) {
    this.own = own;
    this.#columns = new Map([own, ...others].map((node) => [node, new Column()]));
  }

  knows(node: string): boolean {
    return this.#columns.has(node);
  }

  get nodes(): Iterable<string> {
    return this.#columns.keys();
  }

  get(node: string, key: string): Word | undefined {
    return this.#columns.get(node)?.get(key);
  }

  /** The greatest stamp that is known of a node. */
  lastOf(node: string): number {
    return this.#columns.get(node)?.lastMs ?? 0;
  }

  /** A node's words up to this stamp need not be asked for, although not all are kept here. */
  raise(node: string, stampMs: number): void {
    const column = this.#columns.get(node);
    if (column !== undefined) column.lastMs = Math.max(column.lastMs, stampMs);
  }

  /** Whether a word of this node with this stamp is later than all that is known of the instance: the last writer wins. */
  isNews(node: string, key: string, stampMs: number): boolean {
    for (const [other, column] of this.#columns) {
      const known = column.get(key);
      if (known === undefined) continue;
      if (known.stampMs > stampMs || (known.stampMs === stampMs && other >= node)) return false;
    }
    return true;
  }

  /** Whether the latest word on the instance is that it is gone. */
  isGone(key: string): boolean {
    let latest: Word | undefined;
    for (const column of this.#columns.values()) {
      const word = column.get(key);
      if (word !== undefined && word.stampMs >= (latest?.stampMs ?? 0)) latest = word;
    }
    return latest !== undefined && latest.goneUntilMs !== null;
  }

  put(node: string, word: Word): void {
    this.#columns.get(node)?.put(word);
  }

  /** This node's word, later than all that is known: its stamps only grow, whatever the clock does. */
  stamp(instance: Pick<Word, "service" | "id">, nowMs: number, goneUntilMs: number | null): void {
    const { service, id } = instance;
    const key = keyOf(instance);
    let stampMs = Math.max(Math.floor(nowMs), this.lastOf(this.own) + 1);
    for (const column of this.#columns.values()) stampMs = Math.max(stampMs, (column.get(key)?.stampMs ?? 0) + 1);
    this.put(this.own, { service, id, stampMs, goneUntilMs });
  }

  drop(node: string, key: string): void {
    this.#columns.get(node)?.drop(key);
  }

  after(node: string, stampMs: number): Iterable<Word> {
    return this.#columns.get(node)?.after(stampMs) ?? [];
  }

  all(node: string): Iterable<Word> {
    return this.#columns.get(node)?.all() ?? [];
  }

  /** Forgets who went long ago, and the oldest of too many. */
  forget(nowMs: number): void {
    for (const [node, column] of this.#columns) {
      const gone = [...column.after(0)].filter(({ goneUntilMs }) => goneUntilMs !== null);
      for (const [at, word] of gone.entries())
        if (Number(word.goneUntilMs) < nowMs || gone.length - at > GONE_MAX) this.drop(node, keyOf(word));
    }
  }
}
