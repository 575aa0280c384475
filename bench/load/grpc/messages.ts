/** The few messages of the grpc dialect and of xDS that the load sends, and a reader for those that it looks at. */
import { encodeMessage, type FieldValue, readFields } from "../clients/protobuf.ts";

export const METHODS = {
  register: "/rollcall.v1.Catalog/Register",
  watch: "/rollcall.v1.Catalog/Watch",
  grant: "/rollcall.v1.Leases/Grant",
  keepAlive: "/rollcall.v1.Leases/KeepAlive",
  health: "/grpc.health.v1.Health/Check",
  discovery: "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
} as const;

const TTL = encodeMessage([[1, 3600]]);

export function toGrant(lease: string): Buffer {
  return encodeMessage([
    [2, lease],
    [3, TTL],
  ]);
}

export function toKeepAlive(lease: string): Buffer {
  return encodeMessage([[2, lease]]);
}

/** Whether a KeepAliveResponse has one beat, which was renewed: it has a time. */
export function isRenewed(message: Buffer): boolean {
  let renewed = false;
  readFields(message, (number, beat) => {
    if (number !== 1 || typeof beat === "number") return;
    readFields(beat, (field, value) => {
      if (field === 2) renewed = typeof value === "number" && value > 0;
    });
  });
  return renewed;
}

/** What an instance says of itself. */
export interface Said {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly weight?: number;
  readonly note?: string;
  /** How long the request is to be, if it can be made longer. */
  readonly bytes?: number;
}

/** A RegisterRequest: what `toRegistration` says as JSON, with a lease of its own. */
export function toRegister({ service, id, address, weight, note = "", bytes = 0 }: Said): Buffer {
  const entry = (key: string, value: string): Buffer =>
    encodeMessage([
      [1, key],
      [2, value],
    ]);
  const make = (text: string): Buffer => {
    const fields: [number, FieldValue][] = [
      [1, address],
      [2, 8080],
      [4, "http"],
      [5, "v1"],
      [5, "read"],
      [6, entry("cluster", "small")],
      [6, entry("idc", "shanghai")],
      [6, entry("note", text)],
      [7, "1.4.2"],
      [8, "zone-a"],
    ];
    if (weight !== undefined) fields.push([9, weight]);
    fields.push([12, TTL]);
    return encodeMessage([
      [2, service],
      [3, id],
      [4, encodeMessage(fields)],
    ]);
  };
  const short = make(note);
  return bytes > short.length ? make(note + "x".repeat(bytes - short.length)) : short;
}

export function toWatch(service: string): Buffer {
  return encodeMessage([[2, service]]);
}

/** What a WatchResponse says: that all has been told, or some commits. */
export function fromWatch(message: Buffer): { ready: boolean; commits: number } {
  const seen = { ready: false, commits: 0 };
  readFields(message, (number, value) => {
    if (number === 3) seen.commits++;
    if (number === 4) seen.ready = value === 1;
  });
  return seen;
}

const TYPE = "type.googleapis.com/envoy.config.";
/** In the order in which a client of gRPC asks for them. */
export const TYPES = [
  `${TYPE}listener.v3.Listener`,
  `${TYPE}route.v3.RouteConfiguration`,
  `${TYPE}cluster.v3.Cluster`,
  `${TYPE}endpoint.v3.ClusterLoadAssignment`,
] as const;

/** A DiscoveryRequest; with a nonce it takes the response of that. */
export function toDiscovery(type: string, name: string, version = "", nonce = ""): Buffer {
  return encodeMessage([
    [1, version],
    [3, name],
    [4, type],
    [5, nonce],
  ]);
}

export interface Discovered {
  readonly version: string;
  readonly type: string;
  readonly nonce: string;
}

export function fromDiscovery(message: Buffer): Discovered {
  const texts: Record<number, string> = {};
  readFields(message, (number, value) => {
    if (number !== 2 && typeof value !== "number") texts[number] = value.toString("latin1");
  });
  return { version: texts[1] ?? "", type: texts[4] ?? "", nonce: texts[5] ?? "" };
}
