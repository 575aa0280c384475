/** Debian's ZooKeeper: its server, and the command line that it brings. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import { word } from "../zookeeper/rig.ts";
import { startShown } from "./programs-rig.ts";

const JAR = "/usr/share/java/zookeeper.jar";
/** Its dependencies lie beside it. */
const CLASSPATH = [JAR, "/usr/share/java/*"].join(":");
const JVM_FLAGS = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
const MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain";
const CLI = "org.apache.zookeeper.ZooKeeperMain";

const java = requirePackage("default-jdk-headless", "java");
/** Pass it to the test; it carries the reason. */
export const skipZookeeper =
  java.skip || (existsSync(JAR) ? false : `${JAR} is missing: apt-get install libzookeeper-java`);

/** The original, with all its words and with TTL nodes; answers its port. */
export async function startOriginal(scope: PeerScope): Promise<number> {
  const folder = temporaryDirectory(scope, "original");
  const port = await freePort();
  mkdirSync(join(folder, "data"));
  const file = join(folder, "zoo.cfg");
  const lines = ["tickTime=2000", "admin.enableServer=false", "4lw.commands.whitelist=*", "maxClientCnxns=0"];
  writeFileSync(file, [...lines, `dataDir=${join(folder, "data")}`, `clientPort=${port}`, ""].join("\n"));
  const flags = [
    ...JVM_FLAGS,
    "-Dzookeeper.extendedTypesEnabled=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  ];
  startShown(scope, "zookeeper", java.path, [...flags, "-cp", CLASSPATH, MAIN, file]);
  // It is "imok" before it serves: until then it closes what connects.
  await until(async () => (await word(scope, port, "srvr")).includes("Mode: standalone"), {
    what: "the original to serve",
  });
  return port;
}

/** Runs one command of the original's command line. */
export function startCli(scope: PeerScope, port: number, args: readonly string[]): Program {
  const flags = [...JVM_FLAGS, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"];
  const own = ["-server", `127.0.0.1:${port}`, ...args];
  return startShown(scope, `zkCli ${args.join(" ")}`, java.path, [...flags, "-cp", CLASSPATH, CLI, ...own]);
}
