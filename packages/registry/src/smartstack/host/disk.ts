/** @live Files that others read: never half written. */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Replaces a file as a whole, or not at all. */
export async function replaceFile(path: string, text: string, candidate = `${path}.new`): Promise<void> {
  await writeWhole(candidate, text);
  await rename(candidate, path);
}

/** On the disk when it resolves. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
