/** The sides of the group `etcd`: Debian's etcd, and Rollcall with etcd's protocol, each with fsync. */
import { Child, findPort } from "../host/child.ts";
import { connectHttp2 } from "../load/clients/http2.ts";
import { countKeys, METHODS, toRange } from "../load/clients/protobuf.ts";
import type { Side } from "../row.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

export type EtcdSide = Extract<Side, "etcd" | "rollcall">;

export interface EtcdPeer extends Peer {
  readonly side: EtcdSide;
}

/** etcd as Debian ships it: one node, its defaults, fsync on; only the log is kept quiet. */
export function spawnEtcd(dir: string, port: number, peerPort: number): Child {
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return new Child("etcd", "etcd", [
    ...["--data-dir", dir, "--log-level", "error", "--logger", "zap"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `default=${peer}`],
  ]);
}

/** How many keys `/services/<service>/` has, over gRPC. */
export async function countService(port: number, service: string): Promise<number | undefined> {
  const connection = await connectHttp2(port);
  const answer = await new Promise<Buffer | null>((resolve) => {
    connection.onLost = () => resolve(null);
    connection.call(METHODS.range, toRange(`/services/${service}/`, true), resolve);
  });
  connection.close();
  return answer === null ? undefined : countKeys(answer);
}

/** Starts a server without waiting for it. */
export async function spawnKeys(side: EtcdSide, dir: string, port: number): Promise<EtcdPeer> {
  if (side === "etcd") return { side, port, dir, child: spawnEtcd(dir, port, await findPort()) };
  const flags = ["--dialects", "http,etcd", "--etcd-port", String(port)];
  return { side, port, dir, child: spawnRollcall(dir, await findPort(), flags) };
}

/** Waits until the server reads that many keys of a service. */
export function awaitKeys(peer: EtcdPeer, service = "none", keys = 0): Promise<void> {
  return awaitAnswer(peer, "read", () =>
    countService(peer.port, service).then(
      (count) => count === keys,
      () => false,
    ),
  );
}

/** Runs something against a fresh, empty server and ends the server, whatever happens. */
export async function withKeys<T>(side: EtcdSide, use: (peer: EtcdPeer) => Promise<T>): Promise<T> {
  return useServer(await spawnKeys(side, makeDir(side), await findPort()), async (peer) => {
    await awaitKeys(peer);
    return use(peer);
  });
}
