/**
 * Puts the registry together: a file for what every start needs, and others for what is loaded when it is wanted (a
 * dialect, a command). Packages go in, with their licences; lmdb stays outside, since it brings binaries.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { licencesOf } from "./licences.mjs";

const REGISTRY = "packages/registry";
/** The command line, and what another program imports. */
const ENTRIES = ["bin/rollcall", "bin/embed"];
/** The second one's types, as tsc has written them. */
const TYPES = "bin/embed.d.ts";
const TYPES_FROM = ".cache/registry";
/** Made by another script, see dashboard.mjs. */
const PAGES = /^ui(\.new)?(\/|$)/;
/** What the last bundle was made of. */
const STAMP = ".cache/bundle.json";

/** Bundles when a file that went into it has changed since, and resolves when the program is there. */
export async function bundle(root) {
  const dist = join(root, REGISTRY, "dist");
  const stamp = join(root, STAMP);
  if (ENTRIES.every((entry) => existsSync(join(dist, `${entry}.js`))) && isFresh(root, stamp)) return;
  const startedAt = new Date();
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES.map((entry) => join(REGISTRY, "src", `${entry}.ts`)),
    outbase: join(REGISTRY, "src"),
    outdir: join(REGISTRY, "dist"),
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    external: ["lmdb"],
    // Packages in CommonJS call it for what is part of Node.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [relative(dist, path), contents]));
  files.set(TYPES, typesOf(root));
  files.set("licences.txt", licencesOf(root, Object.keys(metafile.inputs)));
  put(dist, files);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify({ startedAt, inputs: Object.keys(metafile.inputs) }));
}

function isFresh(root, stamp) {
  if (!existsSync(stamp)) return false;
  const { startedAt, inputs } = JSON.parse(readFileSync(stamp, "utf8"));
  const since = Date.parse(startedAt);
  return [...inputs, join(TYPES_FROM, TYPES), "package-lock.json", "scripts/bundle.mjs"].every((input) => {
    const path = join(root, input);
    return existsSync(path) && statSync(path).mtimeMs < since;
  });
}

function typesOf(root) {
  const types = readFileSync(join(root, TYPES_FROM, TYPES), "utf8");
  if (/\bfrom "\./.test(types)) throw new Error(`${TYPES} imports types of ours, which are not packed`);
  return types.replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

/** Entries come last, when all that they load is there; what is no part of the bundle goes. */
function put(dist, files) {
  const isEntry = (name) => name.startsWith("bin/");
  for (const name of [...files.keys()].sort((one, other) => isEntry(one) - isEntry(other))) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    writeFileSync(join(dist, name), files.get(name));
  }
  for (const name of readdirSync(dist, { recursive: true })) {
    const path = join(dist, name);
    if (!PAGES.test(name) && !files.has(name) && existsSync(path) && !statSync(path).isDirectory()) rmSync(path);
  }
}
