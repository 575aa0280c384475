/** The two that are compared: each starts as its own process on a directory of its own. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Child, findPort, readCpuSeconds, sleep } from "./child.ts";
import type { Rate } from "./generator.ts";
import { askOnce } from "./load/http1.ts";
import { connectHttp2 } from "./load/http2.ts";
import { countKeys, METHODS, toRange } from "./load/protobuf.ts";
import type { Sample, Side } from "./row.ts";

/** A running server. */
export interface Peer {
  side: Side;
  port: number;
  child: Child;
  dir: string;
}

/** How long a server may take to start, on any number of instances. */
const START_MS_MAX = 60_000;
const ROOT = join(import.meta.dirname, "..");
const DATA = join(ROOT, ".cache", "bench", String(process.pid));
let dirs = 0;

/** A new directory for data, on the file system of the checkout. */
export function makeDir(side: Side): string {
  const dir = join(DATA, `${side}-${++dirs}`);
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** Removes all data of this run. */
export function removeDirs(): void {
  rmSync(DATA, { recursive: true, force: true });
}

process.on("exit", removeDirs);

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

/** The built program; BENCH_ROLLCALL names another build's. */
export const PROGRAM = process.env.BENCH_ROLLCALL ?? join(ROOT, "packages/registry/dist/bin/rollcall.js");

/** BENCH_NODE_FLAGS are flags of Node for the server, such as `--cpu-prof`, to see where its time goes. */
function spawnRollcall(dir: string, port: number): Child {
  const flags = (process.env.BENCH_NODE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
  return new Child("rollcall", process.execPath, [
    ...flags,
    PROGRAM,
    ...["serve", "--http-port", String(port), "--data", dir, "--dialects", "http", "--log-format", "json"],
  ]);
}

/** Starts a server without waiting for it. The ports are chosen before, so that they stay over a restart. */
export async function spawnPeer(side: Side, dir: string, port?: number): Promise<Peer> {
  const own = port ?? (await findPort());
  const child = side === "etcd" ? spawnEtcd(dir, own, await findPort()) : spawnRollcall(dir, own);
  return { side, port: own, child, dir };
}

/** Whether the first read is answered: the 100 instances of a service, or of nothing on an empty registry. */
async function answersRead(peer: Peer, service: string, instances: number): Promise<boolean> {
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
export async function awaitRead(peer: Peer, service = "none", instances = 0): Promise<void> {
  const until = performance.now() + START_MS_MAX;
  while (!(await answersRead(peer, service, instances))) {
    if (peer.child.ended) throw peer.child.fail("ended at its start");
    if (performance.now() > until) throw peer.child.fail(`answered no read within ${START_MS_MAX} ms`);
    await sleep(2);
  }
}

/** Runs something against a fresh, empty server and ends the server, whatever happens. */
export async function withPeer<T>(side: Side, use: (peer: Peer) => Promise<T>): Promise<T> {
  const peer = await spawnPeer(side, makeDir(side));
  try {
    await awaitRead(peer);
    return await use(peer);
  } catch (error) {
    if (peer.child.ended)
      throw peer.child.fail(`ended in the middle (${error instanceof Error ? error.message : error})`);
    throw error;
  } finally {
    await peer.child.stop();
    rmSync(peer.dir, { recursive: true, force: true });
  }
}

/**
 * A rate together with what it cost the server: its processor time per request, in microseconds. The cost says more than
 * the rate when others use the machine as well.
 */
export async function measureCost(peer: Peer, work: () => Promise<Rate>): Promise<{ rate: number; cpuUs: number }> {
  const pid = peer.child.process.pid ?? 0;
  const cpu = readCpuSeconds(pid);
  const from = performance.now();
  const { perSecond } = await work();
  const cores = (readCpuSeconds(pid) - cpu) / ((performance.now() - from) / 1000);
  return { rate: perSecond, cpuUs: (cores / perSecond) * 1e6 };
}

/** Runs some pieces of work one after the other; each gives `<name>` and `<name>CpuUs`. */
export async function measureRates(peer: Peer, works: Record<string, () => Promise<Rate>>): Promise<Sample> {
  const sample: Sample = {};
  for (const [name, work] of Object.entries(works)) {
    const { rate, cpuUs } = await measureCost(peer, work);
    sample[name] = rate;
    sample[`${name}CpuUs`] = cpuUs;
  }
  return sample;
}
