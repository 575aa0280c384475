/** What rules look at: the repository's files as text, what they import, and their text without words for people. */
import { posix } from "node:path";

export interface TextFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** One sentence per breach, beginning with the file's path. */
export type Rule = (files: readonly TextFile[]) => string[];

export const REGISTRY = "packages/registry/src/";

export interface Import {
  readonly target: string;
  /** The names of the values; `*` for all of them. None when only types are imported. */
  readonly values: readonly string[];
}

/** Every module that a file names in an import or export. */
export function importsOf(text: string): Import[] {
  const statements = text.matchAll(/^(?:import|export)( type)? ([\w{*][^;"=]*) from "([^"]+)";/gm);
  const plain = text.matchAll(/^import "([^"]+)";/gm);
  const calls = text.matchAll(/\bimport\("([^"]+)"\)/g);
  return [
    ...[...statements].map(([, type, names = "", target = ""]) => ({
      target,
      values: type === undefined ? valuesOf(names) : [],
    })),
    ...[...plain, ...calls].map(([, target = ""]) => ({ target, values: ["*"] })),
  ];
}

/** `a, { type B, c as d }` -> `default`, `c`. */
function valuesOf(names: string): string[] {
  const [, before = "", braces] = /^([^{]*)(?:\{([^}]*)\})?/.exec(names) ?? [];
  const whole = before.includes("*") ? ["*"] : before.trim().replace(",", "") === "" ? [] : ["default"];
  const single = (braces ?? "").split(",").map((name) => name.trim().replace(/ as .*/, ""));
  return [...whole, ...single.filter((name) => name !== "" && !name.startsWith("type "))];
}

export function resolvePath(path: string, target: string): string {
  return posix.normalize(posix.join(posix.dirname(path), target));
}

/** The text without comments and string contents, line by line. Template texts go too, their expressions stay. */
export function stripText(text: string): string {
  return text.replace(TOKEN, (found) => {
    if (!found.startsWith("`")) return `""${found.replace(/[^\n]/g, "")}`;
    return [...found.matchAll(/\$\{((?:[^{}]|\{[^{}]*\})*)\}/g)].map((match) => match[1]).join(" ");
  });
}

/** The comments alone. */
export function commentsOf(text: string): string[] {
  return [...text.matchAll(TOKEN)].map(([found]) => found).filter((found) => /^\/[/*]/.test(found));
}

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|\$\{(?:[^{}`]|\{[^{}]*\}|`[^`]*`)*\}|[^`\\])*`|(?<=[(,=:;!&|?{}\n]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*[])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*\/[a-z]*/g;

/** The comment that a file begins with. */
export function headOf(text: string): string {
  return /^(?:#![^\n]*\n)?(\/\*\*[\s\S]*?\*\/)/.exec(text)?.[1] ?? "";
}

export function found(path: string, text: string, pattern: RegExp, why: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const match = pattern.exec(line);
    return match === null ? [] : [`${path}:${index + 1}: ${match[0].trim()}: ${why}`];
  });
}

/** What is built: no tests. */
export function sources(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(path) && !isTest(path));
}

/** Tests of pure rooms, and their rigs, lie beside the source. */
export function isTest(path: string): boolean {
  return /(\.test|-rig)\.ts$/.test(path);
}

export function code(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => /\.(tsx?|mjs|sh)$/.test(path) && !path.startsWith("test/tidy/"));
}

export function pages(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => path.endsWith(".md"));
}

/** Names of the folders in dialects/. */
export function dialectsOf(files: readonly TextFile[]): string[] {
  const names = files.map(({ path }) => /^packages\/registry\/src\/dialects\/([^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}
