/** Whole programs that are one registry: nodes n1, n2, … over real members of etcd. */
import { etcd, type Member, startCluster } from "../etcd/cluster-rig.ts";
import { type Rollcall, type StartOptions, startRollcall } from "../harness/program.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";

export { etcd };

export interface NodesOptions extends Pick<StartOptions, "flags" | "env" | "readyMsMax"> {
  /** Members of etcd; one when left out. */
  readonly members?: number;
  /** Those of an etcd that runs already. */
  readonly cluster?: readonly Member[];
  /** What the keys in etcd begin with: registries with different ones share an etcd. */
  readonly prefix?: string;
  /** More flags of the node of this number, from 1 on. */
  readonly each?: (nth: number) => readonly string[];
}

export interface Nodes {
  readonly members: readonly Member[];
  /** In the order in which they were started: the first has the duty, and decides for all while it is there. */
  readonly nodes: readonly Rollcall[];
  /** One more, of that name. */
  start(name: string, more?: Pick<StartOptions, "flags" | "env">): Promise<Rollcall>;
}

/** Where there is no etcd: tests that would use it are skipped. */
const NONE: Nodes = { members: [], nodes: [], start: () => Promise.reject(new Error("pass etcd.skip to the test")) };

/** Starts so many nodes, one after the other. They end, and their etcd with them, with the scope. */
export async function startNodes(scope: PeerScope, count: number, options: NodesOptions = {}): Promise<Nodes> {
  if (etcd.skip !== false) return NONE;
  const { flags = [], prefix = "/rollcall/", env, readyMsMax, each } = options;
  const members = options.cluster ?? (await startCluster(scope, options.members ?? 1));
  const endpoints = members.map(({ url }) => url).join(",");
  const start: Nodes["start"] = (name, more = {}) =>
    startRollcall(scope, {
      flags: [
        ...["--replicator", "etcd", "--etcd", endpoints, "--etcd-prefix", prefix, "--name", name],
        ...flags,
        ...(more.flags ?? []),
      ],
      env: { ...env, ...more.env },
      ...(readyMsMax === undefined ? {} : { readyMsMax }),
    });
  const nodes: Rollcall[] = [];
  for (let nth = 1; nth <= count; nth++) nodes.push(await start(`n${nth}`, each && { flags: each(nth) }));
  for (const node of nodes) await reaches(node, count - 1);
  return { members, nodes, start };
}

/** Waits until a node reaches so many others, as its log says. */
export async function reaches(node: Rollcall, others: number): Promise<void> {
  const reached = () => node.logs.filter(({ msg }) => msg === "another node is reached").length;
  await until(() => reached() >= others, { what: `${node.url} reaches ${others} others` });
}

/** A request to the native API, in the account `default`. */
export function ask(
  node: Pick<Rollcall, "url">,
  method: string,
  path: string,
  body?: unknown,
  headers?: RequestSpec["headers"],
): Promise<Answer> {
  return request(`${node.url}/v2/default/${path}`, { method, body, ...(headers === undefined ? {} : { headers }) });
}
