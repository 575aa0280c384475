/** Paths of nodes. They are keys as they are: their UTF-8 bytes. */
import { type Bytes, fromBytes } from "../../../core/index.ts";

const PLAIN = /^(?:\/[\x20-\x7e]*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no path may have.
const UNFIT = /[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff]/;
const ODD = /\/\/|\/\.\.?(?:\/|$)/;

/** Whether a node may have this path. UTF-16 counts: characters beyond its first plane are none. */
export function isLegalPath(path: Bytes): boolean {
  if (path === "/") return true;
  if (path.charCodeAt(0) !== 0x2f || path.endsWith("/") || ODD.test(path)) return false;
  return PLAIN.test(path) || !UNFIT.test(fromBytes(path));
}

/** The path of the node that a node lies in; undefined for the root, "" for what has no slash. */
export function parentOf(path: Bytes): Bytes | undefined {
  if (path === "/") return undefined;
  const slash = path.lastIndexOf("/");
  return slash === 0 ? "/" : path.slice(0, Math.max(0, slash));
}

/** How the paths of all that lies in a node begin. */
export function directoryOf(path: Bytes): Bytes {
  return path === "/" ? "/" : `${path}/`;
}
