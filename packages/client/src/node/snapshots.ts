import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Snapshots } from "../find/saved.ts";

/** Snapshots as files of a folder, which is made when it is not there. A file is replaced as a whole or not at all. */
export function fileSnapshots(folder: string): Snapshots {
  const pathOf = (name: string) => join(folder, `${createHash("sha256").update(name).digest("hex").slice(0, 32)}.json`);
  return {
    async read(name) {
      try {
        return await readFile(pathOf(name), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(name, text) {
      const path = pathOf(name);
      const candidate = `${path}.${randomUUID()}`;
      await mkdir(folder, { recursive: true });
      try {
        await writeFile(candidate, text, { mode: 0o600, flush: true });
        await rename(candidate, path);
      } catch (error) {
        await rm(candidate, { force: true });
        throw error;
      }
    },
  };
}
