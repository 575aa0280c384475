/** The default replicator: one node, durable in LMDB. */
export {
  type BackupSummary,
  type Progress,
  type RestoreOptions,
  type RestoreSummary,
  restoreBackup,
  verifyBackup,
} from "./backup.ts";
export { createEmbedded, type EmbeddedOptions, type EmbeddedReplicator } from "./embedded.ts";
export { StoreRefused } from "./files.ts";
