/** How folders look: few entries, stacked rooms, names that say something and say it once. */
import { posix } from "node:path";
import {
  dialectsOf,
  headOf,
  importsOf,
  isTest,
  REGISTRY,
  type Rule,
  resolvePath,
  sources,
  type TextFile,
} from "./files.ts";

const ENTRIES_MAX = 14;

/** A folder is taken in at a glance; tests lie beside their source and do not count. */
export const foldersAreSmall: Rule = (files) => {
  const entries = new Map<string, Set<string>>();
  for (const { path } of files) {
    if (!path.startsWith("packages/") || !path.includes("/src/") || isTest(path)) continue;
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

/** Folders that must have a stack, by the file whose head comment declares it: `@rooms dialect > server > wire`. */
function entriesWithStacks(files: readonly TextFile[]): string[] {
  const dialects = dialectsOf(files).map((name) => `dialects/${name}/dialect.ts`);
  const others = ["core/index.ts", "replicators/embedded/replicator.ts", "bin/rollcall.ts", "smartstack/agent.ts"];
  const known = new Set(files.map(({ path }) => path));
  return [...dialects, ...others.filter((path) => known.has(REGISTRY + path))].map((path) => REGISTRY + path);
}

/** The rooms that a head comment declares, from top to bottom. */
export function roomsOf(head: string): string[] | undefined {
  const [, declared] = /@rooms ((?:[\w-]+[\s*]*>[\s*]*)*[\w-]+)/.exec(head) ?? [];
  return declared?.split(/[\s*]*>[\s*]*/);
}

/** Rooms are stacked: each imports only those below it, and inside of a room no imports run in a circle. */
export const roomsAreStacked: Rule = (files) =>
  entriesWithStacks(files).flatMap((entry) => {
    const rooms = roomsOf(headOf(files.find(({ path }) => path === entry)?.text ?? ""));
    if (rooms === undefined) return [`${entry}: its head comment declares no @rooms`];
    const folder = posix.dirname(entry);
    const inside = sources(files).filter(({ path }) => path.startsWith(`${folder}/`));
    const present = new Set(inside.map(({ path }) => roomOf(folder, path)));
    const missing = [...present].filter((room) => !rooms.includes(room));
    const gone = rooms.filter((room) => !present.has(room));
    return [
      ...missing.map((room) => `${folder}/${room}: not in the @rooms of ${posix.basename(entry)}`),
      ...gone.map((room) => `${entry}: there is no room ${room}`),
      ...inside.flatMap((file) => upwardImports(folder, file, rooms)),
      ...circles(inside),
    ];
  });

/** `dialects/x/pages/recent.ts` is in the room `pages`, `dialects/x/server.ts` in `server`. */
function roomOf(folder: string, path: string): string {
  return path.slice(folder.length + 1).replace(/\/.*|\.ts$/, "");
}

function upwardImports(folder: string, { path, text }: TextFile, rooms: readonly string[]): string[] {
  const from = roomOf(folder, path);
  return ownImports(path, text)
    .filter((target) => target.startsWith(`${folder}/`))
    .map((target) => roomOf(folder, target))
    .filter((to) => rooms.indexOf(to) < rooms.indexOf(from))
    .map((to) => `${path} imports ${to}, which lies above ${from}`);
}

function ownImports(path: string, text: string): string[] {
  return importsOf(text)
    .filter(({ target }) => target.startsWith("."))
    .map(({ target }) => resolvePath(path, target));
}

/** Imports of types count: who reads one file of a circle has to read all of them. */
function circles(files: readonly TextFile[]): string[] {
  const imports = new Map(files.map(({ path, text }) => [path, ownImports(path, text)]));
  const done = new Set<string>();
  const breaches: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) breaches.push(`${[...way.slice(way.indexOf(path)), path].join(" -> ")}: a circle`);
    if (way.includes(path) || done.has(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return breaches;
}

export const namesSaySomething: Rule = (files) =>
  files
    .filter(({ path }) => /\.(ts|tsx|mjs|js)$/.test(path))
    .filter(({ path }) => /(^|[/.-])(utils?|helpers?|common|managers?|misc)([/.-])/.test(path))
    .map(({ path }) => `${path}: utils, helpers, common, manager and misc say nothing`);

/** `zone/zone-file.ts` and `zones/zone-file.ts`: the folder has said `zone`. */
export const namesSayItOnce: Rule = (files) =>
  files
    .filter(({ path }) => /^(packages\/[^/]+\/src|test|bench)\/.*\.tsx?$/.test(path))
    .flatMap(({ path }) => {
      const parts = path.split("/");
      const repeated = parts.find((part, depth) =>
        parts
          .slice(0, depth)
          .some((folder) => [folder, folder.replace(/s$/, "")].some((word) => part.startsWith(`${word}-`))),
      );
      return repeated === undefined ? [] : [`${path}: ${repeated} repeats its folder's name`];
    });
