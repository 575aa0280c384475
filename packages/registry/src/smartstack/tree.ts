/**
 * A file of JSON or YAML with the line of everything in it, and the reading of its fields: what is wrong is said with file,
 * line and reason, a key twice and a key that is not known among it. Pure.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { type Outcome, ok } from "../core/index.ts";
import type { Problems } from "./config.ts";

const FILE_LENGTH_MAX = 4 * 1024 * 1024;

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A value where it stands. */
export type Node =
  | { readonly kind: "map"; readonly line: number; readonly fields: ReadonlyMap<string, Field> }
  | { readonly kind: "list"; readonly line: number; readonly items: readonly Node[] }
  | { readonly kind: "value"; readonly line: number; readonly value: string | number | boolean | null };

export interface Field {
  /** Of the key. */
  readonly line: number;
  readonly node: Node;
}

export function readTree(text: string, file: string): Outcome<Node, Problems> {
  if (text.length > FILE_LENGTH_MAX)
    return { ok: false, problems: [`${file}: is longer than ${FILE_LENGTH_MAX} characters`] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  if (document.errors.length > 0)
    return {
      ok: false,
      // After a colon the parser quotes the text where it failed, which may be a secret.
      problems: document.errors.map(({ pos, message }) => `${file}:${lineAt(pos[0])}: ${message.replace(/: .*/s, "")}`),
    };
  const problems: string[] = [];
  const root = toNode(document.contents, lineAt, (line, what) => problems.push(`${file}:${line}: ${what}`));
  return problems.length > 0 ? { ok: false, problems } : ok(root);
}

function toNode(given: unknown, lineAt: (offset: number) => number, say: (line: number, what: string) => void): Node {
  const line = lineAt((given as { range?: [number, number, number] } | null)?.range?.[0] ?? 0);
  if (isSeq(given)) return { kind: "list", line, items: given.items.map((item) => toNode(item, lineAt, say)) };
  if (isMap(given)) {
    const fields = new Map<string, Field>();
    for (const { key, value } of given.items) {
      const node = toNode(value, lineAt, say);
      const keyLine = toNode(key, lineAt, say).line;
      const name = isScalar(key) ? String(key.value) : "";
      const before = fields.get(name);
      if (before !== undefined) say(keyLine, `${JSON.stringify(name)} is there twice: first on line ${before.line}`);
      fields.set(name, { line: keyLine, node });
    }
    return { kind: "map", line, fields };
  }
  const value = isScalar(given) ? given.value : null;
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return { kind: "value", line, value };
  say(line, "this is no value that can be read here");
  return { kind: "value", line, value: null };
}

/** What was found wrong, and what does not carry over, of one or several files. */
export class Findings {
  readonly problems: string[] = [];
  readonly notes: string[] = [];
}

/** A map of a file as it is read, field by field. What was asked for is known; `end` says what is not. */
export class Section {
  readonly file: string;
  readonly line: number;
  readonly #name: string;
  readonly #findings: Findings;
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #known = new Set<string>();

  /** `name` for people, such as `services.db`; empty at the top. */
  constructor(node: Node, file: string, name: string, findings: Findings) {
    this.file = file;
    this.line = node.line;
    this.#name = name;
    this.#findings = findings;
    this.#fields = node.kind === "map" ? node.fields : new Map();
    if (node.kind !== "map") this.#say(findings.problems, node.line, `${name || "the file"} must be a map`);
  }

  has(key: string): boolean {
    return this.#fields.has(key);
  }

  keys(): readonly string[] {
    return [...this.#fields.keys()];
  }

  lineOf(key: string): number {
    return this.#fields.get(key)?.line ?? this.line;
  }

  /** Refuses what stands there. */
  refuse(key: string, why: string): void {
    this.#say(this.#findings.problems, this.lineOf(key), `${this.#path(key)} ${why}`);
  }

  /** Says that this part does not carry over, where it is given. */
  drop(key: string, why: string): void {
    this.#known.add(key);
    if (this.has(key))
      this.#say(this.#findings.notes, this.lineOf(key), `${this.#path(key)} does not carry over: ${why}`);
  }

  /** The same of all that is there: what it says beside this key is not looked at. */
  leave(key: string, why: string): void {
    for (const one of this.keys()) this.#known.add(one);
    this.drop(key, why);
  }

  /** A remark on what does carry over. */
  note(key: string, what: string): void {
    this.#say(this.#findings.notes, this.lineOf(key), `${this.#path(key)}: ${what}`);
  }

  text(key: string, fallback = ""): string {
    const value = this.#value(key);
    if (value === undefined) return fallback;
    if (typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    this.refuse(key, "must be text");
    return fallback;
  }

  /** A text that must be there. */
  needed(key: string): string {
    const { problems } = this.#findings;
    const before = problems.length;
    const text = this.text(key);
    if (text === "" && problems.length === before) this.refuse(key, this.has(key) ? "must not be empty" : "is missing");
    return text;
  }

  number(key: string, fallback: number, min: number, max: number): number {
    const value = this.#value(key);
    if (value === undefined) return fallback;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && number >= min && number <= max) return number;
    this.refuse(key, `must be a number from ${min} to ${max}`);
    return fallback;
  }

  port(key: string, fallback: number): number {
    const port = this.number(key, fallback, 0, 65_535);
    if (Number.isInteger(port)) return port;
    this.refuse(key, "must be a whole number");
    return fallback;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#value(key);
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    this.refuse(key, "must be true or false");
    return fallback;
  }

  /** One of these words; undefined when it is left out or wrong. */
  word<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found === undefined) this.refuse(key, `must be one of ${words.join(", ")}`);
    return found;
  }

  texts(key: string): readonly string[] {
    return this.items(key).flatMap((item) => {
      if (item.kind === "value" && item.value !== null) return [String(item.value)];
      this.#say(this.#findings.problems, item.line, `${this.#path(key)} must be a list of texts`);
      return [];
    });
  }

  /** A text, or a list of them. */
  oneOrMore(key: string): readonly string[] {
    return this.#node(key)?.kind === "list" ? this.texts(key) : [this.text(key)].filter((text) => text !== "");
  }

  items(key: string): readonly Node[] {
    const node = this.#node(key);
    if (node === undefined) return [];
    if (node.kind === "list") return node.items;
    this.refuse(key, "must be a list");
    return [];
  }

  /** The section below this key; undefined when it is left out. */
  section(key: string): Section | undefined {
    const node = this.#node(key);
    return node === undefined ? undefined : new Section(node, this.file, this.#path(key), this.#findings);
  }

  /** The same, with nothing in it when it is left out. */
  sectionOf(key: string): Section {
    const empty: Node = { kind: "map", line: this.line, fields: new Map() };
    return this.section(key) ?? new Section(empty, this.file, this.#path(key), this.#findings);
  }

  /** Sections in a list, or one for each name of this section. */
  sections(key: string): readonly Section[] {
    return this.items(key).map((node, at) => new Section(node, this.file, `${this.#path(key)}[${at}]`, this.#findings));
  }

  each(): readonly (readonly [name: string, section: Section])[] {
    return this.keys().map((key) => [key, this.section(key) as Section] as const);
  }

  /** The texts of a map, such as labels. */
  map(key: string): Readonly<Record<string, string>> {
    const below = this.section(key);
    return below === undefined ? {} : Object.fromEntries(below.keys().map((name) => [name, below.text(name)]));
  }

  /** Lists of lines by name. */
  lists(key: string): Readonly<Record<string, readonly string[]>> {
    const below = this.section(key);
    return below === undefined ? {} : Object.fromEntries(below.keys().map((name) => [name, below.texts(name)]));
  }

  /** Says what nobody asked for. */
  end(): void {
    for (const key of this.#fields.keys())
      if (!this.#known.has(key))
        this.refuse(key, `is no key that is known here; known are ${[...this.#known].sort().join(", ")}`);
  }

  #node(key: string): Node | undefined {
    this.#known.add(key);
    const node = this.#fields.get(key)?.node;
    return node?.kind === "value" && node.value === null ? undefined : node;
  }

  #value(key: string): string | number | boolean | undefined {
    const node = this.#node(key);
    if (node === undefined) return undefined;
    if (node.kind === "value") return node.value ?? undefined;
    this.refuse(key, "must be a single value");
    return undefined;
  }

  #path(key: string): string {
    return [this.#name, key].filter((part) => part !== "").join(".");
  }

  #say(to: string[], line: number, what: string): void {
    to.push(`${this.file}:${line}: ${what}`);
  }
}

/** The section that a whole file is; undefined when it cannot be read. */
export function openFile({ path, text }: SourceFile, findings: Findings): Section | undefined {
  const tree = readTree(text, path);
  if (tree.ok) return new Section(tree.value, path, "", findings);
  findings.problems.push(...tree.problems);
  return undefined;
}

/** Where more files are, one for each service; undefined when the file says none, or cannot be read. */
export function findServiceFolder(file: SourceFile): string | undefined {
  return openFile(file, new Findings())?.text("service_conf_dir") || undefined;
}

/** The service that such a file is about. */
export function serviceOfFile(path: string): string {
  return path.replace(/.*\//, "").replace(/\.(?:json|ya?ml)$/, "");
}

/** Places as `host:port`, one at least. */
export function readHosts(section: Section, key: string): readonly string[] {
  const hosts = section.texts(key);
  if (hosts.length === 0) section.refuse(key, section.has(key) ? "must not be empty" : "is missing");
  for (const host of hosts) if (!/^[^/\s]+:\d+$/.test(host)) section.refuse(key, `has ${host}, which is no host:port`);
  return hosts;
}

/** Services of one file and of files of their own; one that is there twice is refused. */
export function servicesOf(
  top: Section,
  more: readonly SourceFile[],
  findings: Findings,
): readonly (readonly [name: string, section: Section])[] {
  const own = top.section("services")?.each() ?? [];
  const others = more.flatMap((file) => {
    const section = openFile(file, findings);
    return section === undefined ? [] : [[serviceOfFile(file.path), section] as const];
  });
  top.text("service_conf_dir");
  const places = new Map<string, string>();
  for (const [name, { file, line }] of [...own, ...others]) {
    const before = places.get(name);
    if (before !== undefined) findings.problems.push(`${file}:${line}: service ${name} is there already: ${before}`);
    places.set(name, `${file}:${line}`);
  }
  return [...own, ...others];
}
