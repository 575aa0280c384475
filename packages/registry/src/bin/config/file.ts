/** Reads the configuration file: YAML, bounded, every value with the line it stands on. */
import { readFileSync } from "node:fs";
import { type Document, LineCounter, parseDocument } from "yaml";
import { sayWhy } from "../../net/why.ts";
import { type Outcome, ok } from "../../outcome.ts";

export interface FileEntry {
  /** Path with dots: `protection.windowMs`. */
  readonly key: string;
  readonly value: unknown;
  /** For messages: `rollcall.yaml line 3`. */
  readonly place: string;
}

export interface ReadFile {
  readonly entries: readonly FileEntry[];
  readonly problems: readonly string[];
}

const FILE_BYTES_MAX = 1024 * 1024;
/** Sections that are passed on whole: their keys are names, not settings. */
const WHOLE = new Set(["accounts", "tokens", "layouts", "dialectSettings"]);

/** Undefined when the file is not there. */
export function readConfigFile(path: string): ReadFile | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  return text.ok ? parseConfigText(text.value, path) : { entries: [], problems: text.problems };
}

type Read<T> = Outcome<T, { readonly problems: readonly string[] }>;

function readText(path: string): Read<string> | undefined {
  try {
    const text = readFileSync(path, "utf8");
    if (text.length <= FILE_BYTES_MAX) return ok(text);
    return { ok: false, problems: [`${path}: is longer than ${FILE_BYTES_MAX} bytes`] };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    return { ok: false, problems: [`${path}: cannot be read: ${sayWhy(error)}`] };
  }
}

/** The map in a YAML file that is no configuration of ours. */
export function readMap(path: string): Read<Readonly<Record<string, unknown>>> {
  const text = readText(path) ?? { ok: false, problems: [`${path}: there is no such file`] };
  if (!text.ok) return text;
  const parsed = parseMap(text.value, path);
  return parsed.ok ? ok(parsed.value.root) : parsed;
}

export function parseConfigText(text: string, path: string): ReadFile {
  const parsed = parseMap(text, path);
  if (!parsed.ok) return { entries: [], problems: parsed.problems };
  const { root, document, lines } = parsed.value;
  return { entries: flatten(root, [], (keys) => `${path}${lineOf(document, lines, keys)}`), problems: [] };
}

interface Parsed {
  readonly root: Readonly<Record<string, unknown>>;
  readonly document: Document;
  readonly lines: LineCounter;
}

function parseMap(text: string, path: string): Read<Parsed> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      // After a colon the parser quotes the text where it failed, which may be a secret.
      (error) => `${path} line ${lines.linePos(error.pos[0]).line}: ${error.message.replace(/: .*/s, "")}`,
    );
    return { ok: false, problems };
  }
  let root: unknown;
  try {
    root = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    return { ok: false, problems: [`${path}: ${(error as Error).message}`] };
  }
  return isMap(root) ? ok({ root, document, lines }) : { ok: false, problems: [`${path}: must be a map of settings`] };
}

/** Settings that a program gives as an object of the file's shape. */
export function toEntries(settings: Readonly<Record<string, unknown>>): ReadFile {
  return { entries: flatten(settings, [], () => "settings"), problems: [] };
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function flatten(
  map: Readonly<Record<string, unknown>>,
  above: readonly string[],
  place: (keys: readonly string[]) => string,
): FileEntry[] {
  return Object.entries(map).flatMap(([name, value]) => {
    const keys = [...above, name];
    // A section that is there but empty ("tls:") says nothing.
    if (value === null || value === undefined) return [];
    if (isMap(value) && !(above.length === 0 && WHOLE.has(name))) return flatten(value, keys, place);
    return [{ key: keys.join("."), value, place: place(keys) }];
  });
}

function lineOf(document: Document, lines: LineCounter, keys: readonly string[]): string {
  const node = document.getIn(keys, true) as { range?: [number, number, number] } | undefined;
  return node?.range ? ` line ${lines.linePos(node.range[0]).line}` : "";
}
