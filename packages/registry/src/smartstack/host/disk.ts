/** @live Files that others read: never half written. */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Written at once. */
const PIECE_LENGTH = 256 * 1024;

/** Replaces a file as a whole, or not at all. */
export async function replaceFile(path: string, pieces: readonly string[], candidate = `${path}.new`): Promise<void> {
  await writeWhole(candidate, pieces);
  await rename(candidate, path);
}

/** On the disk when it resolves. */
export async function writeWhole(path: string, pieces: readonly string[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o644);
  try {
    let text = "";
    for (const piece of pieces) {
      text += piece;
      if (text.length < PIECE_LENGTH) continue;
      await file.writeFile(text);
      text = "";
    }
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
