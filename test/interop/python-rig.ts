/**
 * Python programs as peers: each folder of `python/` has a `main.py`, and in `requirements.txt` what it needs. That is
 * installed once into a virtual environment of its own, which is kept in `.cache/python`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Program } from "../harness/process.ts";
import { ROOT } from "../harness/root.ts";
import type { PeerScope } from "../peers-rig.ts";
import { isOutOfReach, startShown } from "./programs-rig.ts";

const CACHE = join(ROOT, ".cache/python");
const PROJECTS = join(ROOT, "test/interop/python");

const INSTALL_MS_MAX = 180_000;
/** What pip says when it could not reach where packages come from; a package that is not there reads otherwise. */
const UNREACHABLE =
  /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded|Name or service not known/;

export interface PythonProject {
  /** Pass it to the test; it carries the reason. */
  readonly skip: false | string;
  /** The interpreter that has what was installed. */
  readonly path: string;
  /** Starts `main.py`. Its output is shown when the test fails. */
  start(scope: PeerScope, args: readonly string[], env?: Readonly<Record<string, string>>): Program;
}

/** Installs what `python/<name>` needs, unless it is there. `python` is what `requirePackage` answers, `main` what is started. */
export async function installProject(
  name: string,
  python: { readonly path: string; readonly skip: false | string },
  main = join(PROJECTS, name, "main.py"),
): Promise<PythonProject> {
  const folder = join(PROJECTS, name);
  const skip = python.skip === false ? findMissing(python.path) : python.skip;
  if (skip !== false) return { skip, path: "", start: refuse };
  const { stdout: version } = spawnSync(python.path, ["-c", "import sys; print(sys.version, sys.base_prefix)"]);
  const hash = createHash("sha256")
    .update(version)
    .update(readFileSync(join(folder, "requirements.txt")));
  const environment = join(CACHE, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(join(environment, "bin/python")) && (await isWithoutPackages(python.path, folder, environment)))
    return { skip: `pip reaches no index to install what ${name} needs from`, path: "", start: refuse };
  const path = join(environment, "bin/python");
  return {
    skip: false,
    path,
    start: (scope, args, env = {}) =>
      // Bytecode beside the sources would be files of the repository.
      startShown(scope, `python ${[main, ...args].join(" ")}`, path, ["-B", main, ...args], {
        env: { NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1", ...env },
      }),
  };
}

function refuse(): never {
  throw new Error("nothing was installed: pass its skip to the test");
}

/** Debian has virtual environments in a package of their own. False, or why the tests are to be skipped. */
function findMissing(python: string): false | string {
  if (spawnSync(python, ["-c", "import ensurepip, venv"]).status === 0) return false;
  const reason = "python3 has no venv: apt-get install python3-venv";
  if (process.env.CI) throw new Error(`${reason} (peers are never skipped in CI)`);
  return reason;
}

/** Makes the environment, under another name until all is there. True when pip reached no index. */
async function isWithoutPackages(python: string, folder: string, environment: string): Promise<boolean> {
  const target = `${environment}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  const limits = { unreachable: UNREACHABLE, timeoutMs: INSTALL_MS_MAX };
  const install = ["-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--no-deps"];
  const patience = ["--no-input", "--disable-pip-version-check", "--retries", "2", "--timeout", "20"];
  try {
    await isOutOfReach(python, ["-m", "venv", target], limits);
    const args = [...install, ...patience, "-r", join(folder, "requirements.txt")];
    if (await isOutOfReach(join(target, "bin/python"), args, limits)) return true;
    rmSync(environment, { recursive: true, force: true });
    renameSync(target, environment);
    return false;
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}
