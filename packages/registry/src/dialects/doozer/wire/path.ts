/** Paths, as bytes. Keys of other protocols may hold what no path of Doozer's may: they can be read here, not written. */
import { type Bytes, type KeyRange, LIMITS } from "../../../core/index.ts";

const LEGAL = /^\/$|^(?:\/[A-Za-z0-9.-]+)+$/;

/** Whether a file may be written there. */
export function isLegalPath(path: Bytes): boolean {
  return path.length <= LIMITS.keyBytesMax && LEGAL.test(path);
}

/** Whether the path, or a glob, has the form of one: "/", or names with a slash before each. */
export function isPathLike(path: Bytes): boolean {
  if (path === "/") return true;
  return path.startsWith("/") && !path.endsWith("/") && !path.includes("//");
}

/** Where everything below a directory lies. */
export function below(path: Bytes): Required<KeyRange> {
  const stem = path === "/" ? "" : path;
  // "0" comes right after the slash.
  return { from: `${stem}/`, to: `${stem}0` };
}

/** What sorts paths as walking through the tree finds them: a directory's files stand together. */
export function walkOrder(path: Bytes): Bytes {
  return path.replaceAll("/", "\0");
}
