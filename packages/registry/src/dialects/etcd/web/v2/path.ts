/** Paths of v2, which are keys: `/a/b` is the key `/a/b`, and the root is "". What stands beside keys, under reserved ones. */
import { isUtf8 } from "node:buffer";
import { type Bytes, toBuffer, toBytes } from "../../../../core/index.ts";

/** Directories that were made, and not only are there for what lies in them: `\0etcd/dir/a/b`. */
export const DIRECTORIES: Bytes = "\0etcd/dir";

/** What the latest change of v2 was that its keys alone do not tell. */
export const MARK: Bytes = "\0etcd/v2";

/** An empty name, "." or "..", or a slash at the end. */
const ODD = /\/(?:\/|\.\.?(?:\/|$)|$)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const ASCII = /^[\x00-\x7f]*$/;

/** Whether a key is one that v2 can name. */
export function isPath(key: Bytes): boolean {
  return key.startsWith("/") && !ODD.test(key) && (ASCII.test(key) || isUtf8(toBuffer(key)));
}

/** What the original makes of what stands behind `/v2/keys`, decoded. */
export function cleanPath(text: string): Bytes {
  const names: string[] = [];
  for (const name of text.split("/"))
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  return toBytes(names.map((name) => `/${name}`).join(""));
}

export function directoryKey(path: Bytes): Bytes {
  return DIRECTORIES + path;
}

/** Undefined for a key of something else. */
export function madeDirectory(key: Bytes): Bytes | undefined {
  return key.startsWith(`${DIRECTORIES}/`) ? key.slice(DIRECTORIES.length) : undefined;
}

/** All keys that lie in a directory, at any depth; for made ones, of `directoryKey`. */
export function below(key: Bytes): { readonly from: Bytes; readonly to: Bytes } {
  // The sign after "/".
  return { from: `${key}/`, to: `${key}0` };
}

/** Undefined for the root. */
export function parentOf(path: Bytes): Bytes | undefined {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? undefined : path.slice(0, slash);
}

/** Of `/a/b`: `/a`, `/a/b`. */
export function* stepsTo(path: Bytes): Iterable<Bytes> {
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) yield path.slice(0, at);
  if (path !== "") yield path;
}

/** Names that begin with "_" are not listed, nor are watchers above told of what they hold. */
export function isHidden(rest: Bytes): boolean {
  return rest.includes("/_");
}
