/** What is done to the programs, and how it is undone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { freeze } from "../harness/process.ts";
import { until } from "../harness/scope.ts";
import type { Chance } from "./chance.ts";
import type { Cluster, Member, Node } from "./cluster.ts";

/** Begins, and answers what it did and how it ends. */
export interface Fault {
  readonly name: string;
  /** Only where packets can be lost between all. */
  readonly needsNamespaces?: true;
  /** How long it lasts; drawn when left out. */
  readonly lastsMs?: number;
  begin(cluster: Cluster, chance: Chance): Promise<Injury>;
}

export interface Injury {
  readonly what: string;
  /** All is as it was, but what takes time to come back. */
  end(): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** The longest is longer than a node is taken to be there. */
const LASTS_MS = [1500, 2500, 2500, 7000];
/** Longer than a change waits for etcd: clients hear that nobody knows, and then that nothing is taken. */
const OUTAGE_MS = 12_000;

export function lastsMs({ lastsMs: own }: Fault, chance: Chance): number {
  return own ?? chance.pick(LASTS_MS);
}

async function holderOf(cluster: Cluster, chance: Chance): Promise<Node> {
  return (await cluster.holder()) ?? chance.pick(cluster.nodes);
}

async function killNode(node: Node): Promise<Injury> {
  node.isDown = true;
  await node.rollcall.kill("SIGKILL");
  const end = async (): Promise<void> => {
    await node.rollcall.restart();
    node.isDown = false;
  };
  return { what: `${node.name} killed`, end };
}

async function stopProcess(name: string, pid: number): Promise<Injury> {
  await freeze({ pid });
  const end = async (): Promise<void> => void process.kill(pid, "SIGCONT");
  return { what: `${name} stopped`, end };
}

async function killMember(member: Member): Promise<Injury> {
  await member.kill();
  return { what: `etcd's ${member.name} killed`, end: () => member.start() };
}

type Way = "both ways" | "hears nothing" | "is not heard";

async function cutNode({ ground }: Cluster, node: Node, others: readonly (Node | Member)[], way: Way): Promise<Injury> {
  for (const { place } of others) {
    if (way !== "hears nothing") await ground.cut(node.place, place);
    if (way !== "is not heard") await ground.cut(place, node.place);
  }
  const names = others.map(({ name }) => name).join(", ");
  return { what: `${node.name} cut from ${names}: ${way}`, end: () => ground.mend() };
}

const ONE_WAY: readonly Way[] = ["hears nothing", "is not heard"];

function othersOf(nodes: readonly Node[], node: Node): readonly Node[] {
  return nodes.filter((one) => one !== node);
}

async function cutLeader({ ground, members, leader }: Cluster): Promise<Injury> {
  const first = await leader();
  for (const { name, place } of members)
    if (name !== first.name) {
      await ground.cut(first.place, place);
      await ground.cut(place, first.place);
    }
  return { what: `etcd's leader ${first.name} cut from the other members`, end: () => ground.mend() };
}

/** Each flush takes longer, by a tracer that holds the call up. */
async function slowDisk(member: Member, ms: number): Promise<Injury> {
  const calls = "fsync,fdatasync";
  const args = ["-f", "-qq", "-o", "/dev/null", "-p", String(member.program.pid), "-e", `trace=${calls}`];
  const tracer = spawn("strace", [...args, "-e", `inject=${calls}:delay_exit=${ms * 1000}`], { stdio: "ignore" });
  tracer.on("error", () => {});
  const end = async (): Promise<void> => {
    if (tracer.exitCode !== null || tracer.signalCode !== null) return;
    tracer.kill("SIGINT");
    await once(tracer, "exit");
  };
  return { what: `etcd's ${member.name} flushes ${ms} ms longer`, end };
}

async function forget({ client }: Cluster): Promise<void> {
  const { revision } = await client.range({ key: Buffer.from("x") });
  await client.compact(revision).catch((error: unknown) => {
    // Another one was before.
    if (!/compacted/.test(String(error))) throw error;
  });
}

/** Compacted while a node is cut off, so that it cannot read on where it was. */
async function compactUnder(cluster: Cluster, node: Node): Promise<Injury> {
  const { what } = await cutNode(cluster, node, cluster.members, "both ways");
  const end = async (): Promise<void> => {
    await forget(cluster);
    await cluster.ground.mend();
  };
  return { what: `${what}, and etcd compacted meanwhile`, end };
}

async function post(member: Member, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${member.url}/v3/${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

/** The alarm that etcd raises when its database reaches the quota. */
async function fill(member: Member): Promise<Injury> {
  const { header } = await post(member, "maintenance/status", {});
  const memberID = (header as { member_id: string }).member_id;
  const alarm = (action: string) => post(member, "maintenance/alarm", { action, memberID, alarm: "NOSPACE" });
  await alarm("ACTIVATE");
  const end = async (): Promise<void> => void (await until(() => alarm("DEACTIVATE")));
  return { what: "etcd says NOSPACE", end };
}

const ALONE: readonly Fault[] = [
  { name: "a node killed", begin: ({ nodes }, chance) => killNode(chance.pick(nodes)) },
  { name: "the pen's node killed", begin: async (cluster, chance) => killNode(await holderOf(cluster, chance)) },
  { name: "etcd's leader killed", begin: async ({ leader }) => killMember(await leader()) },
  {
    name: "a node stopped",
    begin: ({ nodes }, chance) => {
      const node = chance.pick(nodes);
      return stopProcess(node.name, node.rollcall.pid);
    },
  },
  {
    name: "the pen's node stopped",
    async begin(cluster, chance) {
      const node = await holderOf(cluster, chance);
      return stopProcess(`${node.name}, which has the pen,`, node.rollcall.pid);
    },
  },
  {
    name: "etcd's leader stopped",
    async begin({ leader }) {
      const member = await leader();
      return stopProcess(`etcd's leader ${member.name}`, member.program.pid);
    },
  },
  {
    name: "all of etcd stopped",
    lastsMs: OUTAGE_MS,
    async begin({ members }) {
      const all = await Promise.all(members.map(({ name, program }) => stopProcess(name, program.pid)));
      const end = async (): Promise<void> => void (await Promise.all(all.map((one) => one.end())));
      return { what: "all of etcd stopped", end };
    },
  },
  {
    name: "a node cut from etcd",
    begin: (cluster, chance) => cutNode(cluster, chance.pick(cluster.nodes), cluster.members, "both ways"),
  },
  {
    name: "the pen's node cut from etcd",
    begin: async (cluster, chance) => cutNode(cluster, await holderOf(cluster, chance), cluster.members, "both ways"),
  },
  {
    name: "a node cut from etcd one way",
    begin: (cluster, chance) => cutNode(cluster, chance.pick(cluster.nodes), cluster.members, chance.pick(ONE_WAY)),
  },
  {
    name: "a node cut from its peers",
    needsNamespaces: true,
    begin(cluster, chance) {
      const node = chance.pick(cluster.nodes);
      return cutNode(cluster, node, othersOf(cluster.nodes, node), "both ways");
    },
  },
  {
    name: "the pen's node cut from its peers one way",
    needsNamespaces: true,
    async begin(cluster, chance) {
      const node = await holderOf(cluster, chance);
      return cutNode(cluster, node, othersOf(cluster.nodes, node), chance.pick(ONE_WAY));
    },
  },
  { name: "etcd's leader cut from the other members", needsNamespaces: true, begin: (cluster) => cutLeader(cluster) },
  {
    name: "a slow disk",
    begin: async ({ members, leader }, chance) =>
      slowDisk(chance.next() < 0.5 ? await leader() : chance.pick(members), chance.pick([50, 200, 600])),
  },
  {
    name: "a slow link",
    async begin({ ground, nodes, members }, chance) {
      const { name, place } = chance.next() < 0.6 ? chance.pick(nodes) : chance.pick(members);
      await ground.slow(place);
      return { what: `what ${name} sends is slow: ${ground.slowness}`, end: () => ground.mend() };
    },
  },
  {
    name: "a node's clock an hour off",
    async begin(cluster, chance) {
      const node = chance.next() < 0.5 ? await holderOf(cluster, chance) : chance.pick(cluster.nodes);
      const offMs = chance.pick([HOUR_MS, -HOUR_MS]);
      node.setClock(offMs);
      const end = async (): Promise<void> => node.setClock(0);
      return { what: `the clock of ${node.name} is off by ${offMs / HOUR_MS} h`, end };
    },
  },
  {
    name: "etcd compacted under a node",
    begin: (cluster, chance) => compactUnder(cluster, chance.pick(cluster.nodes)),
  },
  { name: "etcd out of space", begin: ({ members }, chance) => fill(chance.pick(members)) },
];

/** Two of them at once, of those that meet in practice. */
const TWO: Fault = {
  name: "two at once",
  async begin(cluster, chance) {
    const [node, other] = chance.shuffled(cluster.nodes) as [Node, Node];
    const first =
      chance.next() < 0.5
        ? await killMember(await cluster.leader())
        : await cutNode(cluster, other, cluster.members, "both ways");
    await delay(chance.below(1500));
    const second = chance.next() < 0.5 ? await killNode(node) : await stopProcess(node.name, node.rollcall.pid);
    const end = async (): Promise<void> => {
      await first.end();
      await second.end();
    };
    return { what: `${first.what}, then ${second.what}`, end };
  },
};

/** Those that this ground can do, in the order in which seeds take them. */
export function faultsOn(kind: Cluster["ground"]["kind"]): readonly Fault[] {
  return [...ALONE, TWO].filter(({ needsNamespaces }) => kind === "namespaces" || needsNamespaces !== true);
}
