/**
 * @live The plug: Consul's HTTP API on a port of its own.
 *
 * @rooms dialect > server > queries > agent > kv > sessions > catalog > requests > desk > refusals > settings > wire
 */
import { networkInterfaces } from "node:os";
import type { AnyPlan } from "../../core/index.ts";
import { isWildcard } from "../../net/hosts/wildcard.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import { ADD_CHECK, DEREGISTER, FOUND, LAPSE, MAINTAIN, REAP, REGISTER, REMOVE_CHECK, REPORT } from "./agent/plans.ts";
import { toNodeId } from "./catalog/nodes.ts";
import { forgetOthers, Mirror } from "./catalog/registration/mirror/mirror.ts";
import { MIRROR, UNMIRROR } from "./catalog/registration/mirror/plan.ts";
import { CATALOG_DEREGISTER, CATALOG_REGISTER } from "./catalog/registration/plan.ts";
import type { Agent } from "./desk.ts";
import { SWEEP } from "./kv/idle.ts";
import { KV } from "./kv/plan.ts";
import { TXN } from "./kv/txn/plan.ts";
import { REMOVE_QUERY, WRITE_QUERY } from "./queries/plan.ts";
import { Server } from "./server/server.ts";
import { CREATE, DESTROY } from "./sessions/plan.ts";
import { readSettings, type Settings } from "./settings.ts";

const NAME = "consul";
/** The one that its answers were compared with. */
const VERSION = "1.14.11";

const PLANS: readonly AnyPlan[] = [
  KV,
  TXN,
  SWEEP,
  WRITE_QUERY,
  REMOVE_QUERY,
  CREATE,
  DESTROY,
  REGISTER,
  DEREGISTER,
  ADD_CHECK,
  REMOVE_CHECK,
  REPORT,
  FOUND,
  LAPSE,
  REAP,
  MAINTAIN,
  CATALOG_REGISTER,
  CATALOG_DEREGISTER,
  MIRROR,
  UNMIRROR,
];

/** Consul: services, checks, keys, sessions and locks, for its clients as they are. */
export const dialect: Dialect = {
  // Locks and compare-and-set need one order of all commits.
  needs: "total",
  plans: PLANS,
  open,
};

async function open(house: House): Promise<Mounted> {
  const settings = readSettings(house.settings);
  const listener = await house.doors.http(NAME);
  const agent = agentOf(settings, listener.host);
  const server = new Server(house, settings, agent);
  listener.mount("/", NAME, (method, path, search) => server.find(method, path, search));
  const { registry, nodes, log } = house;
  const parts = { registry, nodes, log, agent };
  await forgetOthers(parts, settings.mirror);
  const mirror = settings.mirror && new Mirror(parts, settings.mirror);
  mirror?.begin();
  const close = async (): Promise<void> => {
    await mirror?.close();
    server.close();
  };
  return { drain: () => server.drain(), close };
}

function agentOf({ node, address, datacenter }: Settings, host: string): Agent {
  return { node, nodeId: toNodeId(node), address: address ?? findAddress(host), datacenter, version: VERSION };
}

/** Where nothing else is said: an address by which others can reach this machine, if it is to be reached. */
function findAddress(host: string): string {
  if (!isWildcard(host)) return host;
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, family, internal } of addresses ?? []) if (!internal && family === "IPv4") return address;
  return "127.0.0.1";
}
