/** What operators' tools ask of a cluster: it has one server, which leads; and what is not part of this registry. */
import { toNodeId } from "../catalog/nodes.ts";
import { sameNode } from "../catalog/place.ts";
import type { Agent, Call, Handle } from "../desk.ts";
import { empty, jsonOf, text } from "../wire/answer.ts";
import { raftAddressOf } from "./status.ts";

/** `GET /v1/operator/raft/configuration` */
export const showRaft: Handle = ({ agent, registry }) =>
  jsonOf({
    Servers: [
      {
        ID: agent.nodeId,
        Node: agent.node,
        Address: raftAddressOf(agent),
        Leader: true,
        ProtocolVersion: "3",
        Voter: true,
        LastIndex: registry.read((view) => view.revision),
      },
    ],
    Index: 0,
  });

/** `GET /v1/operator/autopilot/state` */
export const showState: Handle = ({ agent, registry, status }) => {
  const { nodeId: ID, node: Name } = agent;
  const server = {
    ID,
    Name,
    Address: raftAddressOf(agent),
    NodeStatus: "alive",
    Version: agent.version,
    LastContact: "0s",
    LastTerm: 1,
    LastIndex: registry.read((view) => view.revision),
    Healthy: true,
    StableSince: new Date(status.startedAtMs).toISOString(),
    ReadReplica: false,
    Status: "leader",
    Meta: {},
    NodeType: "voter",
  };
  const [Healthy, FailureTolerance, OptimisticFailureTolerance] = [true, 0, 0];
  const Servers = { [ID]: server };
  return jsonOf({ Healthy, FailureTolerance, OptimisticFailureTolerance, Servers, Leader: ID, Voters: [ID] });
};

/** `DELETE /v1/operator/raft/peer`: the one that leads is not removed, and there is no other. */
export const removePeer: Handle = (_desk, { query }) => {
  const [what = "id"] = ["id", "address"].filter((name) => query.has(name));
  const given = JSON.stringify((query.get(what) ?? "").slice(0, 200));
  return text(500, `${what} ${given} was not found in the Raft configuration`);
};

/** `/v1/operator/keyring`: there is no gossip that keys would be for. */
export const refuseKeyring: Handle = ({ agent }) =>
  text(500, `1 error occurred:\n\t* ${agent.node}: Keyring is empty (encryption not enabled)\n\n`);

/** `GET /v1/operator/autopilot/configuration`: the defaults, which nothing goes by. */
export const showAutopilot: Handle = () =>
  jsonOf({
    CleanupDeadServers: true,
    LastContactThreshold: "200ms",
    MaxTrailingLogs: 250,
    MinQuorum: 0,
    ServerStabilizationTime: "10s",
    RedundancyZoneTag: "",
    DisableUpgradeMigration: false,
    UpgradeVersionTag: "",
    CreateIndex: 1,
    ModifyIndex: 1,
  });

/** `PUT` of the same. */
export const refuseAutopilot: Handle = () =>
  text(501, "This registry is no server of Consul: it has no autopilot to configure");

/** `GET /v1/operator/autopilot/health` */
export const showHealth: Handle = ({ agent, registry, status }) =>
  jsonOf({
    Healthy: true,
    FailureTolerance: 0,
    Servers: [
      {
        ID: agent.nodeId,
        Name: agent.node,
        Address: raftAddressOf(agent),
        SerfStatus: "alive",
        Version: agent.version,
        Leader: true,
        LastContact: "0s",
        LastTerm: 1,
        LastIndex: registry.read((view) => view.revision),
        Healthy: true,
        Voter: true,
        StableSince: new Date(status.startedAtMs).toISOString(),
      },
    ],
  });

/** `GET /v1/coordinate/nodes`: nobody measures distances, so that the server stands where all do. */
export const listCoordinates: Handle = ({ agent }) => jsonOf([coordinateOf(agent)]);

/** `GET /v1/coordinate/node/:node` */
export const showCoordinate: Handle = ({ agent }, { params }) =>
  sameNode(params[0] ?? "", agent.node) ? jsonOf([coordinateOf(agent)]) : { ...empty(), status: 404 };

/** `GET /v1/coordinate/datacenters` */
export const listDistances: Handle = ({ agent }) =>
  jsonOf([{ Datacenter: agent.datacenter, AreaID: "wan", Coordinates: [coordinateOf(agent)] }]);

function coordinateOf({ node }: Agent) {
  const Coord = { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0.00001 };
  return { Node: node, Segment: "", Coord };
}

/** `GET` and `PUT /v1/snapshot` */
export const refuseSnapshot: Handle = () =>
  text(
    501,
    "This registry is no server of Consul: save it with `rollcall backup`, and restore it with `rollcall restore`",
  );

/** What the original removed long ago. */
const LEGACY = /^(?:create|update|destroy\/.*|info\/.*|clone\/.*|list)$/;

/** `/v1/acl/…`: off while the registry is open, and elsewhere while it is not. */
export const refuseAcl: Handle = ({ access }, call) => {
  const [rest = ""] = call.params;
  if (LEGACY.test(rest))
    return text(410, `Endpoint /v1/acl/${rest.slice(0, 200)} for the legacy ACL system was removed in Consul 1.11.`);
  if (access.open) return text(401, "ACL support disabled");
  if (rest === "token/self" && call.request.method === "GET") return jsonOf(tokenOf(call));
  return text(501, "Tokens are those of the registry: see `rollcall token`, or /v2/…/tokens of its native API");
};

/** The token that asks, as the original would show it: its role is its only policy. */
function tokenOf({ principal, account, token }: Call) {
  const { name, role } = principal;
  return {
    AccessorID: toNodeId(`token ${name}`),
    SecretID: token ?? "",
    Description: `${name}: a ${role} of the account ${principal.account ?? account}`,
    Policies: [{ ID: toNodeId(`role ${role}`), Name: role }],
    Local: false,
    CreateTime: new Date(0).toISOString(),
    Hash: "",
    CreateIndex: 1,
    ModifyIndex: 1,
  };
}
