/**
 * Java programs as peers: small Maven projects of `java/`, each built once for what is in it, and started with the
 * libraries that Maven resolved. What was downloaded and built is kept in `.cache/maven`.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import type { Program } from "../harness/process.ts";
import { ROOT } from "../harness/root.ts";
import type { PeerScope } from "../peers-rig.ts";
import { hashFolder, isOutOfReach, startShown } from "./programs-rig.ts";

const CACHE = join(ROOT, ".cache/maven");
const REPOSITORY = join(CACHE, "repository");
const LOCK = join(CACHE, "lock");
const PROJECTS = join(ROOT, "test/interop/java");

/** Downloading all of Spring takes its time, once; and other tests build meanwhile, one after the other. */
const BUILD_MS_MAX = 540_000;
/** What Maven says when it could not reach where libraries come from; a library that is not there reads otherwise. */
const UNREACHABLE = /Could not transfer|Unknown host|UnknownHostException|Connection refused|Connection timed out/;
/** Small machines start a JVM twice as fast with these. */
const JVM_FLAGS = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];

/** Named whole: looking a short name up is one more thing to download. */
const BUILD_CLASSPATH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath";

/** What `requirePackage` answers. */
type Package = { readonly path: string; readonly skip: false | string };

export interface JavaProject {
  /** Pass it to the test; it carries the reason. */
  readonly skip: false | string;
  /** Starts a class's `main`. Its output is shown when the test fails. */
  start(scope: PeerScope, mainClass: string, options?: JavaOptions): Program;
}

export interface JavaOptions {
  readonly args?: readonly string[];
  /** `-Dname=value`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  /** More flags of the JVM itself. */
  readonly flags?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Builds `java/<name>`, or the project in another folder, unless it was built before with the same content and properties. `packages` are Maven and a
 * JDK. It fails when the project does not compile; when Maven reaches no repository, its tests are skipped.
 */
export async function buildProject(
  name: string,
  packages: readonly Package[],
  properties: Readonly<Record<string, string>> = {},
  folder = join(PROJECTS, name),
): Promise<JavaProject> {
  const missing = packages.find(({ skip }) => skip !== false);
  if (missing !== undefined) return { skip: missing.skip, start: refuse };
  const defines = Object.entries(properties).map(([key, value]) => `-D${key}=${value}`);
  const built = join(CACHE, "built", `${name}-${hashFolder(folder, [ROOT, ...defines])}`);
  if (!isBuilt(built)) {
    const skip = await runMaven(packages[0]?.path ?? "mvn", folder, built, defines);
    if (skip !== false) return { skip, start: refuse };
  }
  return { skip: false, start: (scope, mainClass, options = {}) => startMain(scope, built, mainClass, options) };
}

function refuse(): never {
  throw new Error("the project was not built: pass its skip to the test");
}

function isBuilt(built: string): boolean {
  const file = join(built, "classpath");
  return existsSync(file) && readClasspath(built).every((path) => existsSync(path));
}

function readClasspath(built: string): string[] {
  return readFileSync(join(built, "classpath"), "utf8").trim().split(delimiter);
}

/** Runs Maven quietly, into a folder of its own until all is there. False, or why the tests are to be skipped. */
async function runMaven(maven: string, folder: string, built: string, defines: readonly string[]) {
  const target = `${built}.${process.pid}`;
  mkdirSync(target, { recursive: true });
  const classpath = join(target, "classpath.part");
  // The last one has it try again what it could not download earlier.
  const args = ["--batch-mode", "--quiet", "--no-transfer-progress", "--update-snapshots"];
  const goals = ["compile", BUILD_CLASSPATH, `-Dmdep.outputFile=${classpath}`, `-Dtarget=${target}`];
  const own = [`-Dmaven.repo.local=${REPOSITORY}`, "-f", join(folder, "pom.xml")];
  const limits = { unreachable: UNREACHABLE, timeoutMs: BUILD_MS_MAX };
  try {
    // Two Mavens that write into one repository leave halves of files there.
    if (await isOutOfReach("flock", [LOCK, maven, ...args, ...own, ...goals, ...defines], limits)) {
      rmSync(target, { recursive: true, force: true });
      return `Maven reaches no repository to build ${basename(folder)} from`;
    }
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    throw error;
  }
  rmSync(built, { recursive: true, force: true });
  mkdirSync(dirname(built), { recursive: true });
  const libraries = readFileSync(classpath, "utf8").trim();
  writeFileSync(join(target, "classpath"), [join(built, "classes"), libraries].join(delimiter));
  renameSync(target, built);
  return false;
}

function startMain(scope: PeerScope, built: string, mainClass: string, options: JavaOptions): Program {
  const { args = [], properties = {}, flags = [], cwd, env = {} } = options;
  const defines = Object.entries(properties).map(([key, value]) => `-D${key}=${value}`);
  const all = [...JVM_FLAGS, ...flags, ...defines, "-cp", readClasspath(built).join(delimiter), mainClass, ...args];
  return startShown(scope, `java ${mainClass} ${defines.join(" ")}`, "java", all, {
    cwd: cwd ?? built,
    env,
  });
}
