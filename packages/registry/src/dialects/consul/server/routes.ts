/** @live Which path is what, and who serves it. */
import type { Role } from "../../../core/index.ts";
import type { Pattern } from "../../../net/routes/table.ts";
import * as checks from "../agent/checks.ts";
import * as events from "../agent/events/handlers.ts";
import * as mesh from "../agent/mesh.ts";
import * as operator from "../agent/operator.ts";
import * as self from "../agent/self.ts";
import * as services from "../agent/services.ts";
import { listPeers, showLeader } from "../agent/status.ts";
import * as health from "../catalog/health.ts";
import * as catalog from "../catalog/reads.ts";
import * as registering from "../catalog/registration/handlers.ts";
import type { Handle } from "../desk.ts";
import * as kvReads from "../kv/reads.ts";
import { transact } from "../kv/txn/handlers.ts";
import * as kvWrites from "../kv/writes.ts";
import * as queries from "../queries/handlers.ts";
import * as shapes from "../requests/filter/shape.ts";
import * as sessions from "../sessions/handlers.ts";

export interface Route extends Pattern {
  readonly need: Role;
  /** Left out where a short one is passed over, or none is sent. */
  readonly bodyBytesMax?: number;
  /** Is never refused for the number of requests. */
  readonly isBeat?: true;
  /** What a filter may ask of the things that it lists; left out where there is nothing to filter. */
  readonly filters?: shapes.ObjectShape;
  readonly handle: Handle;
}

/** As `txn_max_req_len` is by default. */
const TXN_BYTES_MAX = 512 * 1024;

type Verb = Pattern["method"];

function read(pattern: string, handle: Handle, filters?: shapes.ObjectShape): Route {
  return { method: "GET", pattern, need: "reader", handle, ...(filters === undefined ? {} : { filters }) };
}

function write(method: Verb, pattern: string, handle: Handle, more: Partial<Route> = {}): Route {
  return { method, pattern, need: "writer", handle, ...more };
}

const CHANGES = ["PUT", "POST", "DELETE"] as const;
/** Where nothing is to be had, whatever is asked for. */
const ALL = ["GET", ...CHANGES] as const;

export const ROUTES: readonly Route[] = [
  read("/v1/status/leader", showLeader),
  read("/v1/status/peers", listPeers),
  read("/v1/agent/self", self.showSelf),
  read("/v1/agent/members", self.listMembers),
  write("PUT", "/v1/event/fire/*", events.fire, { bodyBytesMax: events.PAYLOAD_BYTES_MAX }),
  read("/v1/event/list", events.list),
  read("/v1/query", queries.list),
  write("POST", "/v1/query", queries.create, { bodyBytesMax: queries.QUERY_BYTES_MAX }),
  read("/v1/query/:id", queries.showOne),
  write("PUT", "/v1/query/:id", queries.update, { bodyBytesMax: queries.QUERY_BYTES_MAX }),
  write("DELETE", "/v1/query/:id", queries.remove),
  read("/v1/query/:id/execute", queries.execute),
  read("/v1/query/:id/explain", queries.explain),
  read("/v1/agent/host", self.showHost),
  read("/v1/agent/metrics", self.showMetrics),
  write("PUT", "/v1/agent/join/*", self.acknowledge),
  write("PUT", "/v1/agent/force-leave/*", self.forceLeave),
  read("/v1/agent/monitor", self.refuseMonitor),
  ...ALL.map((method) => write(method, "/v1/agent/token/*", operator.refuseAcl)),
  ...ALL.map((method) => write(method, "/v1/agent/connect/*", mesh.refuseConnect)),
  ...ALL.map((method) => write(method, "/v1/connect/*", mesh.refuseConnect)),
  read("/v1/discovery-chain/*", mesh.refuseConnect),
  write("POST", "/v1/discovery-chain/*", mesh.refuseConnect),
  write("PUT", "/v1/config", mesh.refuseConfig),
  read("/v1/config/*", mesh.showConfig),
  write("DELETE", "/v1/config/*", mesh.showConfig),
  read("/v1/internal/ui/*", mesh.refuseUi),
  read("/v1/peerings", mesh.listPeerings),
  read("/v1/peering/:name", mesh.showPeering),
  write("PUT", "/v1/agent/leave", self.acknowledge),
  write("PUT", "/v1/agent/reload", self.acknowledge),
  write("PUT", "/v1/agent/maintenance", services.maintainNode),
  read("/v1/agent/services", services.list, shapes.SERVICES),
  read("/v1/agent/service/:id", services.showOne),
  write("PUT", "/v1/agent/service/register", services.register, { bodyBytesMax: services.SERVICE_BYTES_MAX }),
  write("PUT", "/v1/agent/service/deregister/*", services.deregister),
  write("PUT", "/v1/agent/service/maintenance/*", services.maintainService),
  read("/v1/agent/checks", checks.list, shapes.CHECKS),
  write("PUT", "/v1/agent/check/register", checks.register),
  write("PUT", "/v1/agent/check/deregister/*", checks.deregister),
  write("PUT", "/v1/agent/check/pass/*", checks.pass, { isBeat: true }),
  write("PUT", "/v1/agent/check/warn/*", checks.warn, { isBeat: true }),
  write("PUT", "/v1/agent/check/fail/*", checks.fail, { isBeat: true }),
  write("PUT", "/v1/agent/check/update/*", checks.update, { isBeat: true }),
  read("/v1/agent/health/service/name/:name", checks.healthByName),
  read("/v1/agent/health/service/id/*", checks.healthById),
  read("/v1/catalog/datacenters", catalog.listDatacenters),
  read("/v1/catalog/nodes", catalog.listAllNodes, shapes.NODES),
  read("/v1/catalog/services", catalog.listServices, shapes.CATALOG),
  read("/v1/catalog/service/:name", catalog.listInstances, shapes.CATALOG),
  read("/v1/catalog/connect/:name", catalog.listConnect),
  read("/v1/catalog/node/:node", catalog.showNode, shapes.SERVICES),
  read("/v1/catalog/node-services/:node", catalog.listNodeServices, shapes.SERVICES),
  write("PUT", "/v1/catalog/register", registering.register, { bodyBytesMax: registering.CATALOG_BYTES_MAX }),
  write("PUT", "/v1/catalog/deregister", registering.deregister),
  read("/v1/health/service/:name", health.listHealth, shapes.ENTRIES),
  read("/v1/health/connect/:name", health.listConnectHealth),
  read("/v1/health/ingress/:name", health.listConnectHealth),
  read("/v1/catalog/gateway-services/:name", catalog.listConnect),
  read("/v1/health/node/:node", health.listNodeChecks, shapes.CHECKS),
  read("/v1/health/checks/:name", health.listServiceChecks, shapes.CHECKS),
  read("/v1/health/state/:state", health.listByState, shapes.CHECKS),
  read("/v1/operator/raft/configuration", operator.showRaft),
  read("/v1/operator/autopilot/health", operator.showHealth),
  read("/v1/operator/autopilot/state", operator.showState),
  read("/v1/operator/autopilot/configuration", operator.showAutopilot),
  write("PUT", "/v1/operator/autopilot/configuration", operator.refuseAutopilot),
  write("DELETE", "/v1/operator/raft/peer", operator.removePeer),
  ...ALL.map((method) => write(method, "/v1/operator/keyring", operator.refuseKeyring)),
  read("/v1/coordinate/nodes", operator.listCoordinates),
  read("/v1/coordinate/node/:node", operator.showCoordinate),
  write("PUT", "/v1/coordinate/update", self.acknowledge),
  read("/v1/coordinate/datacenters", operator.listDistances),
  read("/v1/snapshot", operator.refuseSnapshot),
  write("PUT", "/v1/snapshot", operator.refuseSnapshot),
  read("/v1/acl/*", operator.refuseAcl),
  ...CHANGES.map((method) => write(method, "/v1/acl/*", operator.refuseAcl)),
  read("/v1/kv/*", kvReads.read),
  write("PUT", "/v1/kv/*", kvWrites.put, { bodyBytesMax: kvWrites.VALUE_BYTES_MAX }),
  write("DELETE", "/v1/kv/*", kvWrites.remove),
  write("PUT", "/v1/txn", transact, { bodyBytesMax: TXN_BYTES_MAX }),
  write("PUT", "/v1/session/create", sessions.create),
  write("PUT", "/v1/session/destroy/:id", sessions.destroy),
  write("PUT", "/v1/session/renew/:id", sessions.renew, { isBeat: true }),
  read("/v1/session/info/:id", sessions.showOne),
  read("/v1/session/node/:node", sessions.listOfNode),
  read("/v1/session/list", sessions.list),
];
