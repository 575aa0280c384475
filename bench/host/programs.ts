/** The programs that the benchmark needs beside Node: found on the path, or installed where that is possible. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Program, Side } from "../row.ts";

/** It is in no package: whoever has built it says where. */
export const NSQLOOKUPD = join(process.env.ROLLCALL_NSQ ?? "", "nsqlookupd");

interface Described {
  /** Of Debian; left out where there is none. */
  readonly package?: string;
  /** How it says its version; "" for a file that is named by it. */
  readonly version: string;
  readonly shown?: RegExp;
  /** Where it is, if it is not on the path. */
  readonly file?: string;
}

const PROGRAMS: Record<Program, Described> = {
  // wrk and dnsperf have no flag for it: their usage texts say it.
  wrk: { package: "wrk", version: "-v" },
  h2load: { package: "nghttp2-client", version: "--version" },
  etcd: { package: "etcd-server", version: "--version", shown: /etcd Version: \S+/ },
  dnsperf: { package: "dnsperf", version: "-h", shown: /Version \S+/ },
  dnsmasq: { package: "dnsmasq-base", version: "--version" },
  knotd: { package: "knot", version: "--version" },
  named: { package: "bind9", version: "-v", shown: /BIND \S+/ },
  java: { package: "default-jdk-headless", version: "-version", shown: /OpenJDK Runtime Environment \(build [^)]+\)/ },
  go: { package: "golang-go", version: "version" },
  // It is no program, but a jar.
  zookeeper: { package: "libzookeeper-java", version: "", file: "/usr/share/java/zookeeper.jar" },
  nsqlookupd: { version: "-version", file: NSQLOOKUPD },
  haproxy: { package: "haproxy", version: "-v" },
  chromium: { package: "chromium", version: "--version", shown: /Chromium \S+/ },
  mvn: { package: "maven", version: "--version", shown: /Apache Maven [\d.]+/ },
};

/** What each side cannot do without, beside its group's load generators. */
const SIDES: Record<Side, readonly Program[]> = {
  rollcall: [],
  etcd: ["etcd", "h2load"],
  dnsmasq: ["dnsmasq"],
  knot: ["knotd"],
  bind: ["named"],
  eureka: ["java", "mvn"],
  node: [],
  consul: ["go"],
  zookeeper: ["java", "zookeeper"],
  nsqlookupd: ["nsqlookupd"],
};

/** The programs of some sides. */
export function listPrograms(sides: Iterable<Side>): Program[] {
  return [...new Set([...sides].flatMap((side) => SIDES[side]))];
}

function isThere(program: string): boolean {
  const { file } = PROGRAMS[program as Program] ?? {};
  return file === undefined ? spawnSync("sh", ["-c", `command -v ${program}`]).status === 0 : existsSync(file);
}

/**
 * Debian starts a server when its package is installed, unless this file forbids it. It is written only where there is
 * none, and taken away again.
 */
const POLICY = "/usr/sbin/policy-rc.d";

function installPackages(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  const forbid = `set -C; printf '#!/bin/sh\\nexit 101\\n' > ${POLICY} && chmod 755 ${POLICY}`;
  const forbidden = spawnSync("sh", ["-c", forbid]).status === 0;
  try {
    if (spawnSync("apt-get", install, { env }).status === 0) return;
    spawnSync("apt-get", ["update"], { env });
    spawnSync("apt-get", install, { env });
  } finally {
    if (forbidden) spawnSync("rm", ["-f", POLICY]);
  }
}

/** Installs what is missing when this is root on a Debian system; answers what is still missing. */
export function requirePrograms(programs: readonly Program[], say: (line: string) => void): Program[] {
  const missing = programs.filter((program) => !isThere(program));
  const packages = missing.flatMap((program) => PROGRAMS[program].package ?? []);
  if (packages.length === 0 || process.getuid?.() !== 0 || !isThere("apt-get")) return missing;
  say(`installing ${packages.join(", ")}`);
  installPackages(packages);
  return programs.filter((program) => !isThere(program));
}

/** What a program says of its version: the first line, or the part of it that is asked for. */
export function readVersion(program: Program): string {
  if (!isThere(program)) return `${program}: not installed`;
  const { version, shown, file } = PROGRAMS[program];
  // Its name has the version.
  if (file !== undefined && version === "") return realpathSync(file).replace(/^.*\/|\.jar$/g, "");
  const said = spawnSync(file ?? program, [version], { encoding: "utf8" });
  const text = `${said.stdout}${said.stderr}`;
  const line = (shown?.exec(text)?.[0] ?? text.split("\n")[0] ?? "").replace(/ +Copyright.*$/, "").trim();
  return line.toLowerCase().includes(program.replace(/d$/, "")) ? line : `${program}: ${line}`;
}

/** Where a file system lies, as `df` names it. */
export function readFileSystem(path: string): string {
  const lines = execFileSync("df", ["-PT", path], { encoding: "utf8" }).trim().split("\n");
  const [device, type] = (lines.at(-1) ?? "").split(/\s+/);
  return `${type} on ${device}`;
}
