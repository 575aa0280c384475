/** Real members of etcd, each a process that can be killed, stopped and started again on its data. */
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { type PeerScope, startPeer } from "../peers-rig.ts";

/** Debian's, unless the variable names another one. */
const { ROLLCALL_ETCD: other } = process.env;
export const etcd = other === undefined ? requirePackage("etcd-server", "etcd") : { path: other, skip: false as const };

export interface Member {
  readonly url: string;
  readonly program: Program;
  /** On the same data, or on none. */
  start(options?: { readonly empty?: boolean }): Promise<void>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
}

/** Where a member runs: its address, and what it is started behind. */
export interface Site {
  readonly address: string;
  readonly prefix: readonly string[];
}

const LOOPBACK: Site = { address: "127.0.0.1", prefix: [] };

/** Starts so many members as one cluster, on loopback or each at a site of its own. `flags`: more of them, for each. */
export async function startCluster(
  scope: PeerScope,
  size: number | readonly Site[] = 1,
  flags: readonly string[] = [],
  scheme: "http" | "https" = "http",
): Promise<readonly Member[]> {
  const sites = typeof size === "number" ? Array.from({ length: size }, () => LOOPBACK) : size;
  const places = await Promise.all(
    sites.map(async (site) => ({ ...site, client: await freePort(), peer: await freePort() })),
  );
  const all = places.map(({ address, peer }, i) => `m${i}=http://${address}:${peer}`).join(",");
  return Promise.all(
    places.map(async ({ address, prefix, client, peer }, i) => {
      const url = `${scheme}://${address}:${client}`;
      const [path, ...before] = [...prefix, etcd.path] as [string];
      const start = (dataDir: string): Promise<Program> =>
        startPeer(scope, {
          path,
          args: [
            ...before,
            ...["--name", `m${i}`, "--data-dir", dataDir, "--initial-cluster", all],
            ...["--listen-client-urls", url, "--advertise-client-urls", url],
            ...["--listen-peer-urls", `http://${address}:${peer}`],
            ...["--initial-advertise-peer-urls", `http://${address}:${peer}`],
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
