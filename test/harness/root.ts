import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, with a slash at the end. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The JavaScript that was made of a source (scripts/make-tests.mjs), for Node to run in a process of its own. */
export function madeOf(source: string): string {
  return join(ROOT, ".cache/tests", source.replace(/\.ts$/, ".js"));
}
