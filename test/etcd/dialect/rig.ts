/** What the tests of the etcd dialect share: a registry, and Debian's etcd beside it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirePackage } from "../../harness/packages.ts";
import { freePort } from "../../harness/ports.ts";
import { type Rollcall, startRollcall } from "../../harness/program.ts";
import { type Scope, temporaryDirectory } from "../../harness/scope.ts";
import { type PeerScope, startPeer } from "../../peers-rig.ts";

export { Caller } from "./original/caller.ts";

export interface EtcdSettings {
  /** `dialectSettings.etcd`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dialects?: string;
  readonly flags?: readonly string[];
}

export async function startEtcd(scope: Scope, options: EtcdSettings = {}): Promise<Rollcall> {
  const { settings = {}, config = {}, dialects = "http,etcd", flags = [] } = options;
  const file = join(temporaryDirectory(scope, "etcd"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ dialectSettings: { etcd: settings }, ...config }));
  return startRollcall(scope, { flags: ["--config", file, "--dialects", dialects, "--etcd-port", "0", ...flags] });
}

/** Debian's etcd; a variable may name another one. */
const { ROLLCALL_ETCD: other } = process.env;
export const etcd = other === undefined ? requirePackage("etcd-server", "etcd") : { path: other, skip: false as const };

/** The original by itself, with the second version of its API; answers its port. */
export async function startOriginal(scope: PeerScope, flags: readonly string[] = []): Promise<number> {
  const [port, peer] = [await freePort(), await freePort()];
  const [client, between] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peer}`];
  const args = [
    ...["--data-dir", temporaryDirectory(scope, "original"), "--enable-v2", "--logger", "zap", "--log-level", "error"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", between, "--initial-advertise-peer-urls", between],
    ...["--initial-cluster", `default=${between}`, ...flags],
  ];
  await startPeer(scope, { path: etcd.path, args, isReady: async () => (await fetch(`${client}/health`)).ok });
  return port;
}
