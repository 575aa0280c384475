/** @live Which zone files there are, and whether they changed, by what the file system says. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Account, type Outcome, ok, refuse, toBytes } from "../../../core/index.ts";
import { sayWhy } from "../../../net/why.ts";
import type { Settings } from "../settings/model.ts";
import type { Name } from "../wire/message.ts";
import { toName } from "./zonefile/words.ts";

type FileSetting = Settings["files"][number];

export interface Listed {
  readonly path: string;
  readonly account: Account;
  /** By the settings, else by the name of the file. */
  readonly origin: Outcome<Name>;
}

export interface Listing {
  readonly files: readonly Listed[];
  /** Files and directories that could not be looked at, with the reason: what is there is unknown. */
  readonly unknown: ReadonlyMap<string, string>;
  /** Files of the settings that are not there, while their directories are. */
  readonly missing: readonly string[];
  /** Directories in which new files may come. */
  readonly directories: readonly string[];
}

const SUFFIX = ".zone";
const FILES_MAX = 10_000;

/** Looks at the paths of the settings. `isKnown`: whether a path was a zone file before. */
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
    if (!kind.ok) unknown.set(path, kind.detail);
    else if (kind.value === "file") {
      files.push(toListed(path, setting));
      directories.push(dirname(path));
    } else if (kind.value === "directory") {
      directories.push(path);
      const names = await namesIn(path);
      if (!names.ok) unknown.set(path, names.detail);
      else for (const name of names.value) files.push(toListed(join(path, name), { ...setting, origin: undefined }));
    } else if (path.endsWith(SUFFIX) || isKnown(path)) {
      directories.push(dirname(path));
      const parent = await kindOf(dirname(path));
      if (parent.ok && parent.value === "directory") missing.push(path);
      else unknown.set(path, "its directory is not there");
    } else unknown.set(path, "there is no such file or directory");
  }
  return { files, unknown, missing, directories };
}

async function kindOf(path: string): Promise<Outcome<"directory" | "file" | "absent">> {
  try {
    return ok((await stat(path)).isDirectory() ? "directory" : "file");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? ok("absent") : refuse("invalid", sayWhy(error));
  }
}

/** The names of the zone files in a directory, without hidden files, which editors leave. */
async function namesIn(path: string): Promise<Outcome<string[]>> {
  try {
    const names = (await readdir(path)).filter((name) => name.endsWith(SUFFIX) && !name.startsWith("."));
    if (names.length > FILES_MAX) return refuse("too-large", `there are more than ${FILES_MAX} zone files`);
    return ok(names.sort());
  } catch (error) {
    return refuse("invalid", sayWhy(error));
  }
}

function toListed(path: string, { origin, account }: FileSetting): Listed {
  if (origin !== undefined) return { path, account, origin: ok(origin) };
  const name = basename(path).replace(/\.zone$/, "");
  return { path, account, origin: toName({ text: toBytes(name), quoted: true, line: 0 }, []) };
}

/** The same text while nothing happened to the files: their identities, sizes and times. */
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
