/** Whether the data directory can be written to, how fast, and how much room there is. */
import { mkdtemp, open, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { toBytesText, toSpan } from "../terminal/output.ts";
import { type Finding, finding } from "./finding.ts";

const FLUSHES = 5;
const SLOW_FLUSH_MS = 50;
const ROOM_LOW = 1024 ** 3;
const ROOM_NONE = 100 * 1024 ** 2;

/** File systems that break a promise of the store, by their magic numbers (statfs(2)). */
const UNFIT: Readonly<Record<number, string>> = {
  26985: "NFS: its locks and its memory maps cannot be trusted; use a local disk",
  4283649346: "CIFS: its locks and its memory maps cannot be trusted; use a local disk",
  4266872130: "SMB: its locks and its memory maps cannot be trusted; use a local disk",
  16914836: "tmpfs: what is stored there is gone when the machine starts again",
  2240043254: "ramfs: what is stored there is gone when the machine starts again",
};

export async function examineDisk(data: string): Promise<Finding[]> {
  const there = await stat(data).then(
    (found) => found.isDirectory(),
    () => undefined,
  );
  if (there === false) return [finding("data", "bad", `${data} is a file, not a directory`)];
  const folder = there ? data : await nearest(dirname(data));
  return [await tryWriting(data, folder, there === undefined), ...(await examineRoom(folder))];
}

/** The nearest directory above that is there. */
async function nearest(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at))
    if ((await stat(at).catch(() => undefined)) || dirname(at) === at) return at;
}

async function tryWriting(data: string, folder: string, isNew: boolean): Promise<Finding> {
  let made: string | undefined;
  try {
    made = await mkdtemp(join(folder, ".rollcall-doctor-"));
    const flushMs = await timeFlush(join(made, "flush"));
    const where = isNew ? `${data} is not there yet and can be made` : `${data} can be written to`;
    const detail = `${where}; a flush takes ${flushMs < 1 ? "less than 1ms" : toSpan(flushMs)}`;
    return finding("data", flushMs > SLOW_FLUSH_MS ? "warn" : "good", detail);
  } catch (error) {
    return finding("data", "bad", `${folder} cannot be written to: ${(error as Error).message}`);
  } finally {
    if (made !== undefined) await rm(made, { recursive: true, force: true });
  }
}

/** The median, ms. */
async function timeFlush(file: string): Promise<number> {
  const handle = await open(file, "w");
  try {
    const times: number[] = [];
    for (let i = 0; i < FLUSHES; i++) {
      await handle.write(Buffer.alloc(4096));
      const beganMs = performance.now();
      await handle.datasync();
      times.push(performance.now() - beganMs);
    }
    return times.sort((a, b) => a - b)[FLUSHES >> 1] as number;
  } finally {
    await handle.close();
  }
}

async function examineRoom(folder: string): Promise<Finding[]> {
  const { bavail, bsize, blocks, type } = await statfs(folder);
  const room = bavail * bsize;
  const verdict = room < ROOM_NONE ? "bad" : room < ROOM_LOW ? "warn" : "good";
  const findings = [finding("disk", verdict, `${toBytesText(room)} free of ${toBytesText(blocks * bsize)}`)];
  const unfit = UNFIT[type >>> 0];
  if (unfit !== undefined) findings.push(finding("file system", "warn", unfit));
  return findings;
}
