/** The sides of the group `nsq`: Rollcall, and the nsqlookupd of the folder that ROLLCALL_NSQ names. */
import { Child, findPort } from "../host/child.ts";
import { NSQLOOKUPD } from "../host/programs.ts";
import { askOnce } from "../load/clients/http1.ts";
import type { Side } from "../row.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

export type NsqSide = Extract<Side, "rollcall" | "nsqlookupd">;

/** Its `port` is that of HTTP. */
export interface NsqPeer extends Peer {
  side: NsqSide;
  tcpPort: number;
}

async function spawnNsqPeer(side: NsqSide): Promise<NsqPeer> {
  const [port, tcpPort, dir] = [await findPort(), await findPort(), makeDir(side)];
  if (side === "nsqlookupd") {
    const addresses = [`-http-address=127.0.0.1:${port}`, `-tcp-address=127.0.0.1:${tcpPort}`];
    // It says every registration else.
    const child = new Child("nsqlookupd", NSQLOOKUPD, [...addresses, "-log-level=error"]);
    return { side, port, tcpPort, dir, child };
  }
  const ports = ["--nsqlookupd-http-port", String(port), "--nsqlookupd-port", String(tcpPort)];
  const child = spawnRollcall(dir, await findPort(), ["--dialects", "http,nsqlookupd", ...ports]);
  return { side, port, tcpPort, dir, child };
}

/** Runs something against a fresh server, and ends it, whatever happens. */
export async function withNsqPeer<T>(side: NsqSide, use: (peer: NsqPeer) => Promise<T>): Promise<T> {
  return useServer(await spawnNsqPeer(side), async (peer) => {
    await awaitAnswer(peer, "ping", async () => {
      const answer = await askOnce(peer.port, "GET", "/ping").catch(() => undefined);
      return answer?.status === 200;
    });
    return use(peer);
  });
}
