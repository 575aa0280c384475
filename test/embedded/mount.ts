/** A small file system in memory, for a test. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "../harness/scope.ts";

/** False, or why tests cannot mount one. */
export const cannotMount = tryMount();

function tryMount(): string | false {
  if (process.getuid?.() !== 0) return "mounting a file system needs root";
  const place = mkdtempSync(join(tmpdir(), "rollcall-mount-"));
  try {
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "none", place], { encoding: "utf8" });
    if (status !== 0) return `this system forbids mounts: ${stderr?.trim()}`;
    spawnSync("umount", [place]);
    return false;
  } finally {
    rmSync(place, { recursive: true });
  }
}

export interface Mounted {
  readonly path: string;
  /** Changes its options: "size=64m", "ro". */
  remount(options: string): void;
}

export function mountSmall(scope: Scope, size: string): Mounted {
  const path = mkdtempSync(join(tmpdir(), "rollcall-mount-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", path]);
  scope.after(() => {
    execFileSync("umount", ["-l", path]);
    rmSync(path, { recursive: true });
  });
  return { path, remount: (options) => execFileSync("mount", ["-o", `remount,${options}`, path]) };
}
