/** Real members of etcd, each a process that can be killed, stopped and started again on its data. */
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { type PeerScope, startPeer } from "../peers-rig.ts";

export const etcd = requirePackage("etcd-server", "etcd");

export interface Member {
  readonly url: string;
  readonly program: Program;
  /** On the same data, or on none. */
  start(options?: { readonly empty?: boolean }): Promise<void>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
}

/** Starts so many members as one cluster. `flags`: more of them, for each. */
export async function startCluster(
  scope: PeerScope,
  size = 1,
  flags: readonly string[] = [],
  scheme: "http" | "https" = "http",
): Promise<readonly Member[]> {
  const ports = await Promise.all(
    Array.from({ length: size }, async () => [await freePort(), await freePort()] as const),
  );
  const all = ports.map(([, peer], i) => `m${i}=http://127.0.0.1:${peer}`).join(",");
  return Promise.all(
    ports.map(async ([client, peer], i) => {
      const url = `${scheme}://127.0.0.1:${client}`;
      const start = (dataDir: string): Promise<Program> =>
        startPeer(scope, {
          path: etcd.path,
          args: [
            ...["--name", `m${i}`, "--data-dir", dataDir, "--initial-cluster", all],
            ...["--listen-client-urls", url, "--advertise-client-urls", url],
            ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
            ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
            ...flags,
          ],
          ...(scheme === "https" ? { port: client } : { isReady: async () => (await fetch(`${url}/health`)).ok }),
        });
      let dataDir = temporaryDirectory(scope, "etcd");
      let program = await start(dataDir);
      return {
        url,
        get program() {
          return program;
        },
        async start({ empty = false } = {}) {
          if (empty) dataDir = temporaryDirectory(scope, "etcd");
          program = await start(dataDir);
        },
        async kill() {
          await program.kill("SIGKILL");
        },
      };
    }),
  );
}
