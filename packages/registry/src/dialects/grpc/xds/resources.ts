/**
 * Services as resources of xDS: each is a listener, a route, a cluster and the endpoints of that, all by the service's name.
 * Messages and field numbers: https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
 */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import {
  type InstanceRecord,
  isUsable,
  mainPort,
  perRevision,
  type ServiceView,
  statusOf,
} from "../../../core/index.ts";
import { Message } from "../../../net/grpc/protobuf.ts";
import { type Kind, TYPE_OF } from "./kinds.ts";

export interface Resource {
  readonly name: string;
  /** Changes exactly when it does. */
  readonly version: string;
  /** A `google.protobuf.Any`. */
  readonly any: Buffer;
}

const VERSION_LENGTH = 16;

function toAny(type: string, message: Message): Message {
  return new Message().bytes(1, type).bytes(2, message.end());
}

function toResource(kind: Kind, name: string, message: Message): Resource {
  const any = toAny(TYPE_OF[kind], message).end();
  return { name, any, version: createHash("sha1").update(any).digest("base64url").slice(0, VERSION_LENGTH) };
}

const V3 = 2;
/** From where the stream is that asks. */
const ADS = new Message().message(3, new Message()).number(6, V3);

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const ROUTER = new Message().bytes(1, "router").message(4, toAny(`${FILTERS}.http.router.v3.Router`, new Message()));

/** For clients that have no port to listen on: gRPC's own. */
function toListener(name: string): Resource {
  const manager = new Message()
    .bytes(2, name)
    .message(3, new Message().message(1, ADS).bytes(2, name))
    .message(5, ROUTER);
  const any = toAny(`${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`, manager);
  return toResource("listener", name, new Message().bytes(1, name).message(19, new Message().message(1, any)));
}

function toRoute(name: string): Resource {
  // Without a time of its own: streams last.
  const action = new Message().bytes(1, name).message(8, new Message());
  const route = new Message().message(1, new Message().bytes(1, "/")).message(2, action);
  const host = new Message().bytes(1, name).bytes(2, "*").message(3, route);
  return toResource("route", name, new Message().bytes(1, name).message(2, host));
}

const EDS = 3;
const CONNECT_S = 5;
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** An entry of the map by which Envoy is told to speak HTTP/2. */
const HTTP2 = new Message()
  .bytes(1, HTTP_OPTIONS)
  .message(
    2,
    toAny(`type.googleapis.com/${HTTP_OPTIONS}`, new Message().message(3, new Message().message(2, new Message()))),
  );
const BY_HTTP2: ReadonlySet<string> = new Set(["grpc", "h2", "h2c", "http2"]);

function toCluster(name: string, isHttp2: boolean): Resource {
  const cluster = new Message()
    .bytes(1, name)
    .number(2, EDS)
    .message(3, new Message().message(1, ADS).bytes(2, name))
    .message(4, new Message().number(1, CONNECT_S));
  return toResource("cluster", name, isHttp2 ? cluster.message(36, HTTP2) : cluster);
}

/** `HealthStatus`: clients go to the healthy ones; Envoy, where these are few, to the others too. */
const HEALTHY = 1;
const UNHEALTHY = 2;
const DRAINING = 3;

function healthOf(record: InstanceRecord): number {
  // A weight must be 1 at least: one of 0 is to get nothing new.
  if (isUsable(record)) return record.weight > 0 ? HEALTHY : DRAINING;
  return statusOf(record) === "draining" ? DRAINING : UNHEALTHY;
}

interface Place {
  readonly address: string;
  readonly port: number;
  readonly zone: string;
  readonly weight: number;
  readonly health: number;
}

/** Names are no addresses here, and one without a port cannot be called. */
function placeOf(record: InstanceRecord): Place | undefined {
  const address = record.address.replace(/^\[(.*)\]$/, "$1");
  const port = mainPort(record.ports) ?? 0;
  if (isIP(address) === 0 || port === 0) return undefined;
  return { address, port, zone: record.zone, weight: Math.max(1, record.weight), health: healthOf(record) };
}

/** By zone; an address is there once, as clients refuse two, and the healthiest of them counts. */
function groupPlaces(records: Iterable<InstanceRecord>): ReadonlyMap<string, readonly Place[]> {
  const byAddress = new Map<string, Place>();
  for (const record of records) {
    const place = placeOf(record);
    if (place === undefined) continue;
    const key = `${place.address} ${place.port}`;
    const known = byAddress.get(key);
    if (known === undefined || (known.health !== HEALTHY && place.health === HEALTHY)) byAddress.set(key, place);
  }
  const byZone = new Map<string, Place[]>();
  for (const place of byAddress.values()) {
    const zone = byZone.get(place.zone);
    if (zone === undefined) byZone.set(place.zone, [place]);
    else zone.push(place);
  }
  return new Map([...byZone].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const UINT32_MAX = 2 ** 32 - 1;

function toEndpoint({ address, port, weight, health }: Place): Message {
  const socket = new Message().bytes(2, address).number(3, port);
  return new Message()
    .message(1, new Message().message(1, new Message().message(1, socket)))
    .number(2, health)
    .message(4, new Message().number(1, weight));
}

function toEndpoints(name: string, records: Iterable<InstanceRecord>): Resource {
  const assignment = new Message().bytes(1, name);
  const zones = groupPlaces(records);
  for (const [zone, places] of zones) {
    const locality = new Message().message(1, new Message().bytes(2, zone));
    let weight = 0;
    for (const place of places) {
      locality.message(2, toEndpoint(place));
      if (place.health === HEALTHY) weight += place.weight;
    }
    // All weights of a cluster together must fit as well.
    const most = Math.floor(UINT32_MAX / zones.size);
    locality.message(3, new Message().number(1, Math.min(Math.max(1, weight), most)));
    assignment.message(2, locality);
  }
  return toResource("endpoints", name, assignment);
}

/** Of each kind. */
const BYTES_MAX = 32 * 1024 * 1024;

/** Made once for all clients. */
function shared(make: (service: ServiceView) => Resource): (service: ServiceView) => Resource {
  return perRevision(make, { costMax: BYTES_MAX, costOf: ({ any }) => any.length });
}

const endpointsOf = shared(({ name, instances }) => toEndpoints(name, instances.values()));
const listenerOf = shared(({ name }) => toListener(name));
const routeOf = shared(({ name }) => toRoute(name));
const clusterOf = shared(({ name, instances }) => {
  let isHttp2 = instances.size > 0;
  for (const { protocol } of instances.values()) isHttp2 &&= BY_HTTP2.has(protocol);
  return toCluster(name, isHttp2);
});

/** Of a service that is there, or not. A cluster that somebody still has keeps its endpoints, if only none. */
export function findResource(kind: Kind, name: string, service: ServiceView | undefined): Resource | undefined {
  // A service may outlive its last instance.
  if (service === undefined || service.instances.size === 0)
    return kind === "endpoints" ? toEndpoints(name, []) : undefined;
  switch (kind) {
    case "cluster":
      return clusterOf(service);
    case "endpoints":
      return endpointsOf(service);
    case "listener":
      return listenerOf(service);
    case "route":
      return routeOf(service);
  }
}
