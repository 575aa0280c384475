/** What an nsqd says of itself, and how it is shown. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { decodeJson } from "../../../net/routes/json.ts";

export interface Peer {
  /** `address:port` from which it is connected. */
  readonly remoteAddress: string;
  readonly hostname: string;
  /** Where its clients reach it. */
  readonly broadcastAddress: string;
  readonly tcpPort: number;
  readonly httpPort: number;
  readonly version: string;
  readonly topologyZone: string;
  readonly topologyRegion: string;
}

const TEXT_LENGTH_MAX = 255;

/** Reads the body of IDENTIFY. The refusal's detail is the protocol's own. */
export function readPeer(body: Buffer, remoteAddress: string): Outcome<Peer> {
  const decoded = decodeJson(body);
  if (!decoded.ok) return refuse("invalid", "IDENTIFY failed to decode JSON body");
  const said = decoded.value;
  // Go's decoder takes null for an empty one.
  if (said !== null && (typeof said !== "object" || Array.isArray(said)))
    return refuse("invalid", "IDENTIFY failed to decode JSON body");
  const fields = new Map(Object.entries(said ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const));
  const text = (name: string): string | undefined => textOf(fields.get(name));
  const port = (name: string): number | undefined => portOf(fields.get(name));
  const peer = {
    remoteAddress,
    hostname: text("hostname"),
    broadcastAddress: text("broadcast_address"),
    tcpPort: port("tcp_port"),
    httpPort: port("http_port"),
    version: text("version"),
    topologyZone: text("topology_zone"),
    topologyRegion: text("topology_region"),
  };
  const { hostname, broadcastAddress, tcpPort, httpPort, version, topologyZone, topologyRegion } = peer;
  if (
    hostname === undefined ||
    broadcastAddress === undefined ||
    tcpPort === undefined ||
    httpPort === undefined ||
    version === undefined ||
    topologyZone === undefined ||
    topologyRegion === undefined
  )
    return refuse("invalid", "IDENTIFY failed to decode JSON body");
  if (broadcastAddress === "" || tcpPort === 0 || httpPort === 0 || version === "")
    return refuse("invalid", "IDENTIFY missing fields");
  return ok({ remoteAddress, hostname, broadcastAddress, tcpPort, httpPort, version, topologyZone, topologyRegion });
}

/** "" for what is missing; undefined for what is no text, or none that the catalog can carry. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  return typeof value === "string" && value.length <= TEXT_LENGTH_MAX && !/\p{C}/u.test(value) ? value : undefined;
}

function portOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0;
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535
    ? (value as number)
    : undefined;
}

/** A peer as lookups show it. */
export function toShown(peer: Peer) {
  return {
    remote_address: peer.remoteAddress,
    hostname: peer.hostname,
    broadcast_address: peer.broadcastAddress,
    tcp_port: peer.tcpPort,
    http_port: peer.httpPort,
    version: peer.version,
    topology_zone: peer.topologyZone,
    topology_region: peer.topologyRegion,
  };
}
