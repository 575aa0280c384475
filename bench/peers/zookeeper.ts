/** ZooKeeper as Debian ships it: three servers with their own defaults, each on a directory of its own. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child, findPort } from "../host/child.ts";
import { makeDir, type Peer } from "./server.ts";

export const JARS = "/usr/share/java/zookeeper.jar";
const MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/** What its own script puts on the classpath: its dependencies lie beside it. */
export const CLASSPATH = ["/etc/zookeeper/conf", JARS, "/usr/share/java/*"].join(":");

export async function spawnZookeeper(size: number): Promise<Peer[]> {
  if (!existsSync(JARS)) throw new Error("zookeeper is not installed");
  const servers: { readonly port: number; readonly quorum: number; readonly election: number }[] = [];
  for (let nth = 0; nth < size; nth++)
    servers.push({ port: await findPort(), quorum: await findPort(), election: await findPort() });
  const all = servers.map(({ quorum, election }, nth) => `server.${nth + 1}=127.0.0.1:${quorum}:${election}`);
  return servers.map(({ port }, nth) => {
    const dir = makeDir("zookeeper");
    mkdirSync(join(dir, "data"));
    writeFileSync(join(dir, "data", "myid"), String(nth + 1));
    // The three of the sample configuration; connections of one address are not limited, as all loads are at one.
    const lines = ["tickTime=2000", "initLimit=10", "syncLimit=5", "maxClientCnxns=0", "admin.enableServer=false"];
    const own = [`dataDir=${join(dir, "data")}`, `clientPort=${port}`, "clientPortAddress=127.0.0.1"];
    const file = join(dir, "zoo.cfg");
    writeFileSync(file, `${[...lines, ...own, ...all].join("\n")}\n`);
    const child = new Child("zookeeper", "java", [
      "-cp",
      CLASSPATH,
      "-Dzookeeper.root.logger=ERROR,CONSOLE",
      MAIN,
      file,
    ]);
    return { side: "zookeeper", port, child, dir };
  });
}
