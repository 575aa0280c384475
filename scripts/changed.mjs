/** Which tests a change can reach: by what they import, by the program that they start, by the files that they name. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { ROOT } from "./steps.mjs";

const PROGRAM = "packages/registry/src/bin/rollcall.ts";
/** Its imports of dialects are late: who reads the list loads none of them. */
const DIALECTS = "packages/registry/src/bin/dialects.ts";
/** Changes of these reach every test. */
const GROUND = /^(.*\/)?(package(-lock)?|tsconfig(\.\w+)?)\.json$|^scripts\/(steps|make-tests|run-tests|test)\.mjs$/;
const TEST = /^(packages|test)\/.*\.test\.ts$/;
const DASHBOARD = /^packages\/dashboard\//;
const CODE = /\.(ts|mjs)$/;

/** Uncommitted and new files, or all that changed since a revision. Throws what git says against the revision. */
export function changedFiles(revision = "HEAD") {
  const git = (...args) => execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: "pipe" }).split("\0");
  const changed = git("diff", "--name-only", "--no-renames", "-z", revision, "--");
  const fresh = git("ls-files", "-z", "--others", "--exclude-standard");
  return [...new Set([...changed, ...fresh])].filter((path) => path !== "").sort();
}

/** The text of every file of the repository that is code. */
export function readCode() {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.ts", "*.mjs"];
  const paths = execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).split("\0");
  const texts = new Map();
  for (const path of paths.filter(Boolean)) {
    try {
      texts.set(path, readFileSync(join(ROOT, path), "utf8"));
    } catch (error) {
      // Deleted, but not yet committed.
      if (error.code !== "ENOENT") throw error;
    }
  }
  return texts;
}

/** Test -> why the change reaches it, in a few words. `texts` are those of all code, by path. */
export function reachedTests(texts, changed) {
  const graph = new Map([...texts].map(([path, text]) => [path, targetsOf(path, text, texts)]));
  const tests = [...texts.keys()].filter((path) => TEST.test(path)).sort();
  const facts = new Map(tests.map((test) => [test, factsOf(test, graph, texts)]));
  const program = reachable(PROGRAM, graph);
  const isLoaded = (file) => program.has(file) || !texts.has(file);
  return new Map(
    tests.flatMap((test) => {
      const reasons = changed.map((file) => reasonFor(file, test, facts.get(test), isLoaded(file)));
      const why = reasons.find((reason) => reason !== undefined);
      return why === undefined ? [] : [[test, why]];
    }),
  );
}

function factsOf(test, graph, texts) {
  const rooms = reachable(test, graph, DIALECTS);
  const own = [...rooms].filter(
    (path) => path === test || (path.startsWith("test/") && !path.startsWith("test/harness/")),
  );
  const said = own.map((path) => texts.get(path) ?? "").join("\n");
  const starts = /\b(startRollcall|PROGRAM)\b/.test(said);
  return { rooms, said, starts, loads: rooms.has(DIALECTS), all: /\bDIALECTS\b/.test(texts.get(test)) };
}

function reasonFor(file, test, { rooms, said, starts, loads, all }, isLoaded) {
  if (GROUND.test(file)) return `everything rests on ${file}`;
  if (DASHBOARD.test(file) && /^test\/dashboard\//.test(test)) return `opens the page of ${file}`;
  if (rooms.has(file)) return file === test ? "changed" : `imports ${file}`;
  const [, dialect] = /^packages\/registry\/src\/dialects\/([^/]+)\//.exec(file) ?? [];
  if (dialect !== undefined) {
    if (!isLoaded || !(starts || loads)) return undefined;
    if (test.startsWith(`test/${dialect}/`)) return `tests the dialect of ${file}`;
    // All who start the program speak its native API.
    if (dialect === "http" && starts) return `starts the program with ${file}`;
    return all || new RegExp(`\\b${dialect}\\b`).test(said) ? `names the dialect of ${file}` : undefined;
  }
  if (CODE.test(file) && !file.startsWith("examples/"))
    return isLoaded && starts ? `starts the program with ${file}` : undefined;
  return [posix.basename(file), posix.basename(posix.dirname(file))].some((word) => names(said, word))
    ? `names ${file} or its folder`
    : undefined;
}

/** Whether a string of the text is the word, or a path with it. */
function names(said, word) {
  return word !== "." && new RegExp(`["'\`/]${word.replaceAll(".", "\\.")}["'\`/]`).test(said);
}

/** The files that strings name: imports of values, also of those that come late, and files that are started. */
function targetsOf(path, text, texts) {
  const values = text.replace(/^(?:import|export) type [^;"=]* from "[^"]+";/gm, "");
  const strings = values.matchAll(/["`]((?:[\w.-]+\/)*[\w.-]+\.(?:ts|mjs))["`]/g);
  const targets = [...strings].map(([, target]) => target);
  return [
    ...targets.map((target) => posix.join(posix.dirname(path), target)),
    ...targets.filter((target) => texts.has(target)),
    ...(values.includes('"@rollcall/client"') ? ["packages/client/src/index.ts"] : []),
  ];
}

/** The file and all that it reaches, except through `closed`. */
function reachable(from, graph, closed) {
  const seen = new Set([from]);
  for (const path of seen) if (path !== closed) for (const target of graph.get(path) ?? []) seen.add(target);
  return seen;
}
