/** Producers of nsqlookupd <-> instances of the catalog; topics and channels <-> keys that others do not see. */
import {
  type Bytes,
  type Instance,
  type InstanceRecord,
  type LeaseId,
  LIMITS,
  prefixEnd,
  toBytes,
} from "../../core/index.ts";
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
  /** Of a topic: the channels that it has there, with blanks between. What is too long for one goes on in the next. */
  channels: "nsqlookupd.channels",
  /** Wall-clock ms. */
  tombstonedAt: "nsqlookupd.tombstonedAt",
} as const;

export type Kind = "node" | "topic";

/** A connection, which is a producer wherever it registers. */
export interface Source {
  readonly peer: Peer;
  /** Of its instances. An nsqd on two connections is two producers. */
  readonly id: string;
  /** Ends with the connection. */
  readonly lease: LeaseId;
}

/** `tag` tells the connection from all others, of all nodes. */
export function toSource(peer: Peer, tag: string, lease: LeaseId): Source {
  return { peer, id: `${peer.broadcastAddress}:${peer.tcpPort}-${tag}`, lease };
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
export function ofOneNode(all: readonly InstanceRecord[], own: string): readonly InstanceRecord[] {
  const rank = (node: string): string => (node === own ? "" : node);
  const shown = new Map<string, string>();
  const addressOf = ({ address, ports }: InstanceRecord): string => `${address}:${ports.default}`;
  for (const record of all) {
    const [at, node] = [addressOf(record), takenBy(record)];
    const known = shown.get(at);
    if (known === undefined || rank(node) < rank(known)) shown.set(at, node);
  }
  return all.filter((record) => shown.get(addressOf(record)) === takenBy(record));
}

/** The nsqd itself. */
export function toNode({ peer, id }: Source): Instance {
  return toInstance(peer, NSQD, id, {
    [META.kind]: "node",
    [META.remote]: peer.remoteAddress,
    [META.hostname]: peer.hostname,
    ...(peer.topologyRegion !== "" && { [META.region]: peer.topologyRegion }),
  });
}

/** Its part in a topic. What only the nsqd itself says is so short of a record that there are many of, and mostly alike. */
export function toProducer({ peer, id }: Source, topic: string, channels: readonly string[]): Instance {
  return toInstance(peer, topic, producerId(topic, id), { [META.kind]: "topic", ...toChannelMeta(channels) });
}

const SUFFIX = "-topic";

/** There may be a topic of the name under which nsqds themselves are found. */
export function producerId(topic: string, id: string): string {
  return topic === NSQD ? id + SUFFIX : id;
}

/** The instance of the nsqd itself that has this part in a topic. */
export function nodeIdOf({ service, id }: Pick<Instance, "service" | "id">): string {
  return service === NSQD && id.endsWith(SUFFIX) ? id.slice(0, -SUFFIX.length) : id;
}

function toInstance(peer: Peer, service: string, id: string, meta: Instance["meta"]): Instance {
  return {
    service,
    id,
    address: peer.broadcastAddress,
    ports: { default: peer.tcpPort, http: peer.httpPort },
    protocol: "nsq",
    tags: [],
    meta,
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

const VALUE_LENGTH_MAX = LIMITS.metaValueLengthMax;
/** All of a topic at one nsqd: some 900 of the longest names. */
const CHANNELS_LENGTH_MAX = 7 * VALUE_LENGTH_MAX;

/** The channels that a topic has at an nsqd. */
export function channelsIn({ meta }: Pick<Instance, "meta">): readonly string[] {
  let text = meta[META.channels] ?? "";
  if (text === "") return [];
  for (let nth = 1; ; nth++) {
    const more = meta[`${META.channels}.${nth}`];
    if (more === undefined) return text.split(" ");
    text += more;
  }
}

export function fitTogether(channels: readonly string[]): boolean {
  return channels.join(" ").length <= CHANNELS_LENGTH_MAX;
}

function toChannelMeta(channels: readonly string[]): Instance["meta"] {
  const text = channels.join(" ");
  if (text === "") return {};
  const meta: Record<string, string> = {};
  for (let at = 0, nth = 0; at < text.length; at += VALUE_LENGTH_MAX, nth++)
    meta[nth === 0 ? META.channels : `${META.channels}.${nth}`] = text.slice(at, at + VALUE_LENGTH_MAX);
  return meta;
}

export function withChannels(record: InstanceRecord, channels: readonly string[]): Instance {
  const rest = Object.entries(record.meta).filter(([name]) => !name.startsWith(META.channels));
  return { ...record, meta: { ...Object.fromEntries(rest), ...toChannelMeta(channels) } };
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

/** A topic, which outlives its producers. */
export function topicKey(topic: string): Bytes {
  return toBytes(TOPICS + topic);
}

/** A channel of a topic, which outlives them as well. Who has it is said by the producers of the topic. */
export function channelKey(topic: string, channel: string): Bytes {
  return toBytes(`${CHANNELS}${topic}/${channel}`);
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

/** The last part of a key: the name of a topic or a channel. */
export function lastOf(key: Bytes): Bytes {
  return key.slice(key.lastIndexOf("/") + 1);
}
