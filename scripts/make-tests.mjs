/**
 * Makes JavaScript of all sources and tests, a file of a file, below `.cache/tests` under the path of its source. A
 * process that strips types as it loads spends more on that than most tests take. Only what has changed is made again.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MADE = join(ROOT, ".cache/tests");
/** When each source had changed last as it was made, by its path. */
const STAMP = join(MADE, "made.json");
const FOLDERS = ["packages", "test"];
/** What everything is made by. */
const GROUND = ["scripts/make-tests.mjs", "package-lock.json"];
const OWN_PLACE = /\bimport\.meta\.(url|filename|dirname)\b/g;
const OPTIONS = {
  absWorkingDir: ROOT,
  outbase: ROOT,
  outdir: MADE,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: "linked",
  sourcesContent: false,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};

/** The file that is made of a source; any other path stays. */
export function toMade(path) {
  return /\.ts$/.test(path) ? join(MADE, path.replace(/\.ts$/, ".js")) : path;
}

/** Makes a file that runs what is made of these, each by an import of its own; answers its path. One that does not load fails alone. */
export function makeTogether(name, paths) {
  const path = join(MADE, "together", `${name.replaceAll("/", "-")}.js`);
  const all = paths.map((one) => JSON.stringify(toMade(one))).join(",\n  ");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `import { test } from "node:test";
for (const file of [
  ${all},
])
  await import(file).catch((error) => test(file, () => Promise.reject(error)));
`,
  );
  return path;
}

/** Text with the places of the sources, relative to the repository, instead of those that were made of them. */
export function showSources(text) {
  if (!text.includes(MADE)) return text;
  const places = /(?:file:\/\/)?(\/[^\s:()'"]*?\/\.cache\/tests\/[^\s:()'"]+?)\.js(?::(\d+):(\d+))?/g;
  return text.replace(places, (_, path, line, column) => {
    const source = `${relative(MADE, path)}.ts`;
    if (line === undefined) return source;
    const map = mapOf(`${path}.js`);
    const entry = map?.findEntry(Number(line) - 1, Number(column) - 1);
    return entry?.originalLine === undefined
      ? source
      : `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

const maps = new Map();

function mapOf(path) {
  if (!maps.has(path)) {
    const file = `${path}.map`;
    maps.set(path, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, "utf8"))) : undefined);
  }
  return maps.get(path);
}

/**
 * Resolves when all is made. What cannot be, since it is no TypeScript or imports what is not there, is told on stderr and
 * left out: only tests that need it fail.
 */
export async function makeTests() {
  const sources = new Map(FOLDERS.flatMap(sourcesIn).map((path) => [path, statSync(join(ROOT, path)).mtimeMs]));
  const ground = GROUND.map((path) => statSync(join(ROOT, path)).mtimeMs);
  const former = readStamp(ground);
  for (const path of Object.keys(former)) if (!sources.has(path)) unmake(path);
  const stale = [...sources].filter(([path, mtimeMs]) => former[path] !== mtimeMs).map(([path]) => path);
  const made = new Map(sources);
  if (stale.length > 0)
    for (const path of await compile(stale, sources)) {
      unmake(path);
      made.delete(path);
    }
  if (stale.length > 0 || Object.keys(former).length !== made.size)
    writeFileSync(STAMP, JSON.stringify({ ground, sources: Object.fromEntries(made) }));
}

function unmake(path) {
  for (const end of ["", ".map"]) rmSync(`${toMade(path)}${end}`, { force: true });
}

function sourcesIn(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => join(folder, path))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path));
}

function readStamp(ground) {
  if (!existsSync(STAMP)) return {};
  const stamp = JSON.parse(readFileSync(STAMP, "utf8"));
  return JSON.stringify(stamp.ground) === JSON.stringify(ground) ? stamp.sources : {};
}

/** Answers those that could not be made. */
async function compile(paths, sources) {
  // Loaded only now: most runs have nothing to make.
  const { build } = await import("esbuild");
  const absolute = paths.map((path) => join(ROOT, path));
  const self = new Set(absolute.filter((path) => readFileSync(path, "utf8").search(OWN_PLACE) >= 0));
  mkdirSync(MADE, { recursive: true });
  const plugins = [{ name: "file of file", setup: (made) => setUp(made, self, sources) }];
  try {
    await build({ ...OPTIONS, entryPoints: paths, plugins });
    return [];
  } catch ({ errors = [] }) {
    const bad = new Set(errors.flatMap(({ location }) => location?.file ?? []));
    const rest = paths.filter((path) => !bad.has(path));
    // Nothing is written when there is an error.
    if (bad.size === 0 || rest.length === paths.length) throw new Error("The tests could not be made.");
    return [...bad, ...(rest.length > 0 ? await compile(rest, sources) : [])];
  }
}

/** All imports stay imports: of what is made, and of what is there as it is. A file's own place is that of its source. */
function setUp(made, self, sources) {
  made.onResolve({ filter: /./ }, ({ kind, path, resolveDir }) => {
    if (kind === "entry-point") return undefined;
    if (!path.startsWith(".")) return { path, external: true };
    const target = relative(ROOT, resolve(resolveDir, path));
    if (!path.endsWith(".ts")) return { path: pathToFileURL(join(ROOT, target)).href, external: true };
    if (!sources.has(target)) return { errors: [{ text: `${target} is not there` }] };
    return { path: path.replace(/\.ts$/, ".js"), external: true };
  });
  if (self.size === 0) return;
  made.onLoad({ filter: /\.ts$/ }, ({ path }) => {
    if (!self.has(path)) return undefined;
    const place = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
    const contents = readFileSync(path, "utf8").replace(OWN_PLACE, (_, name) => JSON.stringify(place[name]));
    return { contents, loader: "ts", resolveDir: dirname(path) };
  });
}
