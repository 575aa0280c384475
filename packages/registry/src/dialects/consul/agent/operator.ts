/** What operators' tools ask of a cluster: it has one server, which leads; and what is not part of this registry. */
import type { Handle } from "../desk.ts";
import { jsonOf, text } from "../wire/answer.ts";
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
      },
    ],
    Index: registry.read((view) => view.revision),
  });

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

/** `GET /v1/coordinate/nodes` and `datacenters`: nobody measures distances. */
export const listCoordinates: Handle = () => jsonOf([]);

/** `GET /v1/coordinate/datacenters` */
export const listDistances: Handle = ({ agent }) =>
  jsonOf([{ Datacenter: agent.datacenter, AreaID: "lan", Coordinates: [] }]);

/** `GET` and `PUT /v1/snapshot` */
export const refuseSnapshot: Handle = () =>
  text(
    501,
    "This registry is no server of Consul: save it with `rollcall backup`, and restore it with `rollcall restore`",
  );

/** `/v1/acl/…`: off while the registry is open, and elsewhere while it is not. */
export const refuseAcl: Handle = ({ access }) =>
  access.open
    ? text(401, "ACL support disabled")
    : text(501, "Tokens are those of the registry: see `rollcall token`, or /v2/…/tokens of its native API");
