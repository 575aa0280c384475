/** Which folder may import which, and which package. */
import { importsOf, REGISTRY, type Rule, resolvePath, sources } from "./files.ts";

/** What each folder may import: folders of the registry, `node:` modules, packages. First match wins. */
const DIRECTIONS: readonly {
  readonly from: RegExp;
  readonly folders: (path: string) => readonly string[];
  readonly node: boolean;
  readonly packages: readonly string[] | "any";
}[] = [
  { from: /^outcome\.ts$/, folders: () => [], node: false, packages: [] },
  { from: /^core\//, folders: () => ["core/", "outcome.ts"], node: false, packages: ["sorted-btree"] },
  { from: /^net\/routes\//, folders: () => ["core/index.ts", "net/", "outcome.ts"], node: true, packages: "any" },
  { from: /^net\//, folders: () => ["net/", "outcome.ts"], node: true, packages: "any" },
  { from: /^calls\//, folders: () => ["net/", "outcome.ts", "calls/"], node: true, packages: [] },
  { from: /^checks\//, folders: () => ["core/index.ts", "net/", "outcome.ts", "checks/"], node: true, packages: "any" },
  { from: /^around\//, folders: () => ["core/index.ts", "around/"], node: true, packages: "any" },
  { from: /^mirrors\//, folders: () => ["core/index.ts", "mirrors/"], node: true, packages: [] },
  {
    from: /^native\//,
    folders: () => ["core/index.ts", "net/", "native/", "dialects/contract.ts"],
    node: true,
    packages: ["@rollcall"],
  },
  { from: /^dialects\/contract\.ts$/, folders: () => ["core/index.ts", "net/"], node: true, packages: "any" },
  {
    from: /^dialects\/[^/]+\//,
    folders: (path) => ["core/index.ts", "net/", "mirrors/", "native/", "dialects/contract.ts", ownFolder(path)],
    node: true,
    packages: "any",
  },
  { from: /^layouts\//, folders: () => ["core/index.ts", "layouts/"], node: false, packages: [] },
  { from: /^records\//, folders: () => ["core/index.ts", "records/"], node: true, packages: [] },
  {
    from: /^replicators\/[^/]+\//,
    folders: (path) => ["core/index.ts", "net/", "records/", ownFolder(path)],
    node: true,
    packages: "any",
  },
  {
    from: /^smartstack\//,
    folders: () => ["core/index.ts", "net/", "checks/", "smartstack/"],
    node: true,
    packages: ["@rollcall", "yaml", "pino"],
  },
  { from: /^bin\//, folders: () => [""], node: true, packages: "any" },
];

/** Packages that belong to one place. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  commander: ["bin/"],
  lmdb: ["replicators/embedded/"],
  "prom-client": ["around/"],
  "sorted-btree": ["core/"],
  yaml: ["bin/", "smartstack/"],
};

function ownFolder(path: string): string {
  return `${path.split("/").slice(0, 2).join("/")}/`;
}

export const importsPointInward: Rule = (files) =>
  sources(files).flatMap(({ path, text }) =>
    importsOf(text).flatMap(({ target }) => {
      const wrong = path.startsWith("packages/client/")
        ? judgeClient(path, target)
        : path.startsWith(REGISTRY)
          ? judgeRegistry(path.slice(REGISTRY.length), target)
          : path.startsWith(DASHBOARD)
            ? judgeDashboard(path, target)
            : undefined;
      return wrong === undefined ? [] : [`${path} imports ${target}: ${wrong}`];
    }),
  );

function judgeClient(path: string, target: string): string | undefined {
  if (target.startsWith("node:") && path.startsWith("packages/client/src/node/")) return undefined;
  if (!target.startsWith(".")) return "the SDK has no dependencies and runs in browsers, but for its folder node";
  if (!resolvePath(path, target).startsWith("packages/client/src/")) return "it leaves the package";
  return judgeExtension(target);
}

const DASHBOARD = "packages/dashboard/src/";
/** What its files may import beside their own; the pure ones in `model/` no view, nor what is live. */
const VIEWS = ["preact", "preact/hooks", "@preact/signals"];

function judgeDashboard(path: string, target: string): string | undefined {
  const isModel = path.startsWith(`${DASHBOARD}model/`);
  const folder = isModel ? `${DASHBOARD}model/` : DASHBOARD;
  if (!target.startsWith(".")) {
    const allowed = ["@rollcall/client", ...(isModel ? ["diff"] : VIEWS)];
    return allowed.includes(target) ? undefined : `allowed are ${allowed.join(", ")}`;
  }
  if (!resolvePath(path, target).startsWith(folder)) return `allowed is ${folder}`;
  return /\.tsx?$/.test(target) ? undefined : "relative imports end in .ts or .tsx";
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

function judgeExtension(target: string): string | undefined {
  return target.endsWith(".ts") ? undefined : "relative imports end in .ts";
}
