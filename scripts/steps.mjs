/** What every script begins with: the right Node, the dependencies, a fresh build. Plain Node, nothing installed yet. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkNode } from "../packages/registry/bin/node-version.mjs";
import { makeTests } from "./make-tests.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const PROGRAM = join(ROOT, "packages/registry/dist/bin/rollcall.js");

/** Runs a command in the repository's root, its output shown; resolves to its exit code. */
export function run(command, args, { env = {}, quiet = false } = {}) {
  return new Promise((resolve) => {
    const stdio = quiet ? ["ignore", "pipe", "pipe"] : "inherit";
    const child = spawn(command, args, { cwd: ROOT, stdio, env: { ...process.env, ...env } });
    const output = [];
    child.stdout?.on("data", (chunk) => output.push(chunk));
    child.stderr?.on("data", (chunk) => output.push(chunk));
    child.once("error", (error) => {
      console.error(`cannot run ${command}: ${error.message}`);
      resolve(127);
    });
    child.once("close", (code, signal) => {
      if (quiet && code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

export function runNode(args, options) {
  return run(process.execPath, args, options);
}

/** Makes what runs of the test files, runs them and reports; see run-tests.mjs. Resolves to the exit code. */
export async function runTests(args, options) {
  await makeTests();
  return runNode(["scripts/run-tests.mjs", ...args], options);
}

/** A program that a dependency brings. */
export function tool(name) {
  return join(ROOT, "node_modules/.bin", name);
}

/** Whether package-lock.json asks for other packages than are installed. File times do not tell: npm writes the lock last. */
function isStale() {
  const installedFile = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installedFile)) return true;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
  return Object.entries(wanted).some(([path, entry]) => {
    if (!path.startsWith("node_modules/") || entry.link || entry.optional || entry.peer) return false;
    return installed[path]?.version !== entry.version;
  });
}

export async function ensureDependencies() {
  checkNode();
  if (!isStale()) return;
  console.log("Installing dependencies (npm ci) …");
  const startMs = performance.now();
  const npm = process.env.npm_execpath;
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const code = npm?.endsWith("js")
    ? await runNode([npm, ...args], { quiet: true })
    : await run("npm", args, { quiet: true });
  if (code !== 0) {
    console.error(`npm ci failed with code ${code}.`);
    process.exit(code);
  }
  console.log(`Installed in ${seconds(startMs)}.`);
}

/** Checks the types, compiles the client, and bundles the program: what is stale and nothing else. */
export async function build() {
  await ensureDependencies();
  const code = await runNode([tool("tsc"), "-b"]);
  if (code !== 0) {
    console.error("The build failed.");
    process.exit(code);
  }
  // Loaded only now: it needs a dependency.
  const { bundle } = await import("./bundle.mjs");
  await bundle(ROOT);
  const { bundleDashboard } = await import("./dashboard.mjs");
  await bundleDashboard(ROOT);
}

export function seconds(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

/** Debian packages of the tests' peers, each with a program that tells whether it is there; with `args` that must also run. */
const TEST_PACKAGES = [
  { name: "chromium", program: "chromium" },
  { name: "curl", program: "curl" },
  { name: "openssl", program: "openssl" },
  { name: "strace", program: "strace" },
  { name: "serf", program: "serf" },
  { name: "systemd", program: "systemd-analyze" },
  { name: "bind9", program: "named" },
  { name: "bind9-dnsutils", program: "dig" },
  { name: "bind9-dnsutils", program: "nsupdate" },
  { name: "bind9-utils", program: "named-checkzone" },
  { name: "dnsmasq-base", program: "dnsmasq" },
  { name: "etcd-client", program: "etcdctl" },
  { name: "etcd-server", program: "etcd" },
  { name: "gcc", program: "gcc" },
  { name: "haproxy", program: "haproxy" },
  { name: "iproute2", program: "ip" },
  { name: "knot", program: "knotd" },
  { name: "knot-dnsutils", program: "kdig" },
  { name: "knot-resolver", program: "kresd" },
  { name: "libc-bin", program: "getent" },
  { name: "musl-tools", program: "musl-gcc" },
  { name: "nginx", program: "nginx" },
  { name: "nsd", program: "nsd" },
  { name: "nsd", program: "nsd-control" },
  // The backend has no program of its own.
  { name: "pdns-backend-lmdb", program: "pdns_server" },
  { name: "pdns-recursor", program: "pdns_recursor" },
  { name: "pdns-server", program: "pdns_server" },
  { name: "pdns-server", program: "pdnsutil" },
  { name: "unbound", program: "unbound" },
  { name: "unbound", program: "unbound-control" },
  { name: "util-linux", program: "nsenter" },
  { name: "util-linux", program: "prlimit" },
  { name: "util-linux", program: "setpriv" },
  { name: "util-linux", program: "unshare" },
];

/** More of them for `npm run interop` alone. */
export const INTEROP_PACKAGES = [
  ...TEST_PACKAGES,
  { name: "default-jdk-headless", program: "java" },
  { name: "default-jdk-headless", program: "javac" },
  { name: "golang-go", program: "go" },
  // A library, with the server in it.
  { name: "libzookeeper-java", program: "test", args: ["-e", "/usr/share/java/zookeeper.jar"] },
  { name: "maven", program: "mvn" },
  { name: "prometheus", program: "prometheus" },
  { name: "prometheus", program: "promtool" },
  { name: "protobuf-compiler", program: "protoc" },
  { name: "python3", program: "python3" },
  // A part of Python with a package of its own, but no program.
  { name: "python3-venv", program: "python3", args: ["-c", "import ensurepip, venv"] },
  { name: "util-linux", program: "flock" },
];

/** Installs the missing ones where that is possible (Debian, as root); says what is missing where it is not. */
export function ensurePackages(packages = TEST_PACKAGES) {
  // Servers live in sbin, which is not in everyone's path.
  const search = { env: { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` } };
  const missing = packages.filter(
    ({ program, args }) =>
      spawnSync("which", [program], search).status !== 0 ||
      (args !== undefined && spawnSync(program, args, search).status !== 0),
  );
  if (missing.length === 0) return;
  const names = [...new Set(missing.map(({ name }) => name))];
  if (process.getuid?.() !== 0 || spawnSync("which", ["apt-get"]).status !== 0) {
    console.log(`Missing, their tests will be skipped: ${names.join(", ")} (apt-get install ${names.join(" ")})`);
    return;
  }
  console.log(`Installing Debian packages for the tests: ${names.join(", ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
  const folder = hideServiceTools();
  const path = `DPkg::Path=${folder}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const args = ["install", "-y", "-qq", "--no-install-recommends", "-o", path, ...names];
  const { status, stderr } = spawnSync("apt-get", args, { env, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  if (status !== 0) console.error(`apt-get install ${names.join(" ")} failed:\n${stderr}`);
}

/** Commands that do nothing, to be found first by dpkg: Debian would start the services that it installs. */
function hideServiceTools() {
  const folder = mkdtempSync(join(tmpdir(), "rollcall-apt-"));
  for (const name of ["deb-systemd-helper", "deb-systemd-invoke", "invoke-rc.d", "update-rc.d"])
    symlinkSync("/bin/true", join(folder, name));
  return folder;
}
