/** The programs that the benchmark needs beside Node: found on the path, or installed where that is possible. */
import { execFileSync, spawnSync } from "node:child_process";

/** Program -> Debian package. */
const PACKAGES = { wrk: "wrk", h2load: "nghttp2-client", etcd: "etcd-server" } as const;

export type Program = keyof typeof PACKAGES;

function isThere(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** Installs what is missing when this is root on a Debian system; answers what is still missing. */
export function requirePrograms(say: (line: string) => void): Program[] {
  const all = Object.keys(PACKAGES) as Program[];
  const missing = all.filter((program) => !isThere(program));
  if (missing.length === 0 || process.getuid?.() !== 0 || !isThere("apt-get")) return missing;
  const packages = missing.map((program) => PACKAGES[program]);
  say(`installing ${packages.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  if (spawnSync("apt-get", install, { env }).status !== 0) {
    spawnSync("apt-get", ["update"], { env });
    spawnSync("apt-get", install, { env });
  }
  return all.filter((program) => !isThere(program));
}

/** The first line of what a program says of its version. */
export function readVersion(program: Program): string {
  if (!isThere(program)) return "not installed";
  // wrk has no flag for it: its usage text begins with the version, and it exits with 1.
  const said = spawnSync(program, [program === "wrk" ? "-v" : "--version"], { encoding: "utf8" });
  const line = `${said.stdout}${said.stderr}`.split("\n")[0] ?? "";
  return line.replace(/ Copyright.*$/, "").trim();
}

/** Where a file system lies, as `df` names it. */
export function readFileSystem(path: string): string {
  const lines = execFileSync("df", ["-PT", path], { encoding: "utf8" }).trim().split("\n");
  const [device, type] = (lines.at(-1) ?? "").split(/\s+/);
  return `${type} on ${device}`;
}
