/** Three servers that are one: etcd, Rollcall's nodes over it, Consul, ZooKeeper; all on loopback, on directories of their own. */
import { rmSync } from "node:fs";
import { Child, findPort } from "../host/child.ts";
import { askOnce } from "../load/clients/http1.ts";
import { connectZookeeper } from "../load/clients/zookeeper.ts";
import type { Side } from "../row.ts";
import { spawnConsul } from "./consul.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall } from "./server.ts";
import { spawnZookeeper } from "./zookeeper.ts";

export type EnsembleSide = Extract<Side, "rollcall" | "etcd" | "consul" | "zookeeper">;

export const SIZE = 3;
/** Profiles are written by those who end by themselves. */
const END = process.env.BENCH_NODE_FLAGS === undefined ? "SIGKILL" : "SIGTERM";
/** Of what each server wrote last, for the reason why a round has failed. */
const LAST_LENGTH_MAX = 200;

export interface Ensemble {
  readonly side: EnsembleSide;
  /** What the load talks to. */
  readonly peers: readonly Peer[];
  /** The members of etcd below Rollcall. */
  readonly below: readonly Peer[];
}

/** Ports that are free: so many for each server. */
async function findPorts(each: number): Promise<number[][]> {
  const ports: number[][] = [];
  for (let nth = 0; nth < SIZE; nth++) {
    const own: number[] = [];
    for (let port = 0; port < each; port++) own.push(await findPort());
    ports.push(own);
  }
  return ports;
}

async function startEtcd(): Promise<Peer[]> {
  const ports = (await findPorts(2)) as [number, number][];
  const all = ports.map(([, peer], nth) => `m${nth}=http://127.0.0.1:${peer}`).join(",");
  return ports.map(([port, peerPort], nth) => {
    const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
    const dir = makeDir("etcd");
    const child = new Child("etcd", "etcd", [
      ...["--name", `m${nth}`, "--data-dir", dir, "--log-level", "error", "--logger", "zap"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", all],
    ]);
    return { side: "etcd", port, child, dir };
  });
}

/** A node of Rollcall over these members, on an empty directory. */
export async function startNode(below: readonly Peer[], nth: number): Promise<Peer> {
  const port = await findPort();
  const dir = makeDir("rollcall");
  const urls = [...below.slice(nth % SIZE), ...below.slice(0, nth % SIZE)].map(
    (peer) => `http://127.0.0.1:${peer.port}`,
  );
  const link = ["--name", `n${nth}`, "--link-port", String(await findPort())];
  const flags = ["--dialects", "http", "--replicator", "etcd", "--etcd", urls.join(","), ...link];
  return { side: "rollcall", port, child: spawnRollcall(dir, port, flags), dir };
}

async function answers(side: EnsembleSide, { port }: Peer): Promise<boolean> {
  try {
    if (side === "zookeeper") {
      const connection = await connectZookeeper(port);
      connection.close();
      return true;
    }
    if (side === "etcd") return (await askOnce(port, "GET", "/health")).status === 200;
    if (side === "rollcall") return (await askOnce(port, "GET", "/readyz")).status === 200;
    const leader = await askOnce(port, "GET", "/v1/status/leader");
    return leader.status === 200 && leader.body.length > 4;
  } catch {
    return false;
  }
}

export function awaitReady(side: EnsembleSide, peer: Peer): Promise<void> {
  return awaitAnswer(peer, "question", () => answers(side, peer));
}

async function start(side: EnsembleSide, started: Peer[]): Promise<Ensemble> {
  const add = (peers: readonly Peer[]): readonly Peer[] => {
    started.push(...peers);
    return peers;
  };
  if (side === "consul") return { side, peers: add(await spawnConsul(SIZE)), below: [] };
  if (side === "zookeeper") return { side, peers: add(await spawnZookeeper(SIZE)), below: [] };
  const members = add(await startEtcd());
  if (side === "etcd") return { side, peers: members, below: [] };
  for (const member of members) await awaitReady("etcd", member);
  const nodes: Peer[] = [];
  // One after the other: the first is the one that decides for all.
  for (let nth = 0; nth < SIZE; nth++) {
    const node = await startNode(members, nth);
    nodes.push(...add([node]));
    await awaitReady("rollcall", node);
  }
  return { side, peers: nodes, below: members };
}

/** Runs something against three fresh, empty servers, and ends all of them, whatever happens. */
export async function withEnsemble<T>(side: EnsembleSide, use: (ensemble: Ensemble) => Promise<T>): Promise<T> {
  const started: Peer[] = [];
  try {
    const ensemble = await start(side, started);
    for (const peer of ensemble.peers) await awaitReady(side, peer);
    return await use(ensemble);
  } catch (error) {
    const { message } = error as Error;
    const ended = started.find(({ child }) => child.ended);
    if (ended !== undefined) throw ended.child.fail(`ended in the middle (${message})`);
    const last = started.map(({ child: { tail } }) => tail.trim().split("\n").at(-1)?.slice(0, LAST_LENGTH_MAX) ?? "");
    throw new Error([message, ...last.filter((line) => line !== "")].join(" | "), { cause: error });
  } finally {
    for (const { child, dir } of [...started].reverse()) {
      await child.stop(END);
      rmSync(dir, { recursive: true, force: true });
    }
  }
}
