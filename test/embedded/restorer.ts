/** Restores a backup and is killed in the middle of it: the other process of the tests of restoring. */
import { restoreBackup } from "../../packages/registry/src/replicators/embedded/backup.ts";

const [, , file = "", dataDir = ""] = process.argv;

restoreBackup(file, dataDir, {
  force: true,
  onProgress: (step) => {
    if (step === "copy") process.kill(process.pid, "SIGKILL");
  },
}).catch((error: Error) => {
  console.error(error);
  process.exitCode = 1;
});
