/** The sides of the group `zookeeper`: one server of Debian's, with its defaults, and Rollcall, each with fsync. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child, findPort, sleep } from "../host/child.ts";
import { openLine } from "../load/zookeeper/line.ts";
import type { Side } from "../row.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";
import { CLASSPATH, JARS } from "./zookeeper.ts";

export type NodesSide = Extract<Side, "rollcall" | "zookeeper">;

export interface NodesPeer extends Peer {
  readonly side: NodesSide;
}

const MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain";

/** Starts a server without waiting for it. */
export async function spawnNodes(side: NodesSide, dir: string, port: number): Promise<NodesPeer> {
  if (side === "rollcall") {
    const flags = ["--dialects", "http,zookeeper", "--zookeeper-port", String(port)];
    return { side, port, dir, child: spawnRollcall(dir, await findPort(), flags) };
  }
  if (!existsSync(JARS)) throw new Error("zookeeper is not installed");
  mkdirSync(join(dir, "data"), { recursive: true });
  const file = join(dir, "zoo.cfg");
  // Connections of one address are not limited, as all loads are at one; more than 50 of them come at once.
  const lines = [
    "tickTime=2000",
    "maxClientCnxns=0",
    "clientPortListenBacklog=1024",
    "admin.enableServer=false",
    "clientPortAddress=127.0.0.1",
  ];
  writeFileSync(file, `${[...lines, `dataDir=${join(dir, "data")}`, `clientPort=${port}`].join("\n")}\n`);
  const flags = [
    "-cp",
    CLASSPATH,
    "-Dzookeeper.root.logger=ERROR,CONSOLE",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
  ];
  return { side, port, dir, child: new Child("zookeeper", "java", [...flags, MAIN, file]) };
}

/** A server that has just begun to listen may take a connection and never read from it. */
const ANSWER_MS_MAX = 1000;

/** Whether a node can be read. */
async function answers(port: number, path: string): Promise<boolean> {
  const opened = openLine(port).catch(() => undefined);
  const read = opened.then(
    (line) =>
      new Promise<boolean>((resolve) => {
        if (line === undefined) return resolve(false);
        line.onLost = () => resolve(false);
        line.get(path, false, (error) => resolve(error === 0));
      }),
  );
  const isRead = await Promise.race([read, sleep(ANSWER_MS_MAX).then(() => false)]);
  void opened.then((line) => line?.close());
  return isRead;
}

/** Waits until a node is read. */
export function awaitNode(peer: NodesPeer, path = "/"): Promise<void> {
  return awaitAnswer(peer, "read", () => answers(peer.port, path));
}

/** Runs something against a fresh, empty server and ends the server, whatever happens. */
export async function withNodes<T>(side: NodesSide, use: (peer: NodesPeer) => Promise<T>): Promise<T> {
  return useServer(await spawnNodes(side, makeDir(side), await findPort()), async (peer) => {
    await awaitNode(peer);
    return use(peer);
  });
}
