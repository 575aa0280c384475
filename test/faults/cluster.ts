/** Three members of etcd and three nodes over them, each in a place of its own. */
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "../../packages/registry/src/replicators/etcd/client/client.ts";
import { Keys, readTerm } from "../../packages/registry/src/replicators/etcd/keys.ts";
import { type Member as Etcd, startCluster } from "../etcd/cluster-rig.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Scope, until } from "../harness/scope.ts";
import { makeWrongClock } from "../harness/wrong-clock.ts";
import type { Ground, Place } from "./ground/ground.ts";

export interface Member extends Etcd {
  readonly name: string;
  readonly place: Place;
}

export interface Node {
  readonly name: string;
  readonly place: Place;
  readonly rollcall: Rollcall;
  /** It was killed, and is not started again yet. */
  isDown: boolean;
  /** Its system's clock is off by so much from now on. */
  setClock(offMs: number): void;
}

export interface Cluster {
  readonly ground: Ground;
  readonly members: readonly Member[];
  readonly nodes: readonly Node[];
  /** Of etcd, past all that is cut. */
  readonly client: Client;
  leader(): Promise<Member>;
  /** The node that decides for all; undefined while nobody does. */
  holder(): Promise<Node | undefined>;
  ready(timeoutMs: number): Promise<void>;
}

const PREFIX = "/rollcall/";
const SIZE = 3;

/** Beyond loopback nodes need a key, and are open to whoever is in their network, which is nobody else. */
const BEYOND_LOOPBACK = ["--insecure", "--link-key", "k".repeat(32)];

export async function startFaultyCluster(scope: Scope, ground: Ground): Promise<Cluster> {
  const places = async (letter: string): Promise<Place[]> => {
    const made: Place[] = [];
    for (let nth = 1; nth <= SIZE; nth++) made.push(await ground.place(`${letter}${nth}`));
    return made;
  };
  const etcds = await places("m");
  const started = await startCluster(scope, etcds, ["--logger", "zap", "--log-level", "error"]);
  const members = started.map((etcd, nth) =>
    Object.assign(Object.create(etcd) as Etcd, { name: (etcds[nth] as Place).name, place: etcds[nth] as Place }),
  );
  const nodes: Node[] = [];
  for (const place of await places("n")) nodes.push(await startNode(scope, ground, place, members));
  const client = new Client({ endpoints: members.map(({ url }) => url) });
  scope.after(() => client.close());
  const keys = new Keys(PREFIX);
  return {
    ground,
    members,
    nodes,
    client,
    leader: () => until(() => findLeader(members), { what: "a leader of etcd" }),
    async holder() {
      const [entry] = (await client.range({ key: keys.holder })).entries;
      const term = entry === undefined ? "" : readTerm(entry.value);
      const { entries } = await client.range(keys.nodes);
      const name = entries.find(({ value }) => readTerm(value) === term)?.key;
      return nodes.find((node) => name !== undefined && node.name === keys.nodeOf(name));
    },
    async ready(timeoutMs) {
      for (const { rollcall, name } of nodes)
        await until(async () => (await fetch(`${rollcall.url}/readyz`)).ok, { timeoutMs, what: `${name} to be ready` });
    },
  };
}

async function startNode(scope: Scope, ground: Ground, place: Place, members: readonly Member[]): Promise<Node> {
  const urls = await Promise.all(
    members.map(async ({ place: there, url }) => {
      const { host, port } = await ground.way(place, there, Number(new URL(url).port));
      return `http://${host}:${port}`;
    }),
  );
  const clock = makeWrongClock(scope, 0);
  const { name, address, prefix } = place;
  const flags = ["--replicator", "etcd", "--etcd", urls.join(","), "--name", name, "--host", address];
  const open = ground.kind === "namespaces" ? BEYOND_LOOPBACK : [];
  const rollcall = await startRollcall(scope, {
    flags: [...flags, ...open],
    dialects: "all",
    prefix,
    ...clock.options,
  });
  return { name, place, rollcall, isDown: false, setClock: clock.set };
}

async function findLeader(members: readonly Member[]): Promise<Member | undefined> {
  for (const member of members) {
    const answer = await fetch(`${member.url}/metrics`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (answer !== undefined && /^etcd_server_is_leader 1$/m.test(await answer.text())) return member;
  }
  await delay(100);
  return undefined;
}
