/** Files at one revision, and what can be told of them. Directories are what files lie below. */
import type { Bytes, KeyRecord } from "../../../core/index.ts";
import { below, isPathLike, walkOrder } from "../wire/path.ts";

export type File = Pick<KeyRecord, "key" | "value" | "modRevision">;

/** As an account at one revision has them. */
export interface Source {
  entry(key: Bytes): File | undefined;
  /** Keys in [from, to), sorted. */
  entries(from: Bytes, to: Bytes): Iterable<File>;
}

/** So many keys are looked at for one answer. */
export const LOOKS_MAX = 200_000;

/** A file, a directory, or nothing. */
export function lookUp(source: Source, path: Bytes): File | "directory" | undefined {
  if (path === "/" || isDirectory(source, path)) return "directory";
  return isPathLike(path) ? source.entry(path) : undefined;
}

export function isDirectory(source: Source, path: Bytes): boolean {
  if (!isPathLike(path)) return false;
  const { from, to } = below(path);
  for (const { key } of source.entries(from, to)) if (isPathLike(key)) return true;
  return false;
}

/** Some of the names in a directory, and where the others begin. */
export interface Names {
  readonly names: readonly Bytes[];
  readonly next: Bytes | undefined;
}

/** From this key on, as many as are found by so many looks. */
export function namesFrom(source: Source, directory: Bytes, first: Bytes | undefined, looksMax: number): Names {
  const { from, to } = below(directory);
  const names = new Set<Bytes>();
  let looks = 0;
  for (let at: Bytes | undefined = first ?? from; at !== undefined; ) {
    let next: Bytes | undefined;
    for (const { key } of source.entries(at, to)) {
      if (++looks > looksMax) return { names: [...names], next: key };
      if (!isPathLike(key)) continue;
      const slash = key.indexOf("/", from.length);
      names.add(slash < 0 ? key.slice(from.length) : key.slice(from.length, slash));
      if (slash < 0) continue;
      // All that lies deeper has the same name here.
      next = below(key.slice(0, slash)).to;
      break;
    }
    at = next;
  }
  return { names: [...names], next: undefined };
}

/** In the order of a walk through the tree. */
export function sortForWalk(files: readonly File[]): readonly File[] {
  const ordered = files.map((file) => [walkOrder(file.key), file] as const);
  return ordered.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
}

/** Files that were read before, sorted. */
export function toSource(files: readonly File[]): Source {
  const indexOf = (key: Bytes): number => {
    let [low, high] = [0, files.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((files[middle] as File).key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    entry(key) {
      const file = files[indexOf(key)];
      return file?.key === key ? file : undefined;
    },
    *entries(from, to) {
      for (let at = indexOf(from); at < files.length && (files[at] as File).key < to; at++) yield files[at] as File;
    },
  };
}

/** Two sources as one; the first goes before the other where both have a file. */
export function overlaid(above: Source, under: Source): Source {
  return {
    entry: (key) => above.entry(key) ?? under.entry(key),
    *entries(from, to) {
      const over = [...above.entries(from, to)];
      let next = 0;
      for (const file of under.entries(from, to)) {
        while (next < over.length && (over[next] as File).key < file.key) yield over[next++] as File;
        if (over[next]?.key !== file.key) yield file;
      }
      while (next < over.length) yield over[next++] as File;
    },
  };
}
