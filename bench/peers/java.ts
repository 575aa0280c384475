/** A stock Spring Cloud Eureka server, built by Maven from the small project that the interop tests use as well. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Child, runProgram } from "../host/child.ts";

/** Spring Cloud's release train, and the Spring Boot that it was made for. */
export const SPRING_CLOUD = "2025.0.1";
const SPRING_BOOT = "3.5.9";
/** Downloading all of Spring takes its time, once. */
export const BUILD_MS_MAX = 300_000;

const ROOT = join(import.meta.dirname, "..", "..");
const PROJECT = join(ROOT, "test/interop/java/eureka-server/pom.xml");
const CACHE = join(ROOT, ".cache/maven");
const BUILT = join(CACHE, `bench-eureka-server-${SPRING_CLOUD}`);
const CLASSPATH = join(BUILT, "classpath");

/** Into a folder of its own until all is there. */
async function build(): Promise<void> {
  const target = `${BUILT}.${process.pid}`;
  mkdirSync(target, { recursive: true });
  try {
    await runProgram(
      "mvn",
      "mvn",
      [
        ...["--batch-mode", "--quiet", "--no-transfer-progress", "-f", PROJECT],
        ...[`-Dmaven.repo.local=${join(CACHE, "repository")}`, `-Dtarget=${target}`],
        ...[`-Dspring-boot.version=${SPRING_BOOT}`, `-Dspring-cloud.version=${SPRING_CLOUD}`],
        ...["compile", "dependency:build-classpath", `-Dmdep.outputFile=${join(target, "classpath")}`],
      ],
      BUILD_MS_MAX,
    );
    rmSync(BUILT, { recursive: true, force: true });
    renameSync(target, BUILT);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

let built: Promise<void> | undefined;

/**
 * Starts it with the JVM's and its own defaults: caches, eviction and protection as documented. It is no client of
 * itself, it is quiet, and it does not close a connection after a hundred requests, which would only slow it down.
 */
export async function spawnEureka(port: number, more: Readonly<Record<string, string>> = {}): Promise<Child> {
  if (!existsSync(CLASSPATH)) {
    built ??= build();
    await built;
  }
  const classpath = `${join(BUILT, "classes")}:${readFileSync(CLASSPATH, "utf8").trim()}`;
  const settings = {
    "server.port": port,
    "server.address": "127.0.0.1",
    "server.tomcat.max-keep-alive-requests": -1,
    "eureka.client.register-with-eureka": false,
    "eureka.client.fetch-registry": false,
    "logging.level.root": "error",
    "spring.main.banner-mode": "off",
    ...more,
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  return new Child("eureka", "java", ["-cp", classpath, "rollcall.Main", ...flags]);
}
