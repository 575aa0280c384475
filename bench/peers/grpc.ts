/** The sides of the group `grpc`: Rollcall's own API by gRPC, and Debian's etcd, each with fsync. */
import { findPort } from "../host/child.ts";
import { connectHttp2 } from "../load/clients/http2.ts";
import { METHODS } from "../load/grpc/messages.ts";
import { type EtcdPeer, type EtcdSide, withKeys } from "./etcd.ts";
import { awaitAnswer, makeDir, spawnRollcall, useServer } from "./server.ts";

async function isServing(port: number): Promise<boolean> {
  const connection = await connectHttp2(port);
  const answer = await new Promise<Buffer | null>((resolve) => {
    connection.onLost = () => resolve(null);
    connection.call(METHODS.health, Buffer.alloc(0), resolve);
  });
  connection.close();
  return answer !== null;
}

/** Runs something against a fresh, empty server and ends the server, whatever happens. */
export async function withGrpc<T>(side: EtcdSide, use: (peer: EtcdPeer) => Promise<T>): Promise<T> {
  if (side === "etcd") return withKeys(side, use);
  const port = await findPort();
  const dir = makeDir(side);
  const child = spawnRollcall(dir, await findPort(), ["--dialects", "http,grpc", "--grpc-port", String(port)]);
  return useServer({ side, port, dir, child }, async (peer) => {
    await awaitAnswer(peer, "question of its health", () => isServing(port).catch(() => false));
    return use(peer);
  });
}
