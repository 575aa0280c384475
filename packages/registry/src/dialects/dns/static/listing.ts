/** Which zone files there are, and whether they changed: by what the file system says of them. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Account, toBytes } from "../../../core/index.ts";
import type { Settings } from "../settings/model.ts";
import type { Name } from "../wire/message.ts";
import { sentenceOf } from "./reader.ts";
import { toName } from "./zonefile/words.ts";

type FileSetting = Settings["files"][number];

export interface Listed {
  readonly path: string;
  readonly account: Account;
  /** A sentence when the file's name is no origin. */
  readonly origin: Name | string;
}

export interface Listing {
  readonly files: readonly Listed[];
  /** Files and directories that could not be looked at: nothing is known of what lies there. */
  readonly unknown: ReadonlyMap<string, string>;
  /** Files named in the settings that are not there, in directories that are. */
  readonly missing: readonly string[];
  /** Directories in which something new may come up. */
  readonly directories: readonly string[];
}

const SUFFIX = ".zone";
const FILES_MAX = 10_000;

/** Looks at what the settings name. `isKnown`: whether a path was a zone file before. */
export async function listZoneFiles(
  settings: readonly FileSetting[],
  isKnown: (path: string) => boolean,
): Promise<Listing> {
  const files: Listed[] = [];
  const unknown = new Map<string, string>();
  const missing: string[] = [];
  const directories: string[] = [];
  for (const setting of settings) {
    const { path } = setting;
    const kind = await kindOf(path);
    if (kind === "file") {
      files.push(toListed(path, setting));
      directories.push(dirname(path));
    } else if (kind === "directory") {
      directories.push(path);
      const names = await namesIn(path);
      if (typeof names === "string") unknown.set(path, names);
      else for (const name of names) files.push(toListed(join(path, name), { ...setting, origin: undefined }));
    } else if (kind === "absent" && (path.endsWith(SUFFIX) || isKnown(path))) {
      directories.push(dirname(path));
      if ((await kindOf(dirname(path))) === "directory") missing.push(path);
      else unknown.set(path, "its directory is not there");
    } else unknown.set(path, kind === "absent" ? "there is no such file or directory" : kind);
  }
  return { files, unknown, missing, directories };
}

async function kindOf(path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "absent" : sentenceOf(error);
  }
}

/** Zone files of a directory by name; hidden ones, as editors leave them, do not count. */
async function namesIn(path: string): Promise<string[] | string> {
  try {
    const names = (await readdir(path)).filter((name) => name.endsWith(SUFFIX) && !name.startsWith("."));
    return names.length > FILES_MAX ? `there are more than ${FILES_MAX} zone files` : names.sort();
  } catch (error) {
    return sentenceOf(error);
  }
}

function toListed(path: string, { origin, account }: FileSetting): Listed {
  if (origin !== undefined) return { path, account, origin };
  const name = basename(path).replace(/\.zone$/, "");
  return { path, account, origin: toName({ text: toBytes(name), quoted: true, line: 0 }, []) };
}

/** The same while nothing happened to the files: which ones they are, their sizes and times. */
export async function signatureOf(paths: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    [...new Set(paths)].map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return `${path} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      } catch (error) {
        return `${path} ${(error as NodeJS.ErrnoException).code}`;
      }
    }),
  );
  return parts.join("\n");
}
