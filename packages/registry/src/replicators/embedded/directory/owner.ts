/**
 * @live One process a directory. The lock must be one that the kernel lets go when its holder dies, and that is seen from
 * other containers on the same volume; Node has no call for it. LMDB's reader table has both properties: the owner
 * keeps a reader open in `owner.mdb`, which holds nothing else, and whoever comes sees the reader's process id.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { open } from "lmdb";
import { StoreRefused } from "../refused.ts";
import { prepareFiles, writeEmptyStore } from "./files.ts";

export const OWNER_FILE = "owner.mdb";

/** Two that come at the same time see each other and both step back; they try again after different waits. */
const ATTEMPTS_MAX = 4;
const WAIT_MS_MAX = 120;

/** Directories of this process: within one process the kernel's locks do not exclude. */
const owned = new Set<string>();

export interface Ownership {
  release(): Promise<void>;
}

/** Rejects with a sentence that names the other process. The directory exists. */
export async function takeOwnership(dataDir: string): Promise<Ownership> {
  const path = realpathSync(dataDir);
  if (owned.has(path)) throw new StoreRefused(`${dataDir} is in use already by this process`);
  owned.add(path);
  try {
    for (let attempt = 1; ; attempt++) {
      const result = await tryOnce(path);
      if (typeof result !== "number") return result;
      if (attempt >= ATTEMPTS_MAX)
        throw new StoreRefused(
          `${dataDir} is in use by process ${result}. One data directory serves one Rollcall: stop that process, or give another --data.`,
        );
      await delay(Math.random() * WAIT_MS_MAX);
    }
  } catch (error) {
    owned.delete(path);
    throw error;
  }
}

/** The ownership, or the process id of another. */
async function tryOnce(path: string): Promise<Ownership | number> {
  const file = join(path, OWNER_FILE);
  writeEmptyStore(file);
  prepareFiles(file);
  const lock = openLock(file);
  const reader = lock.useReadTransaction();
  const others = readersOf(lock.readerList());
  const self = others.indexOf(process.pid);
  if (self >= 0) others.splice(self, 1);
  if (others.length === 0) {
    return {
      release: async () => {
        reader.done();
        await lock.close();
        owned.delete(path);
      },
    };
  }
  reader.done();
  await lock.close();
  return others[0] as number;
}

function openLock(file: string): ReturnType<typeof open> {
  try {
    return open({ path: file, noSubdir: true, overlappingSync: false, maxDbs: 1, maxReaders: 64 });
  } catch (error) {
    throw new StoreRefused(`cannot use ${file} (${(error as Error).message}); it holds no data and may be deleted`);
  }
}

/** The process ids in LMDB's table: a heading, then one line for each reader. */
function readersOf(list: string): number[] {
  return list
    .split("\n")
    .map((line) => Number.parseInt(line.trim().split(/\s+/)[0] ?? "", 10))
    .filter((pid) => Number.isInteger(pid));
}
