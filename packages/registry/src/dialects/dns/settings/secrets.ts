/** @live Reads the files that hold secrets, and notes which of them others may read. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** Files of keys are far shorter. */
const FILE_BYTES_MAX = 4096;
/** The group or all others may read the file. */
const OTHERS_READ = 0o044;

export interface Secrets {
  /** The text of the file. Throws a sentence that repeats nothing of the text. */
  read(path: string): string;
  /** Files read until now that others may read, with their modes. */
  readonly exposed: ReadonlyMap<string, string>;
}

export function openSecrets(): Secrets {
  const exposed = new Map<string, string>();
  return {
    exposed,
    read(path) {
      // A pipe without a writer must not hold up the start.
      const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const stat = fstatSync(file);
        if (!stat.isFile()) throw new Error("it is no file");
        const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
        const length = readSync(file, buffer);
        if (length > FILE_BYTES_MAX) throw new Error(`it is longer than ${FILE_BYTES_MAX} bytes`);
        if ((stat.mode & OTHERS_READ) !== 0) exposed.set(path, (stat.mode & 0o777).toString(8).padStart(4, "0"));
        return buffer.toString("latin1", 0, length);
      } finally {
        closeSync(file);
      }
    },
  };
}
