/** The machine and the programs that a run's numbers belong to. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Program } from "../row.ts";
import { readFileSystem, readVersion } from "./programs.ts";

export interface Machine {
  cores: number;
  model: string;
  memoryGb: number;
  kernel: string;
  fileSystem: string;
  /** Load average over a minute before the run: others on the machine spoil the numbers. */
  load: string;
  node: string;
  /** What the peers and the load generators say of their versions. */
  programs: string[];
  commit: string;
}

function readCommit(root: string): string {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--", "packages") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""}`;
  } catch {
    return "unknown";
  }
}

export function readMachine(root: string, programs: readonly Program[]): Machine {
  const all = cpus();
  return {
    cores: all.length,
    model: all[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem: readFileSystem(root),
    load: (loadavg()[0] ?? 0).toFixed(2),
    node: process.version,
    programs: programs.map(readVersion),
    commit: readCommit(root),
  };
}
