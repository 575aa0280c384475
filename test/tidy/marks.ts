/**
 * Pure is the default. What a file needs of the world (time, chance, sockets, the disk) or does to the registry shows in
 * its first line: `@live`. All others can be tested with values alone, as they import nothing that is live.
 */
import { headOf, importsOf, REGISTRY, type Rule, resolvePath, sources, stripText, type TextFile } from "./files.ts";

/** What no file of the core, of `native/` and of `wire/` does, marked or not: there, time and chance are arguments. */
const IMPURE = /\b(?:Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|Math\.random|process\.\w+)/g;

export const timeIsAnArgument: Rule = (files) =>
  sources(files)
    .filter(({ path }) => /^packages\/registry\/src\/(core\/|native\/|dialects\/[^/]+\/wire\/).*\.ts$/.test(path))
    .flatMap(({ path, text }) =>
      [...stripText(text).matchAll(IMPURE)].map(([word]) => `${path}: ${word} is not an argument`),
    );

const LIVE = [
  IMPURE,
  /\b(?:setImmediate|queueMicrotask|fetch)\(/g,
  /\bclock\.(?:now|monotonic)\b/g,
  /(?:registry|replicator)\.(?:propose|renew|renewMany|follow)\(/gi,
];

/** Modules of Node that are pure, and pure functions of others. */
const PURE_MODULES = ["buffer", "net", "path", "util", "zlib", "crypto", "querystring", "string_decoder", "url"];
const PURE_NAMES: Readonly<Record<string, RegExp>> = {
  net: /^(BlockList|SocketAddress|isIP(v[46])?)$/,
  crypto: /^(?!random|generate)/,
  http: /^(METHODS|STATUS_CODES)$/,
  v8: /^(de)?serialize$/,
};

export function isLive(text: string): boolean {
  return /^\/\*\*\s*(?:\*\s*)?@live\s/.test(headOf(text));
}

/** What is called where commands are decided, anywhere and again. */
const PLAN = /^(?:export )?const \w+: Plan</m;

export const pureIsTheDefault: Rule = (files) => {
  const byPath = new Map(sources(files).map((file) => [file.path, file]));
  return (
    [...byPath.values()]
      // The main is live in all that it does.
      .filter(({ path }) => path.startsWith(REGISTRY) && !path.startsWith(`${REGISTRY}bin/`))
      .flatMap(({ path, text }) => {
        const code = stripText(text);
        if (isLive(text)) return PLAN.test(code) ? [`${path}: a plan is pure, and the file has @live`] : [];
        const words = LIVE.flatMap((pattern) => [...code.matchAll(pattern)].map(([word]) => word));
        const values = isDoor(code) ? [] : liveValues(path, text, byPath);
        return [...new Set([...words, ...values])].map((word) => `${path}: ${word} is live, and the file has no @live`);
      })
  );
};

/** A file that only passes on what others export has no mark: what is got through it is judged by where it comes from. */
function isDoor(code: string): boolean {
  return (
    code
      .replace(/^export [^;=]* from "";$/gm, "")
      .replaceAll('""', "")
      .trim() === ""
  );
}

function liveValues(path: string, text: string, byPath: ReadonlyMap<string, TextFile>): string[] {
  return importsOf(text).flatMap(({ target, values }) =>
    values.filter((name) =>
      target.startsWith(".") ? comesFromLive(resolvePath(path, target), name, byPath) : isLiveModule(target, name),
    ),
  );
}

function isLiveModule(target: string, name: string): boolean {
  if (!target.startsWith("node:")) return false;
  const module = target.slice("node:".length);
  const names = PURE_NAMES[module];
  return names === undefined ? !PURE_MODULES.includes(module) : !names.test(name);
}

function comesFromLive(path: string, name: string, byPath: ReadonlyMap<string, TextFile>): boolean {
  const text = byPath.get(path)?.text;
  if (text === undefined) return false;
  if (isLive(text)) return true;
  if (!isDoor(stripText(text))) return false;
  return importsOf(text).some(({ target, values }) => {
    const from = resolvePath(path, target);
    const isIt = values.includes(name) || (values.includes("*") && declares(byPath.get(from)?.text ?? "", name));
    return isIt && comesFromLive(from, name, byPath);
  });
}

function declares(text: string, name: string): boolean {
  return new RegExp(`^export (?:async )?(?:function\\*?|const|class|let) ${name}\\b`, "m").test(text);
}
