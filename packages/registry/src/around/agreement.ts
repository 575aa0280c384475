/**
 * What must be the same at all nodes of a registry, and is not: each tells the others hashes of its own settings and of
 * files that it serves, and compares. Nothing is refused for a difference, as settings change at one node after the other.
 */
import { createHmac } from "node:crypto";
import type { Nodes } from "../core/index.ts";

/** A node at which settings are others than here, with their names, sorted. */
export interface Difference {
  readonly node: string;
  readonly settings: readonly string[];
}

export interface AgreementOptions {
  readonly nodes: Nodes;
  /** The name of the order, where all have one: what is hashed cannot be looked up in a table. */
  readonly line: string;
  monotonic(): number;
  /** Called when a node's differences become others; with no settings when it agrees again. */
  onChange(difference: Difference): void;
}

type Prints = ReadonlyMap<string, string>;

const CHANNEL = "house/agreement";
/** Of a setting's name in a message; more are cut. */
const NAME_LENGTH_MAX = 300;
const NAMES_MAX = 5000;
const PRINT_LENGTH = 16;

/** How often each node tells, at least. */
export const TELL_MS = 5000;
/** A node that has not told for so long is gone. */
const GOOD_MS = 4 * TELL_MS;

export class Agreement {
  readonly #options: AgreementOptions;
  readonly #parts = new Map<string, Prints>();
  readonly #others = new Map<string, { readonly prints: Prints; readonly atMs: number }>();
  /** By node, the settings that were told of last. */
  readonly #told = new Map<string, string>();
  readonly #deafen: () => void;

  constructor(options: AgreementOptions) {
    this.#options = options;
    this.#deafen = options.nodes.on(CHANNEL, (bytes, from) => this.#hear(bytes, from));
  }

  /** What is so here from now on, by the names of settings; in place of what `part` said before. */
  set(part: string, values: Readonly<Record<string, unknown>>): void {
    const prints = new Map<string, string>();
    for (const [name, value] of Object.entries(values).slice(0, NAMES_MAX))
      if (value !== undefined) prints.set(name.slice(0, NAME_LENGTH_MAX), this.#print(value));
    this.#parts.set(part, prints);
    this.tell();
    this.#compare();
  }

  #print(value: unknown): string {
    return createHmac("sha256", this.#options.line).update(toSorted(value)).digest("hex").slice(0, PRINT_LENGTH);
  }

  /** Tells the others; to be called at least every `TELL_MS`. */
  tell(): void {
    const { nodes, monotonic } = this.#options;
    nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify([...this.#own()])));
    for (const [node, { atMs }] of this.#others) if (monotonic() - atMs > GOOD_MS) this.#forget(node);
  }

  /** By node. */
  get differences(): readonly Difference[] {
    const found: Difference[] = [];
    for (const [node, { prints }] of this.#others) {
      const settings = differing(this.#own(), prints);
      if (settings.length > 0) found.push({ node, settings });
    }
    return found.sort((one, other) => (one.node < other.node ? -1 : 1));
  }

  close(): void {
    this.#deafen();
  }

  #own(): Prints {
    return new Map([...this.#parts.values()].flatMap((prints) => [...prints]));
  }

  #hear(bytes: Uint8Array, from: string): void {
    const prints: Prints = new Map(JSON.parse(Buffer.from(bytes).toString()) as [string, string][]);
    const isNew = !this.#others.has(from);
    this.#others.set(from, { prints, atMs: this.#options.monotonic() });
    // A newcomer need not wait to find out.
    if (isNew) this.tell();
    this.#compare();
  }

  #forget(node: string): void {
    this.#others.delete(node);
    this.#told.delete(node);
  }

  #compare(): void {
    const own = this.#own();
    for (const [node, { prints }] of this.#others) {
      const settings = differing(own, prints);
      const text = settings.join("\n");
      if ((this.#told.get(node) ?? "") === text) continue;
      this.#told.set(node, text);
      this.#options.onChange({ node, settings });
    }
  }
}

function differing(one: Prints, other: Prints): readonly string[] {
  const names = new Set([...one.keys(), ...other.keys()]);
  return [...names].filter((name) => one.get(name) !== other.get(name)).sort();
}

/** The same text for the same value, in whichever order its members were written. */
function toSorted(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
