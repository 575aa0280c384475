/** @live A registry between this kind of store and others: out of a backup, and into one. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Outcome, ok, type Revision, refuse } from "../../core/index.ts";
import { sayWhy } from "../../net/why.ts";
import type { Archive, ArchivedGroup, ArchivedRows, Progress } from "../../records/archive.ts";
import { summarizeGroup } from "../../records/group.ts";
import { type Backup, type BackupSummary, takeBackup, verifyBackup } from "./backup.ts";
import { backupFile, isLeftover, makeDirectory } from "./directory/files.ts";
import { explainWrite } from "./directory/room.ts";
import { listFile } from "./file/verify.ts";
import { makeStore } from "./open.ts";
import { NoRoom } from "./refused.ts";

const SLICE_ROWS = 500;

/** What a backup holds, once it is known to be whole. All of it lies in memory, as it does in a node. */
export async function readArchive(
  file: string,
  onProgress?: Progress,
): Promise<Outcome<{ readonly archive: Archive; readonly summary: BackupSummary }>> {
  const verified = await verifyBackup(file, onProgress);
  if (!verified.ok) return verified;
  const summary = verified.value;
  const rows: (readonly [Buffer, Buffer])[] = [];
  const all: ArchivedGroup[] = [];
  const about = listFile(
    file,
    summary.bytes,
    // Copies: what is handed on lies in a page, and would keep all of that.
    (name, row) => rows.push([Buffer.from(name), Buffer.from(row())]),
    (key, group) => all.push({ first: Number(key.readBigUInt64BE(0)), bytes: Buffer.from(group()) }),
  );
  const { marker, store: line, createdAtMs } = about;
  const groups = all.filter(({ bytes }) => lastOf(bytes) > marker.revision);
  return ok({
    summary,
    archive: { line, createdAtMs, marker, revision: summary.revision, rows: slices(rows), groups },
  });
}

function lastOf(group: Buffer): Revision {
  const summary = summarizeGroup(group);
  return summary.ok ? summary.value.last : 0;
}

function* slices(rows: ArchivedRows): Iterable<ArchivedRows> {
  for (let at = 0; at < rows.length; at += SLICE_ROWS) yield rows.slice(at, at + SLICE_ROWS);
}

/** Makes a backup of it, for which this directory has room twice. One at a time. */
export async function archiveToBackup(
  read: () => Promise<Archive>,
  dataDir: string,
  takenAtMs: number,
): Promise<Outcome<Backup>> {
  const part = join(dataDir, backupFile());
  try {
    makeDirectory(dataDir);
    // What a process left that was killed.
    for (const name of readdirSync(dataDir)) if (isLeftover(name)) rmSync(join(dataDir, name), { force: true });
    const archive = await read();
    const { line, createdAtMs, marker } = archive;
    const store = await makeStore(part, { store: line, createdAtMs }, marker);
    try {
      for await (const rows of archive.rows) await store.write({ rows });
      for await (const group of archive.groups) await store.write({ group });
      return await takeBackup(store, dataDir, takenAtMs);
    } finally {
      await store.close();
    }
  } catch (error) {
    const why = error instanceof NoRoom ? explainWrite(error, dataDir) : sayWhy(error);
    return refuse("unavailable", `no backup can be taken: ${why}`);
  } finally {
    for (const name of [part, `${part}-lock`]) rmSync(name, { force: true });
  }
}
