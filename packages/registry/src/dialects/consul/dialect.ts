/**
 * @live The plug: Consul's HTTP API on a port of its own.
 *
 * @rooms dialect > server > txn > agent > kv > sessions > requests > desk > refusals > settings > wire
 */
import { createHash } from "node:crypto";
import { networkInterfaces } from "node:os";
import { isWildcard } from "../../net/hosts/wildcard.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import type { Agent } from "./desk.ts";
import { SWEEP } from "./kv/idle.ts";
import { KV } from "./kv/plan.ts";
import { Server } from "./server/server.ts";
import { CREATE, DESTROY } from "./sessions/plan.ts";
import { readSettings, type Settings } from "./settings.ts";

const NAME = "consul";

/** Consul: keys, sessions and locks, for its clients as they are. */
export const dialect: Dialect = {
  // Locks and compare-and-set need one order of all commits.
  needs: "total",
  plans: [KV, SWEEP, CREATE, DESTROY],
  open,
};

async function open(house: House): Promise<Mounted> {
  const settings = readSettings(house.settings);
  const listener = await house.doors.http(NAME);
  const server = new Server(house, settings, agentOf(settings, listener.host));
  listener.mount("/", NAME, (method, path, search) => server.find(method, path, search));
  return { drain: () => server.drain(), close: async () => server.close() };
}

function agentOf({ node, address, datacenter }: Settings, host: string): Agent {
  return { node, nodeId: toNodeId(node), address: address ?? findAddress(host), datacenter };
}

/** Where nothing else is said: an address by which others can reach this machine, if it is to be reached. */
function findAddress(host: string): string {
  if (!isWildcard(host)) return host;
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, family, internal } of addresses ?? []) if (!internal && family === "IPv4") return address;
  return "127.0.0.1";
}

/** The same for a name, wherever it runs. */
function toNodeId(node: string): string {
  const hex = createHash("sha256").update(`rollcall consul node ${node}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}
