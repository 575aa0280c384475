/**
 * Makes files of the dashboard, for the registry's package: the page, and what it loads under names with a hash. Beside each
 * lies what is sent to browsers that take gzip or brotli. Nothing is done when nothing has changed.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { licencesOf, SIDE } from "./licences.mjs";

const SOURCE = "packages/dashboard";
const PLACE = "packages/registry/dist/ui";
/** The hash of what the last files were made of. */
const STAMP = ".cache/dashboard.txt";
const BASE = "/ui/assets";

export async function bundleDashboard(root) {
  const hash = hashOf(root);
  const stamp = join(root, STAMP);
  const place = join(root, PLACE);
  if (existsSync(join(place, "index.html")) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  const files = await make(root);
  put(place, files);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

/** Of the sources, the client that goes in, the packages' versions and this script. */
function hashOf(root) {
  const hash = createHash("sha256");
  for (const folder of [SOURCE, "packages/client/dist"])
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort()) {
      if (!/\.(tsx?|css|html|svg|js)$/.test(name) || /\.test\.ts$/.test(name) || name.includes("node_modules"))
        continue;
      hash.update(`${name}\0`).update(readFileSync(join(root, folder, name)));
    }
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const name of ["preact", "@preact/signals", "@preact/signals-core", "diff", "esbuild"])
    hash.update(`${name} ${packages[`node_modules/${name}`]?.version}\n`);
  return hash.update(readFileSync(join(root, "scripts/dashboard.mjs"))).digest("hex");
}

/** Path below `ui/` -> contents. */
async function make(root) {
  // Loaded only now: most starts have nothing to make.
  const { build } = await import("esbuild");
  const options = {
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: ["chrome111", "firefox113", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
    entryNames: "[name]-[hash]",
    outdir: join(root, PLACE, "assets"),
    write: false,
    metafile: true,
    logLevel: "warning",
  };
  const entry = (name) => join(SOURCE, "src", name);
  const stream = await build({ ...options, entryPoints: { stream: entry("data/worker.ts") } });
  const streamName = basename(stream.outputFiles[0].path);
  const page = await build({
    ...options,
    entryPoints: { page: entry("page.tsx"), style: entry("styles/index.css") },
    define: { STREAM_URL: JSON.stringify(`${BASE}/${streamName}`) },
  });
  const icon = readFileSync(join(root, entry("icon.svg")));
  const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
  const assets = new Map(
    [...stream.outputFiles, ...page.outputFiles].map(({ path, contents }) => [basename(path), contents]),
  );
  assets.set(iconName, icon);
  const find = (start, end) =>
    `${BASE}/${[...assets.keys()].find((name) => name.startsWith(start) && name.endsWith(end))}`;
  const names = { script: find("page-", ".js"), style: find("style-", ".css"), icon: `${BASE}/${iconName}` };
  const html = readFileSync(join(root, entry("index.html")), "utf8").replace(
    /\{\{(\w+)\}\}/g,
    (_, name) => names[name],
  );
  const files = new Map([...assets].map(([name, contents]) => [`assets/${name}`, contents]));
  files.set("licences.txt", licencesOf(root, Object.keys(page.metafile.inputs), SIDE));
  return files.set("index.html", html);
}

/** Written beside, and put in its place as a whole. */
function put(place, files) {
  const fresh = `${place}.new`;
  rmSync(fresh, { recursive: true, force: true });
  for (const [name, contents] of files) {
    const path = join(fresh, name);
    const bytes = Buffer.from(contents);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    if (name === "licences.txt") continue;
    const text = { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT, [constants.BROTLI_PARAM_QUALITY]: 11 };
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: text }));
  }
  rmSync(place, { recursive: true, force: true });
  renameSync(fresh, place);
}
