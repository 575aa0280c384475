/** @live Opens a data directory, or says in a sentence why not. What is not ours or not intact is left as it is. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Position, Sequencer } from "../../core/index.ts";
import { sayWhy } from "../../net/why.ts";
import { encodeMeta } from "../../records/meta.ts";
import { FORMAT } from "../../records/sealed.ts";
import type { Checkpoint } from "../../records/state/checkpoint.ts";
import { StateRows } from "../../records/state/rows.ts";
import {
  isCleanlyClosed,
  isLeftover,
  NEW_FILE,
  openDirectory,
  removeCleanStamp,
  STORE_FILE,
  syncDirectory,
} from "./directory/files.ts";
import { type Ownership, takeOwnership } from "./directory/owner.ts";
import { explainWrite } from "./directory/room.ts";
import { emptyStore } from "./file/pages.ts";
import { readState, summarizeFile } from "./file/verify.ts";
import type { KeyIndex } from "./history/key-index.ts";
import type { Retention } from "./history/retention.ts";
import { encodePosition, floorRow, type Identity } from "./meta.ts";
import { Damaged, NoRoom, StoreRefused, TooNew } from "./refused.ts";
import { type Recovered, recover } from "./state/recover.ts";
import { Store } from "./store/databases.ts";

interface OpenedStore {
  readonly store: Store;
  readonly recovered: Recovered;
  readonly owner: Ownership;
  /** Why every page was looked at; null when that was not needed. */
  readonly verified: string | null;
}

/** All of an open replicator. */
export interface Parts extends Omit<OpenedStore, "recovered"> {
  readonly sequencer: Sequencer;
  readonly checkpoint: Checkpoint;
  readonly retention: Retention;
  readonly keyIndex: KeyIndex;
}

/** Rejects with a sentence for people. `use` gets the recovered state while the files are known to be good. */
export async function openStore(
  dataDir: string,
  nowMs: number,
  use: (recovered: Recovered) => void,
): Promise<OpenedStore> {
  openDirectory(dataDir);
  const owner = await takeOwnership(dataDir).catch((error: unknown) => {
    throw refusalOf(error, dataDir, dataDir);
  });
  const path = join(dataDir, STORE_FILE);
  let store: Store | undefined;
  try {
    const isMade = !existsSync(path);
    if (isMade) await createStore(dataDir, nowMs);
    removeLeftovers(dataDir);
    const isClean = isMade || isCleanlyClosed(dataDir, summarizeFile(path).txnId);
    const rows = new StateRows();
    const about = readState(path, isClean, (bytes, start, end) => {
      const added = rows.add(bytes, start, end);
      if (!added.ok) throw new Damaged(added.detail);
    });
    store = new Store(path);
    const recovered = recover(store, about, rows);
    use(recovered);
    if (about.format < FORMAT) await store.write({ meta: [identityRow(about)] });
    // Reading touched much of the map, and touched pages count as this process's memory: a new map has none.
    await store.reopen();
    removeCleanStamp(dataDir);
    return { store, recovered, owner, verified: isClean ? null : "the last stop was not clean" };
  } catch (error) {
    await store?.close();
    await owner.release();
    throw refusalOf(error, path, dataDir);
  }
}

function refusalOf(error: unknown, path: string, dataDir: string): unknown {
  if (error instanceof TooNew)
    return new StoreRefused(`${path} cannot be used: ${error.message}. Start the newer version.`);
  if (error instanceof Damaged)
    return new StoreRefused(
      `${path} is damaged: ${error.message}. Nothing was changed. Restore a backup with: rollcall restore <backup file> --data ${dataDir} --force (the damaged directory is kept beside it).`,
    );
  if (error instanceof StoreRefused) return error;
  if (error instanceof NoRoom) return new StoreRefused(explainWrite(error, dataDir));
  const { code } = error as { code?: unknown };
  // An error without a code is a bug, and wants its stack.
  return code === undefined ? error : new StoreRefused(`cannot use the store in ${dataDir}: ${sayWhy(error)}`);
}

/** Unfinished files of a start, a restore or backups that were cut off; they were never in use. */
function removeLeftovers(dataDir: string): void {
  for (const name of readdirSync(dataDir)) if (isLeftover(name)) rmSync(join(dataDir, name), { force: true });
}

/** From here on programs of older formats refuse the store. */
function identityRow({ store, createdAtMs }: Pick<Identity, "store" | "createdAtMs">): readonly ["identity", Buffer] {
  const identity: Identity = { program: "rollcall", format: FORMAT, store, createdAtMs };
  return ["identity", encodeMeta(identity)];
}

const FIRST_BYTES = 256 * 1024;

const START: Position = { revision: 0, orderMs: 0, nth: 0 };

/** A store without anything in it. `marker`: where its order begins. */
export async function makeStore(
  path: string,
  about: Pick<Identity, "store" | "createdAtMs">,
  marker = START,
): Promise<Store> {
  // The library writes some pages as it opens the store: their room is there already.
  writeFileSync(path, Buffer.concat([emptyStore(), Buffer.alloc(FIRST_BYTES)]), { mode: 0o600 });
  const store = new Store(path);
  try {
    const floor = floorRow(marker.revision);
    await store.write({ meta: [identityRow(about), ["checkpoint", encodePosition(marker)], floor] });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Made under another name: a file with the right name is always complete. */
async function createStore(dataDir: string, nowMs: number): Promise<void> {
  const part = join(dataDir, NEW_FILE);
  const store = await makeStore(part, { store: randomUUID(), createdAtMs: nowMs });
  await store.close();
  renameSync(part, join(dataDir, STORE_FILE));
  syncDirectory(dataDir);
}
