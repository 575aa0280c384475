/**
 * A body of either format, read but not understood yet: texts, lists and branches. Numbers and words stay as they are
 * written, an attribute is a member whose name begins with "@", and the text beside attributes is "$": this is how
 * Eureka writes XML as JSON.
 */

export type Tree = string | null | Branch | readonly Tree[];
/** A Map, so that no name that a client chooses means anything to the language. */
export type Branch = ReadonlyMap<string, Tree>;

/** No client goes deeper than 6. */
export const DEPTH_MAX = 32;

/** How many values one body may hold: one instance, or a whole registry. */
export const VALUES_MAX = { instance: 20_000, batch: 100_000, registry: 20_000_000 } as const;

/** The longest text that V8 copies when it cuts it out of a longer one. */
const CUT_LENGTH_MAX = 12;

/** A text that lives on: one cut out of a body would hold the whole body in memory. */
export function keepText(text: string): string {
  return text.length > CUT_LENGTH_MAX ? ` ${text}`.slice(1) : text;
}

/** Sets a text of any name, also of the one that would set the prototype. */
export function setText(texts: Record<string, string>, name: string, value: string): void {
  if (name !== "__proto__") texts[name] = value;
  else Object.defineProperty(texts, name, { value, enumerable: true, configurable: true, writable: true });
}

export function isBranch(tree: Tree | undefined): tree is Branch {
  return tree instanceof Map;
}

const NO_MEMBERS: Branch = new Map();

/** The members of one branch. One that does not fit is read as if it was absent; `wrong` says in the end what did not. */
export class Fields {
  readonly #branch: Branch;
  readonly #complaints: string[];

  constructor(branch: Branch, complaints: string[] = []) {
    this.#branch = branch;
    this.#complaints = complaints;
  }

  get wrong(): string | undefined {
    return this.#complaints[0];
  }

  has(name: string): boolean {
    const value = this.#branch.get(name);
    return value !== undefined && value !== null;
  }

  isBranch(name: string): boolean {
    return isBranch(this.#branch.get(name));
  }

  text(name: string): string | undefined {
    const text = this.#scalar(name);
    return text === undefined ? undefined : keepText(text);
  }

  /** A whole number, as digits or as a text of digits. Blank is absent. */
  whole(name: string): number | undefined {
    const text = this.#scalar(name)?.trim();
    if (text === undefined || text === "") return undefined;
    const value = toWhole(text);
    if (value === undefined) this.complain(`${name} is not a number`);
    return value;
  }

  /** A number that a registration does without: one that cannot be read is absent, as for the original. */
  looseWhole(name: string): number | undefined {
    const text = this.#scalar(name);
    return text === undefined ? undefined : toWhole(text.trim());
  }

  /** true or false, in any case, or 1 or 0. Blank is absent. */
  flag(name: string): boolean | undefined {
    const text = this.#scalar(name)?.trim().toLowerCase();
    if (text === undefined || text === "") return undefined;
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    this.complain(`${name} is neither true nor false`);
    return undefined;
  }

  /** The branch of this name. A blank text is an empty one. */
  branch(name: string): Fields | undefined {
    const value = this.#branch.get(name);
    if (value === undefined || value === null) return undefined;
    if (isBranch(value)) return new Fields(value, this.#complaints);
    if (typeof value !== "string" || value.trim() !== "") this.complain(`${name} is not an object`);
    return new Fields(NO_MEMBERS, this.#complaints);
  }

  /** The list of this name; one thing is a list of one. */
  list(name: string): readonly Tree[] {
    const value = this.#branch.get(name);
    if (value === undefined || value === null) return [];
    if (typeof value === "string" && value.trim() === "") return [];
    return Array.isArray(value) ? value : [value as Tree];
  }

  /** All members but attributes, as texts. */
  texts(): Record<string, string> {
    const texts: Record<string, string> = {};
    for (const [name, value] of this.#branch) {
      if (value === null || name === "@class") continue;
      if (name === "class" && value === EMPTY_MAP) continue;
      const text = this.text(name);
      if (text !== undefined) setText(texts, keepText(name), text);
    }
    return texts;
  }

  #scalar(name: string): string | undefined {
    const value = this.#branch.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    const inside = isBranch(value) ? textBesideAttributes(value) : undefined;
    if (inside === undefined) this.complain(`${keepText(name.slice(0, 64))} is not a text`);
    return inside;
  }

  /** Only the first complaint counts. */
  complain(detail: string): void {
    if (this.#complaints.length === 0) this.#complaints.push(detail);
  }
}

function toWhole(text: string): number | undefined {
  if (!/^[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?$/.test(text)) return undefined;
  const value = Math.trunc(Number(text));
  // There is no minus zero on the wire.
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** Java's class of an empty map, which is not metadata. */
export const EMPTY_MAP = "java.util.Collections$EmptyMap";

function textBesideAttributes(branch: Branch): string | undefined {
  for (const name of branch.keys()) if (name !== "$" && !name.startsWith("@")) return undefined;
  const text = branch.get("$") ?? "";
  return typeof text === "string" ? text : undefined;
}
