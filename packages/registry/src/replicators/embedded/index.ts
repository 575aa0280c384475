/** The default replicator: one node, durable in LMDB. */
export {
  type BackupSummary,
  type Progress,
  type RestoreOptions,
  type RestoreSummary,
  restoreBackup,
  verifyBackup,
} from "./backup.ts";
export { StoreRefused } from "./directory/files.ts";
export { createEmbedded, type EmbeddedOptions, type EmbeddedReplicator } from "./replicator.ts";
