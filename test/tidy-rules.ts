/** The house rules as pure functions: files in, breaches out. tidy.test.ts runs them on the repository and on samples. */
import { posix } from "node:path";

export interface TextFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** One sentence per breach, beginning with the file's path. */
export type Rule = (files: readonly TextFile[]) => string[];

const REGISTRY = "packages/registry/src/";

/** What each folder may import: folders of the registry, `node:` modules, packages. First match wins. */
const DIRECTIONS: readonly {
  readonly from: RegExp;
  readonly folders: (path: string) => readonly string[];
  readonly node: boolean;
  readonly packages: readonly string[] | "any";
}[] = [
  { from: /^outcome\.ts$/, folders: () => [], node: false, packages: [] },
  { from: /^core\//, folders: () => ["core/", "outcome.ts"], node: false, packages: ["sorted-btree"] },
  { from: /^net\//, folders: () => ["net/", "outcome.ts"], node: true, packages: "any" },
  { from: /^around\//, folders: () => ["core/index.ts", "around/"], node: true, packages: "any" },
  { from: /^dialects\/contract\.ts$/, folders: () => ["core/index.ts", "net/"], node: true, packages: "any" },
  {
    from: /^dialects\/[^/]+\//,
    folders: (path) => ["core/index.ts", "net/", "dialects/contract.ts", ownFolder(path)],
    node: true,
    packages: "any",
  },
  { from: /^records\//, folders: () => ["core/index.ts", "records/"], node: true, packages: [] },
  {
    from: /^replicators\/[^/]+\//,
    folders: (path) => ["core/index.ts", "net/", "records/", ownFolder(path)],
    node: true,
    packages: "any",
  },
  { from: /^bin\//, folders: () => [""], node: true, packages: "any" },
];

/** Packages that belong to one place. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  commander: ["bin/"],
  lmdb: ["replicators/embedded/"],
  "prom-client": ["around/"],
  "sorted-btree": ["core/"],
  yaml: ["bin/"],
};

function ownFolder(path: string): string {
  return `${path.split("/").slice(0, 2).join("/")}/`;
}

/** Every module that a file names in an import or export. */
export function importsOf(text: string): string[] {
  const statements = text.matchAll(/^(?:import "|(?:import|export) (?:type )?[\w{*][^;"=]* from ")([^"]+)";/gm);
  const calls = text.matchAll(/\bimport\("([^"]+)"\)/g);
  return [...statements, ...calls].map((match) => match[1] ?? "");
}

export const importsPointInward: Rule = (files) =>
  sources(files).flatMap(({ path, text }) =>
    importsOf(text).flatMap((target) => {
      const wrong = path.startsWith("packages/client/")
        ? judgeClient(path, target)
        : path.startsWith(REGISTRY)
          ? judgeRegistry(path.slice(REGISTRY.length), target)
          : undefined;
      return wrong === undefined ? [] : [`${path} imports ${target}: ${wrong}`];
    }),
  );

function judgeClient(path: string, target: string): string | undefined {
  if (!target.startsWith(".")) return "the SDK has no dependencies and runs in browsers";
  if (!resolvePath(path, target).startsWith("packages/client/src/")) return "it leaves the package";
  return judgeExtension(target);
}

function judgeRegistry(path: string, target: string): string | undefined {
  const direction = DIRECTIONS.find(({ from }) => from.test(path));
  if (direction === undefined) return `no rule says what ${path} may import`;
  if (target.startsWith("node:")) return direction.node ? undefined : "this folder imports nothing of Node";
  if (!target.startsWith(".")) {
    const name = target.split("/")[0] ?? target;
    const homes = HOMES[name];
    if (homes && !homes.some((home) => path.startsWith(home))) return `${name} is for ${homes.join(", ")} only`;
    if (direction.packages === "any" || direction.packages.includes(name)) return undefined;
    return "this folder imports no such package";
  }
  const resolved = resolvePath(path, target);
  const folders = direction.folders(path);
  if (!folders.some((folder) => resolved.startsWith(folder))) return `allowed are ${folders.join(", ")}`;
  return judgeExtension(target);
}

function resolvePath(path: string, target: string): string {
  return posix.normalize(posix.join(posix.dirname(path), target));
}

function judgeExtension(target: string): string | undefined {
  return target.endsWith(".ts") ? undefined : "relative imports end in .ts";
}

/** What every dialect has; a feature of one file may grow into a folder of that name. */
const DIALECT_ENTRIES = ["README.md", "dialect.ts", "server", "desk.ts", "wire/", "vectors/"];
const ENTRIES_MAX = 14;

export const dialectsLookAlike: Rule = (files) =>
  dialectsOf(files).flatMap((name) => {
    const folder = `${REGISTRY}dialects/${name}/`;
    const inside = files.map(({ path }) => path).filter((path) => path.startsWith(folder));
    const entries = new Set(inside.map((path) => path.slice(folder.length).replace(/\/.*/, "/")));
    const missing = DIALECT_ENTRIES.filter((entry) =>
      /[./]/.test(entry) ? !entries.has(entry) : !entries.has(`${entry}.ts`) && !entries.has(`${entry}/`),
    );
    return missing.map((entry) => `${folder}${entry} is missing`);
  });

/** A folder is taken in at a glance; tests lie beside their source and do not count. */
export const foldersAreSmall: Rule = (files) => {
  const entries = new Map<string, Set<string>>();
  for (const { path } of files) {
    if (!path.startsWith("packages/") || !path.includes("/src/") || /(\.test|-rig)\.ts$/.test(path)) continue;
    if (/\/(vectors|testdata)\//.test(path)) continue;
    const parts = path.split("/");
    for (let depth = 3; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join("/");
      entries.set(folder, (entries.get(folder) ?? new Set()).add(parts[depth] as string));
    }
  }
  return [...entries]
    .filter(([, { size }]) => size > ENTRIES_MAX)
    .map(([folder, { size }]) => `${folder} shows ${size} entries; ${ENTRIES_MAX} can be taken in at a glance`);
};

export const everyRefusalHasAWord: Rule = (files) =>
  dialectsOf(files).flatMap((name) => {
    const folder = `${REGISTRY}dialects/${name}/`;
    const total = files.some(({ path, text }) => path.startsWith(folder) && /Record<\s*Refusal,/.test(text));
    return total ? [] : [`${folder}: no total table Record<Refusal, …>`];
  });

/** Names of the folders in dialects/. */
export function dialectsOf(files: readonly TextFile[]): string[] {
  const names = files.map(({ path }) => /^packages\/registry\/src\/dialects\/([^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

const FOREIGN = /^(znode|producer|application|vip|kv|eureka|consul|zookeeper|etcd)s?$/;

/** A protocol's nouns stay in its dialect; comments may compare. */
export const coreSpeaksPlainly: Rule = (files) =>
  inCore(files).flatMap(({ path, text }) => {
    const identifiers = new Set(stripText(text).match(/[A-Za-z_$][\w$]*/g) ?? []);
    return [...identifiers].filter(isForeign).map((word) => `${path}: ${word} belongs to a dialect`);
  });

function isForeign(identifier: string): boolean {
  const words = identifier.split(/(?<=[a-z0-9])(?=[A-Z])|_/).map((word) => word.toLowerCase());
  return words.some((word, index) => FOREIGN.test(word) || (word === "session" && words[index + 1] === "node"));
}

const IMPURE = /\b(Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|Math\.random|process\.\w+)/g;

/** Time, chance and the process are arguments in the core and in the pure parts of dialects. */
export const timeIsAnArgument: Rule = (files) =>
  files
    .filter(({ path }) => /^packages\/registry\/src\/(core\/|dialects\/[^/]+\/wire\/).*\.ts$/.test(path))
    .filter(({ path }) => !isTest(path))
    .flatMap(({ path, text }) =>
      [...stripText(text).matchAll(IMPURE)].map((match) => `${path}: ${match[1]} is not an argument`),
    );

/** The text without comments and string contents. Template texts go too, their expressions stay. */
export function stripText(text: string): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|\$\{(?:[^{}`]|\{[^{}]*\}|`[^`]*`)*\}|[^`\\])*`|(?<=[(,=:;!&|?{}\n]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*[])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*\/[a-z]*/g;
  return text.replace(token, (found) =>
    found.startsWith("`")
      ? [...found.matchAll(/\$\{((?:[^{}]|\{[^{}]*\})*)\}/g)].map((match) => match[1]).join(" ")
      : '""',
  );
}

export const namesSaySomething: Rule = (files) =>
  files
    .filter(({ path }) => /\.(ts|tsx|mjs|js)$/.test(path))
    .filter(({ path }) => /(^|[/.-])(utils?|helpers?|common|managers?|misc)([/.-])/.test(path))
    .map(({ path }) => `${path}: utils, helpers, common, manager and misc say nothing`);

/** Rules of the linter may be suppressed for a reason; those on size may not. */
export const nothingIsLeftBehind: Rule = (files) =>
  code(files).flatMap(({ path, text }) => [
    ...found(path, text, /\b(TODO|FIXME|XXX)\b/, "left behind"),
    ...found(path, text, /@ts-(ignore|nocheck)/, "hides type errors"),
    ...found(path, text, /biome-ignore(-all)? lint\/[a-z]+\/noExcessive/, "split it instead"),
  ]);

export const testsNeverHide: Rule = (files) =>
  files
    .filter(({ path }) => path.endsWith(".test.ts") && !path.startsWith("test/tidy"))
    .flatMap(({ path, text }) => [
      ...found(path, text, /\b(test|it|describe|suite)\.(only|skip|todo)\(/, "hides tests"),
      ...found(path, text, /\b(only|skip|todo): true\b/, "hides tests without a reason"),
      ...found(path, text, /\.skip\(\)/, "skips without a reason"),
    ]);

/** What a test requires is in the list that `npm test` installs. */
export const peersAreInstalled: Rule = (files) => {
  const list = files.find(({ path }) => path === "scripts/steps.mjs")?.text ?? "";
  return files
    .filter(
      ({ path }) =>
        path.endsWith(".test.ts") && path !== "test/harness/program.test.ts" && !path.startsWith("test/tidy"),
    )
    .flatMap(({ path, text }) =>
      [...text.matchAll(/requirePackage\("([^"]+)", "([^"]+)"\)/g)]
        .filter(([, name, program]) => !list.includes(`{ name: "${name}", program: "${program}" }`))
        .map(([call]) => `${path}: ${call} is not in the list of scripts/steps.mjs`),
    );
};

function found(path: string, text: string, pattern: RegExp, why: string): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const match = pattern.exec(line);
    return match === null ? [] : [`${path}:${index + 1}: ${match[0]}: ${why}`];
  });
}

/** Every relative link of every page leads somewhere. */
export const linksResolve: Rule = (files) => {
  const known = new Set(files.flatMap(({ path }) => [path, ...parentsOf(path)]));
  return pages(files).flatMap((page) =>
    linksOf(page.text).flatMap((link) => {
      const [target = "", anchor] = link.split("#");
      const path = target === "" ? page.path : resolvePath(page.path, decodeURI(target)).replace(/\/$/, "");
      if (!known.has(path)) return [`${page.path}: the link ${link} leads nowhere`];
      const text = files.find((file) => file.path === path)?.text;
      const dangling = anchor && text !== undefined && path.endsWith(".md") && !anchorsOf(text).has(anchor);
      return dangling ? [`${page.path}: the link ${link} names no heading`] : [];
    }),
  );
};

function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "``");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
  return links.filter((link) => !/^[a-z]+:/i.test(link));
}

function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? "");
  return new Set(headings.map((heading) => toAnchor(heading)));
}

function toAnchor(heading: string): string {
  const kept = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "");
  return kept.trim().replace(/ /g, "-");
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

export const decisionsAreNumbered: Rule = (files) => {
  const paths = files.map(({ path }) => path).filter((path) => path.startsWith("docs/decisions/"));
  const numbers = new Set<string>();
  return paths.flatMap((path) => {
    const number = /^docs\/decisions\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1];
    if (number === undefined) return [`${path}: decisions are named NNNN-title.md`];
    if (numbers.has(number)) return [`${path}: ${number} is taken`];
    numbers.add(number);
    return [];
  });
};

export const readmeListsDialects: Rule = (files) => {
  const readme = files.find(({ path }) => path === "README.md")?.text ?? "";
  const missing = dialectsOf(files).filter((name) => !new RegExp(`^\\|[ \`[]*${name}\\b`, "m").test(readme));
  return missing.map((name) => `README.md: its table has no line for the dialect ${name}`);
};

// In parts, so that this file does not break the rule itself.
const MACHINE = new RegExp(
  [
    "/ro" + "ot/",
    "/ho" + "me/[a-z]",
    "/Use" + "rs/[a-z]",
    "/wo" + "rk/",
    "registry\\.np" + "mjs",
    "artifact" + "ory",
  ].join("|"),
);

export const noMachineIsNamed: Rule = (files) =>
  files.flatMap(({ path, text }) => found(path, text, MACHINE, "names a machine or its package registry"));

/** Every line of STYLE.md ends with the test that enforces it: `… — test name`. */
export function styleIsEnforced(tests: readonly string[]): Rule {
  return (files) => {
    const style = files.find(({ path }) => path === "STYLE.md")?.text;
    if (style === undefined) return ["STYLE.md is missing"];
    const lines = style.split("\n").filter((line) => line.startsWith("- "));
    return lines.flatMap((line) => {
      const name = /— \*([^*]+)\*$/.exec(line)?.[1];
      if (name === undefined) return [`STYLE.md: no test is named in: ${line}`];
      return tests.includes(name) ? [] : [`STYLE.md: there is no test "${name}"`];
    });
  };
}

function sources(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !isTest(path));
}

/** Tests of pure rooms, and their rigs, lie beside the source. */
function isTest(path: string): boolean {
  return /(\.test|-rig)\.ts$/.test(path);
}

function inCore(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => path.startsWith(`${REGISTRY}core/`) && path.endsWith(".ts") && !isTest(path));
}

function code(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => /\.(ts|mjs|sh)$/.test(path) && !path.startsWith("test/tidy"));
}

function pages(files: readonly TextFile[]): TextFile[] {
  return files.filter(({ path }) => path.endsWith(".md"));
}
