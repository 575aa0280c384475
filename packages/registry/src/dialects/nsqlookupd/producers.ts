/** Producers of nsqlookupd <-> instances of the catalog; topics and channels <-> keys that others do not see. */
import { type Bytes, type Instance, type InstanceRecord, type LeaseId, prefixEnd, toBytes } from "../../core/index.ts";
import type { Peer } from "./wire/peer.ts";

export const VIA = "nsqlookupd";

/** The service of which every nsqd is an instance, whatever topics it has. */
export const NSQD = "nsqd";

const META = {
  /** `node` for an nsqd itself, `topic` for a topic that it carries. */
  kind: "nsqlookupd.kind",
  remote: "nsqlookupd.remote",
  hostname: "nsqlookupd.hostname",
  region: "nsqlookupd.region",
  /** Wall-clock ms. */
  tombstonedAt: "nsqlookupd.tombstonedAt",
} as const;

export type Kind = "node" | "topic";

/** A connection, which is a producer wherever it registers. */
export interface Source {
  readonly peer: Peer;
  /** Tells it from all other connections, of all nodes. */
  readonly tag: string;
  /** Ends with the connection. */
  readonly lease: LeaseId;
}

/** An nsqd on two connections is two producers. */
export function idOf({ peer, tag }: Pick<Source, "peer" | "tag">): string {
  return `${peer.broadcastAddress}:${peer.tcpPort}-${tag}`;
}

/** A lease tells the node whose connection it is. */
export function leaseOf(node: string, tag: string): LeaseId {
  return `${VIA}:${node}:${tag}`;
}

function takenBy({ lease }: InstanceRecord): string {
  return lease === null ? "" : lease.slice(VIA.length + 1, lease.lastIndexOf(":"));
}

/**
 * An nsqd is connected to each node that it knows, and would be shown by each as often: of those at one address, what one
 * node knows; this one where it is among them.
 */
export function ofOneNode<T>(all: readonly T[], recordOf: (one: T) => InstanceRecord, own: string): readonly T[] {
  const rank = (node: string): string => (node === own ? "" : node);
  const shown = new Map<string, string>();
  const addressOf = ({ address, ports }: InstanceRecord): string => `${address}:${ports.default}`;
  for (const one of all) {
    const record = recordOf(one);
    const [at, node] = [addressOf(record), takenBy(record)];
    const known = shown.get(at);
    if (known === undefined || rank(node) < rank(known)) shown.set(at, node);
  }
  return all.filter((one) => shown.get(addressOf(recordOf(one))) === takenBy(recordOf(one)));
}

/** The nsqd itself. */
export function toNode(source: Source): Instance {
  return toInstance(source, "node", NSQD, idOf(source));
}

/** Its part in a topic. */
export function toProducer(source: Source, topic: string): Instance {
  return toInstance(source, "topic", topic, producerId(topic, idOf(source)));
}

/** There may be a topic of the name under which nsqds themselves are found. */
export function producerId(topic: string, id: string): string {
  return topic === NSQD ? `${id}-topic` : id;
}

function toInstance({ peer }: Source, kind: Kind, service: string, id: string): Instance {
  return {
    service,
    id,
    address: peer.broadcastAddress,
    ports: { default: peer.tcpPort, http: peer.httpPort },
    protocol: "nsq",
    tags: [],
    meta: {
      [META.kind]: kind,
      [META.remote]: peer.remoteAddress,
      [META.hostname]: peer.hostname,
      ...(peer.topologyRegion !== "" && { [META.region]: peer.topologyRegion }),
    },
    version: peer.version,
    zone: peer.topologyZone,
    weight: 100,
    status: "passing",
    checks: [],
    via: VIA,
  };
}

/** Whether it came this way, and is what is looked for. */
export function isOfKind({ via, meta }: InstanceRecord, kind: Kind): boolean {
  return via === VIA && meta[META.kind] === kind;
}

export function toPeer({ address, ports, version, zone, meta }: InstanceRecord): Peer {
  return {
    remoteAddress: meta[META.remote] ?? "",
    hostname: meta[META.hostname] ?? "",
    broadcastAddress: address,
    tcpPort: ports.default ?? 0,
    httpPort: ports.http ?? 0,
    version,
    topologyZone: zone,
    topologyRegion: meta[META.region] ?? "",
  };
}

/** When it was told to be left out for a while, wall-clock ms; 0 when it was not. */
export function tombstonedAtMs({ meta }: InstanceRecord): number {
  return Number(meta[META.tombstonedAt] ?? 0) || 0;
}

export function withTombstone(record: InstanceRecord, atMs: number): Instance {
  return { ...record, meta: { ...record.meta, [META.tombstonedAt]: String(atMs) } };
}

/** Whether it was heard of lately: one that was silent for long is shown to nobody. */
export function isActive({ status }: InstanceRecord): boolean {
  return status === "passing";
}

const TOPICS = "\0nsqlookupd/t/";
const CHANNELS = "\0nsqlookupd/c/";
const PRODUCERS = "\0nsqlookupd/p/";

/** A topic, which outlives its producers. */
export function topicKey(topic: string): Bytes {
  return toBytes(TOPICS + topic);
}

/** A channel of a topic, which outlives them as well. */
export function channelKey(topic: string, channel: string): Bytes {
  return toBytes(`${CHANNELS}${topic}/${channel}`);
}

/** A producer of a channel: alive by its connection. */
export function producerKey(topic: string, channel: string, id: string): Bytes {
  return toBytes(`${PRODUCERS}${topic}/${channel}/${id}`);
}

export interface Range {
  readonly from: Bytes;
  readonly to: Bytes;
}

/** All that begin with it. */
function under(prefix: string): Range {
  const from = toBytes(prefix);
  return { from, to: prefixEnd(from) };
}

export const ALL_TOPICS: Range = under(TOPICS);

export function channelsOf(topic: string): Range {
  return under(`${CHANNELS}${topic}/`);
}

export function channelProducers(topic: string, channel: string): Range {
  return under(`${PRODUCERS}${topic}/${channel}/`);
}

export function topicProducers(topic: string): Range {
  return under(`${PRODUCERS}${topic}/`);
}

export const ALL_CHANNEL_PRODUCERS: Range = under(PRODUCERS);

/** The last part of a key: of a topic, a channel, or a producer. Names are ASCII, ids may be more. */
export function lastOf(key: Bytes): Bytes {
  return key.slice(key.lastIndexOf("/") + 1);
}
