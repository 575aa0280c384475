/** Programs of other makers that tests use as peers. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a peer's program is. Pass `skip` to the test; it carries the reason. */
export function requirePackage(
  debianName: string,
  binary: string,
): { readonly path: string; readonly skip: false | string } {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = join(folder, binary);
    try {
      accessSync(path, constants.X_OK);
      return { path, skip: false };
    } catch {
      // Not in this folder.
    }
  }
  const reason = `${binary} is missing: apt-get install ${debianName}`;
  if (process.env.CI) throw new Error(`${reason} (peers are never skipped in CI)`);
  return { path: "", skip: reason };
}
