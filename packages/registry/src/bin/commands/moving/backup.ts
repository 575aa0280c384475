import { createWriteStream } from "node:fs";
import { access, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { BackupStream } from "@rollcall/client";
import { type Command, Option } from "commander";
import type { Refused } from "../../../core/index.ts";
import { sayWhy } from "../../../net/why.ts";
import type { Progress } from "../../../records/archive.ts";
import { connect, outputOf, untilInterrupted } from "../../terminal/connection.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";
import { toBytesText } from "../../terminal/output.ts";
import { createProgress } from "../../terminal/progress.ts";
import { checked, loaderOf, storeOptions } from "../run/serve.ts";

export function defineBackup(program: Command): void {
  program
    .command("backup <file>")
    .summary("save a copy of the store while the registry runs")
    .description(
      "Saves a consistent copy of the store while the registry runs. The file appears only when it is whole.",
    )
    .option("--force", "replace the file when it is there")
    .action(async (file: string, flags: { force?: boolean }, self: Command) => {
      const { client, out } = await connect(self);
      const path = resolve(file);
      if (!flags.force && (await exists(path)))
        throw new Failure(EXIT.usage, `${path} is there already`, "Replace it with --force.");
      const bytes = await save(await client.admin.backup(), path, untilInterrupted());
      if (out.json) out.document({ file: path, bytes });
      else out.line(`saved ${toBytesText(bytes)} to ${path}`);
    });

  const restoring = program
    .command("restore <file>")
    .summary("make a registry from a backup")
    .description(
      "Checks a backup and makes a new data directory from it, or, with --replicator etcd, the registry in an etcd. Works without a running registry; none may run there. Positions that clients hold are too old afterwards: they read again.",
    )
    .option("--data <dir>", "the data directory to make; it must be empty or not there, or --force")
    .option("--force", "move what is in the data directory aside and keep it; in etcd: delete what is there");
  for (const option of storeOptions()) restoring.addOption(option);
  restoring
    .addOption(
      new Option("--config <file>", "configuration file, for etcd; rollcall.yaml when it is there").env(
        "ROLLCALL_CONFIG",
      ),
    )
    .action(async (file: string, flags: RestoreFlags, self: Command) => {
      const configured = async () => checked((await loaderOf(self))()).replicator;
      const kind = flags.replicator ?? (flags.data === undefined ? await configured() : "embedded");
      if (kind === "etcd") return restoreIntoEtcd(resolve(file), flags.force === true, self);
      if (flags.data === undefined || kind === "memory")
        throw new Failure(EXIT.usage, "restore needs --data, or --replicator etcd and --etcd");
      return restore(resolve(file), resolve(flags.data), flags.force === true, self);
    });
}

interface RestoreFlags {
  readonly data?: string;
  readonly replicator?: string;
  readonly force?: boolean;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Writes beside the file and renames: a copy that broke off never looks like one that is whole. */
async function save(backup: BackupStream, path: string, interrupted: AbortSignal): Promise<number> {
  const part = `${path}.part`;
  const progress = createProgress("backup", backup.bytes);
  try {
    const bytes = await pour(backup, part, progress.report, interrupted);
    await flush(part);
    await rename(part, path);
    await flush(dirname(path));
    return bytes;
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    if (error instanceof Failure) throw error;
    throw new Failure(EXIT.refused, `cannot save the backup to ${path}: ${sayWhy(error)}`);
  } finally {
    progress.end();
  }
}

/** Rejects with a `Failure` when the registry, or the person, broke off; with the system's error when writing failed. */
async function pour(
  backup: BackupStream,
  part: string,
  report: (bytes: number) => void,
  interrupted: AbortSignal,
): Promise<number> {
  let bytes = 0;
  const source = Readable.fromWeb(backup.body as ReadableStream);
  source.on("data", (piece: Buffer) => {
    bytes += piece.length;
    report(bytes);
  });
  try {
    await pipeline(source, createWriteStream(part, { mode: 0o600 }), { signal: interrupted });
  } catch (error) {
    if ("syscall" in (error as object)) throw error;
    if (interrupted.aborted) throw new Failure(EXIT.refused, "interrupted: nothing was saved");
    throw brokenOff(bytes, backup);
  }
  if (backup.bytes !== null && bytes !== backup.bytes) throw brokenOff(bytes, backup);
  return bytes;
}

function brokenOff(bytes: number, backup: BackupStream): Failure {
  const total = backup.bytes === null ? "" : ` of ${backup.bytes}`;
  return new Failure(EXIT.refused, `the backup broke off after ${bytes}${total} bytes: nothing was saved`);
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function restore(file: string, data: string, force: boolean, command: Command): Promise<void> {
  const out = outputOf(command);
  const { restoreBackup } = await import("../../../replicators/embedded/backup.ts");
  const { onProgress, end } = showProgress();
  const outcome = await restoreBackup(file, data, { force, onProgress });
  end();
  if (!outcome.ok) throw toFailure(outcome);
  const { revision, bytes, aside, takenAtMs } = outcome.value;
  const takenAt = new Date(takenAtMs).toISOString();
  if (out.json) return out.document({ file, data, revision, bytes, takenAt, aside });
  out.line(`restored ${toBytesText(bytes)} to ${data}: revision ${revision}, saved ${takenAt}`);
  if (aside !== null) out.line(`what was there is now ${aside}`);
}

async function restoreIntoEtcd(file: string, force: boolean, command: Command): Promise<void> {
  const out = outputOf(command);
  const { etcd, data } = checked((await loaderOf(command))());
  const { readArchive } = await import("../../../replicators/embedded/archive.ts");
  const { restoreArchive } = await import("../../../replicators/etcd/about/archive.ts");
  const { toClientOptions } = await import("../../config/etcd.ts");
  const { onProgress, end } = showProgress();
  const read = await readArchive(file, onProgress);
  if (!read.ok) throw toFailure(read);
  const { archive, summary } = read.value;
  const { prefix } = etcd;
  const target = { ...toClientOptions(etcd), prefix, dataDir: data, force, onProgress, bytes: summary.bytes };
  const outcome = await restoreArchive(archive, target);
  end();
  if (!outcome.ok) throw toFailure(outcome);
  const [revision, takenAt] = [outcome.value, new Date(summary.takenAtMs).toISOString()];
  if (out.json) return out.document({ file, etcd: etcd.endpoints, prefix, revision, bytes: summary.bytes, takenAt });
  out.line(`restored ${toBytesText(summary.bytes)} to etcd: revision ${revision}, saved ${takenAt}`);
}

function showProgress(): { readonly onProgress: Progress; end(): void } {
  const progress = createProgress("", null);
  const onProgress: Progress = (step, done, total) =>
    progress.report(done, total, step === "verify" ? "checking" : "restoring");
  return { onProgress, end: progress.end };
}

function toFailure({ refusal, detail }: Refused): Failure {
  return new Failure(refusal === "exists" || refusal === "conflict" ? EXIT.usage : EXIT.store, detail);
}
