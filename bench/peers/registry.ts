/** The sides of the group `registry`: Rollcall's own API and etcd. */
import { Child, findPort } from "../host/child.ts";
import { askOnce } from "../load/clients/http1.ts";
import { connectHttp2 } from "../load/clients/http2.ts";
import { countKeys, METHODS, toRange } from "../load/clients/protobuf.ts";
import type { Side } from "../row.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

export type RegistrySide = Extract<Side, "etcd" | "rollcall">;

export interface RegistryPeer extends Peer {
  side: RegistrySide;
}

/** etcd as Debian ships it: one node, its defaults, fsync on; only the log is kept quiet. */
function spawnEtcd(dir: string, port: number, peerPort: number): Child {
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return new Child("etcd", "etcd", [
    ...["--data-dir", dir, "--log-level", "error", "--logger", "zap"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `default=${peer}`],
  ]);
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
    const connection = await connectHttp2(peer.port);
    const answer = await new Promise<Buffer | null>((resolve) => {
      connection.onLost = () => resolve(null);
      connection.call(METHODS.range, toRange(`/services/${service}/`, true), resolve);
    });
    connection.close();
    return answer !== null && countKeys(answer) === instances;
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
