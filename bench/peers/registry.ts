/** The sides of the group `registry`: Rollcall's own API and etcd. */
import { findPort } from "../host/child.ts";
import { askOnce } from "../load/clients/http1.ts";
import type { Side } from "../row.ts";
import { countService, spawnEtcd } from "./etcd.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

export type RegistrySide = Extract<Side, "etcd" | "rollcall">;

export interface RegistryPeer extends Peer {
  side: RegistrySide;
}

/** Starts a server without waiting for it. The ports are chosen before, so that they stay over a restart. */
export async function spawnPeer(side: RegistrySide, dir: string, port?: number): Promise<RegistryPeer> {
  const own = port ?? (await findPort());
  const child =
    side === "etcd" ? spawnEtcd(dir, own, await findPort()) : spawnRollcall(dir, own, ["--dialects", "http"]);
  return { side, port: own, child, dir };
}

/** Whether the first read is answered: the 100 instances of a service, or of nothing on an empty registry. */
async function answersRead(peer: RegistryPeer, service: string, instances: number): Promise<boolean> {
  try {
    if (peer.side === "rollcall") {
      const answer = await askOnce(peer.port, "GET", `/v2/default/services/${service}`);
      if (answer.status !== 200) return false;
      const body = JSON.parse(answer.body.toString("utf8")) as { instances: unknown[] };
      return body.instances.length === instances;
    }
    return (await countService(peer.port, service)) === instances;
  } catch {
    return false;
  }
}

/** Waits until the server answers a read of that many instances. */
export function awaitRead(peer: RegistryPeer, service = "none", instances = 0): Promise<void> {
  return awaitAnswer(peer, "read", () => answersRead(peer, service, instances));
}

/** Runs something against a fresh, empty server and ends the server, whatever happens. */
export async function withPeer<T>(side: RegistrySide, use: (peer: RegistryPeer) => Promise<T>): Promise<T> {
  return useServer(await spawnPeer(side, makeDir(side)), async (peer) => {
    await awaitRead(peer);
    return use(peer);
  });
}
