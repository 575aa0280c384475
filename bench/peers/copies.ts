/** Servers that copy each other: Rollcall's nodes that gossip, and Eureka's that replicate; all on loopback. */
import { rmSync } from "node:fs";
import { findLowPort, findPort } from "../host/child.ts";
import { askOnce, connectHttp1, toRequest } from "../load/clients/http1.ts";
import { NO_INSTANCE_PATH } from "../load/eureka/instances.ts";
import { spawnEureka } from "./java.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall } from "./server.ts";

export interface Copy extends Peer {
  readonly host: string;
}

export interface Copies {
  readonly peers: readonly Copy[];
  /** One more of Rollcall's, on an empty directory; not waited for. */
  add(): Promise<Copy>;
}

interface Status {
  readonly accounts: readonly { readonly account: string; readonly instances: number }[];
  readonly cluster: { readonly nodes: readonly { readonly reached: boolean }[] };
}

/** Undefined while it does not answer. */
async function statusOf(port: number): Promise<Status | undefined> {
  const answer = await askOnce(port, "GET", "/v2/_/status").catch(() => undefined);
  return answer?.status === 200 ? (JSON.parse(answer.body.toString()) as Status) : undefined;
}

/** How many instances a node shows; 0 before it answers. */
export async function countAt({ port }: Peer): Promise<number> {
  return (await statusOf(port))?.accounts.find(({ account }) => account === "default")?.instances ?? 0;
}

/** Whether a node has compared itself with another one and they have the same. Costs it next to nothing. */
export async function isInStep({ port }: Peer): Promise<boolean> {
  const answer = await askOnce(port, "GET", "/readyz").catch(() => undefined);
  if (answer === undefined) return false;
  type Node = { readonly behind: { readonly changes: number | null } | null };
  const { ready, nodes } = JSON.parse(answer.body.toString()) as { ready: boolean; nodes?: readonly Node[] };
  return ready && (nodes?.some(({ behind }) => behind?.changes === 0) ?? false);
}

/** Bytes that a node has sent to the others since its start. */
export async function sentBy({ port }: Peer): Promise<number> {
  const { body } = await askOnce(port, "GET", "/metrics");
  const sent = /^rollcall_link_bytes_total\{direction="out"\} (\S+)$/m.exec(body.toString())?.[1];
  if (sent === undefined) throw new Error("the node does not say what it has sent");
  return Number(sent);
}

async function startCopy(nth: number, seed: number): Promise<Copy> {
  const [port, link] = [await findLowPort(), nth === 0 ? seed : await findLowPort()];
  const dir = makeDir("rollcall");
  const flags = ["--dialects", "http", "--replicator", "gossip", "--name", `n${nth}`, "--link-port", String(link)];
  const peers = nth === 0 ? [] : ["--peers", `127.0.0.1:${seed}`];
  return { side: "rollcall", host: "127.0.0.1", port, dir, child: spawnRollcall(dir, port, [...flags, ...peers]) };
}

async function startRollcalls(count: number, started: Copy[], add: () => Promise<Copy>): Promise<void> {
  for (let nth = 0; nth < count; nth++) await add();
  for (const peer of started)
    await awaitAnswer(peer, "status with all nodes", async () => {
      const nodes = (await statusOf(peer.port))?.cluster.nodes ?? [];
      return nodes.length === count && nodes.every(({ reached }) => reached);
    });
}

/** One after the other: a JVM that starts takes all cores for a while. */
async function startEurekas(count: number, started: Copy[]): Promise<void> {
  // Each at an address of its own: a server takes peers at its own host for itself.
  const places: { host: string; port: number }[] = [];
  for (let nth = 0; nth < count; nth++) places.push({ host: `127.0.0.${nth + 2}`, port: await findPort() });
  for (const { host, port } of places) {
    const others = places.filter((place) => place.host !== host);
    const child = await spawnEureka(port, {
      "server.address": host,
      "eureka.instance.hostname": host,
      "eureka.client.service-url.defaultZone": others.map((one) => `http://${one.host}:${one.port}/eureka/`).join(","),
    });
    const peer: Copy = { side: "eureka", host, port, dir: makeDir("eureka"), child };
    started.push(peer);
    await awaitAnswer(peer, "read", () => answersEureka(peer));
  }
}

async function answersEureka({ host, port }: Copy): Promise<boolean> {
  const line = await connectHttp1(port, host).catch(() => undefined);
  const answer = await line?.ask(toRequest("GET", NO_INSTANCE_PATH)).catch(() => undefined);
  line?.close();
  return answer?.status === 404;
}

/** Runs something against so many fresh, empty servers that know each other, and ends all of them, whatever happens. */
export async function withCopies<T>(
  side: "rollcall" | "eureka",
  count: number,
  use: (copies: Copies) => Promise<T>,
): Promise<T> {
  const started: Copy[] = [];
  const seed = await findLowPort();
  const add = async (): Promise<Copy> => {
    const copy = await startCopy(started.length, seed);
    started.push(copy);
    return copy;
  };
  try {
    await (side === "eureka" ? startEurekas(count, started) : startRollcalls(count, started, add));
    return await use({ peers: [...started], add });
  } catch (error) {
    const ended = started.find(({ child }) => child.ended);
    throw ended === undefined ? error : ended.child.fail(`ended in the middle (${(error as Error).message})`);
  } finally {
    await Promise.all(started.map(({ child }) => child.stop("SIGKILL")));
    for (const { dir } of started) rmSync(dir, { recursive: true, force: true });
  }
}
