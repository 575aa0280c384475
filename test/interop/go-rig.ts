/**
 * Go programs as peers: each folder of `go/` is a module, built once for what is in it. Modules and what was built are
 * kept in `.cache/go`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Program } from "../harness/process.ts";
import { ROOT } from "../harness/root.ts";
import type { PeerScope } from "../peers-rig.ts";
import { hashFolder, isOutOfReach, startShown } from "./programs-rig.ts";

const CACHE = join(ROOT, ".cache/go");
const MODULES = join(ROOT, "test/interop/go");

/** The first build compiles Go's own library, too. */
const BUILD_MS_MAX = 270_000;
/** What Go says when it could not reach where modules come from; a module that is not there reads otherwise. */
const UNREACHABLE =
  /dial tcp|proxyconnect|no such host|i\/o timeout|TLS handshake timeout|connection refused|unexpected EOF/;

/** Nothing of the user's is read or written, and no other version of Go is fetched. */
const ENVIRONMENT = {
  CGO_ENABLED: "0",
  GOCACHE: join(CACHE, "build"),
  GOFLAGS: "-mod=readonly -modcacherw -buildvcs=false",
  GOMODCACHE: join(CACHE, "modules"),
  GOTOOLCHAIN: "local",
  GOWORK: "off",
};

export interface GoProgram {
  /** Pass it to the test; it carries the reason. */
  readonly skip: false | string;
  readonly path: string;
  /** Starts it. Its output is shown when the test fails. */
  start(scope: PeerScope, args: readonly string[], env?: Readonly<Record<string, string>>): Program;
}

export interface Wanted {
  /** A folder of the module whose program is built, or a tool's import path; that of the module itself when left out. */
  readonly part?: string;
  /** Another list of modules than `go.mod`, with its sums beside it. */
  readonly modules?: string;
  /** Where the module lies, if not in `go/<name>`. */
  readonly folder?: string;
}

/** Builds `go/<name>`, unless it was built before with the same content and Go. `go` is what `requirePackage` answers. */
export async function buildModule(
  name: string,
  go: { readonly path: string; readonly skip: false | string },
  { part = ".", modules = "go.mod", folder = join(MODULES, name) }: Wanted = {},
): Promise<GoProgram> {
  if (go.skip !== false) return { skip: go.skip, path: "", start: refuse };
  const { stdout: version } = spawnSync(go.path, ["version"], { encoding: "utf8" });
  const needed = neededGo(folder, modules);
  if (isOlder(version, needed)) return { skip: `${name} needs Go ${needed}: ${version}`, path: "", start: refuse };
  const called = part === "." ? name : `${name}-${basename(part)}`;
  const built = join(
    CACHE,
    "built",
    `${called}-${hashFolder(folder, modules === "go.mod" ? [version] : [version, modules])}`,
  );
  const what = [`-modfile=${modules}`, part === "." || part.includes("/") ? part : `./${part}`];
  if (!existsSync(built) && (await isWithoutModules(go.path, folder, what, built)))
    return { skip: `Go reaches no proxy to get the modules of ${name} from`, path: "", start: refuse };
  return {
    skip: false,
    path: built,
    start: (scope, args, env = {}) => startShown(scope, `${called} ${args.join(" ")}`, built, args, { env }),
  };
}

/** As its go.mod says. */
function neededGo(folder: string, modules: string): string {
  return /^go (\d+\.\d+)/m.exec(readFileSync(join(folder, modules), "utf8"))?.[1] ?? "1.0";
}

function isOlder(version: string, needed: string): boolean {
  const [has = 0, wants = 0] = [version, needed].map((text) => Number(/1\.(\d+)/.exec(text)?.[1] ?? 0));
  return has < wants;
}

function refuse(): never {
  throw new Error("the module was not built: pass its skip to the test");
}

/** Builds under another name until all is there. True when Go reached nothing to download modules from. */
async function isWithoutModules(go: string, folder: string, what: readonly string[], built: string): Promise<boolean> {
  const target = `${built}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  const limits = { env: ENVIRONMENT, cwd: folder, unreachable: UNREACHABLE, timeoutMs: BUILD_MS_MAX };
  try {
    if (await isOutOfReach(go, ["build", "-trimpath", "-o", target, ...what], limits)) return true;
    renameSync(target, built);
    return false;
  } finally {
    rmSync(target, { force: true });
  }
}
