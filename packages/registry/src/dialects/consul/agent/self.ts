/** The agent as its clients ask about it: they look for its datacenter, its name, and that it is alive. */
import { sameNode } from "../catalog/place.ts";
import type { Agent, Desk, Handle } from "../desk.ts";
import { empty, jsonOf, text } from "../wire/answer.ts";
import { raftAddressOf } from "./status.ts";

const SERF_PORT = 8301;

/** One of the cluster; there is but one to be seen. */
function memberOf({ node, nodeId, address, datacenter, version }: Agent) {
  return {
    Name: node,
    Addr: address,
    Port: SERF_PORT,
    Tags: {
      acls: "0",
      bootstrap: "1",
      build: `${version}:rollcall`,
      dc: datacenter,
      id: nodeId,
      port: "8300",
      role: "consul",
      vsn: "2",
    },
    // Alive.
    Status: 1,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}

/** `GET /v1/agent/self` */
export const showSelf: Handle = (desk) => {
  const { agent, status, settings } = desk;
  return jsonOf({
    Config: {
      Datacenter: agent.datacenter,
      PrimaryDatacenter: agent.datacenter,
      NodeName: agent.node,
      NodeID: agent.nodeId,
      Revision: status.version,
      Server: true,
      Version: agent.version,
      BuildDate: new Date(0).toISOString(),
      // In ns. Versions before 1.0 said it here, and Patroni looks for it.
      SessionTTLMin: settings.sessionTtlMinMs * 1e6,
    },
    DebugConfig: {},
    Coord: { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0.00001 },
    Member: memberOf(agent),
    Stats: statsOf(desk),
    Meta: { "consul-network-segment": "" },
    xDS: { SupportedProxies: {} },
  });
};

/** What `consul info` prints. */
function statsOf({ agent, registry, status }: Desk): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const revision = String(registry.read((view) => view.revision));
  return {
    agent: { check_monitors: "0", check_ttls: "0", checks: "0", services: "0" },
    build: { prerelease: "rollcall", revision: status.version, version: agent.version },
    consul: {
      bootstrap: "true",
      known_datacenters: "1",
      leader: "true",
      leader_addr: raftAddressOf(agent),
      server: "true",
    },
    raft: {
      applied_index: revision,
      commit_index: revision,
      last_log_index: revision,
      num_peers: "0",
      state: "Leader",
    },
    serf_lan: { members: "1", failed: "0", left: "0" },
  };
}

/** `GET /v1/agent/members`: with `wan` named as other datacenters would see it. */
export const listMembers: Handle = ({ agent }, { query }) => {
  const member = memberOf(agent);
  return jsonOf([query.has("wan") ? { ...member, Name: `${agent.node}.${agent.datacenter}` } : member]);
};

/** `GET /v1/agent/host`: as far as it is anybody's business. */
export const showHost: Handle = ({ agent, status }) =>
  jsonOf({
    Memory: {},
    CPU: [],
    Host: { hostname: agent.node, bootTime: Math.floor(status.startedAtMs / 1000) },
    Disk: {},
    CollectionTime: status.startedAtMs * 1_000_000,
    Errors: null,
  });

/** `GET /v1/agent/metrics`: Prometheus' text when asked for, else the original's form without numbers. */
export const showMetrics: Handle = async ({ status }, { query }) => {
  if (query.get("format") === "prometheus") return text(200, await status.metricsText());
  const Timestamp = new Date(status.startedAtMs).toISOString();
  return jsonOf({ Timestamp, Gauges: [], Points: [], Counters: [], Samples: [] });
};

/** `PUT /v1/agent/force-leave/:node` */
export const forceLeave: Handle = ({ agent }, { params }) => {
  const [node = ""] = params;
  return sameNode(node, agent.node) ? empty() : text(500, `agent: No node found with name '${node.slice(0, 200)}'`);
};

/** `GET /v1/agent/monitor` */
export const refuseMonitor: Handle = () =>
  text(501, "The log of this registry is not told here: it is on its standard error");

/** `PUT /v1/agent/join/…`, `leave`, `reload`: there is nobody to join, and clients stop no registry. */
export const acknowledge: Handle = () => empty();
