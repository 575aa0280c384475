/** @live What clients and nsqadmin look up. */
import type { Account, AccountView, InstanceRecord, ServiceView, View } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Desk, Handle, Mistake } from "../desk.ts";
import {
  ALL_TOPICS,
  channelsIn,
  channelsOf,
  isActive,
  isOfKind,
  lastOf,
  NSQD,
  nodeIdOf,
  ofOneNode,
  tombstonedAtMs,
  toPeer,
  topicKey,
} from "../producers.ts";
import { json, PONG } from "../wire/answer.ts";
import { toShown } from "../wire/peer.ts";

/** What nsqadmin takes for the version of this server, and compares with those of nsqd. */
export const VERSION = "1.3.0";

export const NO_TOPIC: Mistake = { status: 400, message: "MISSING_ARG_TOPIC" };

export const ping: Handle = () => PONG;

export const info: Handle = () => json(JSON.stringify({ version: VERSION }));

export const topics: Handle = ({ registry }, { account }) => {
  const names = registry.read((view) => topicNames(view.account(account)));
  return json(listParts('{"topics":[', quoteAll(names), "]}"));
};

export const channels: Handle = ({ registry }, { account, query }) => {
  const topic = query.get("topic");
  if (topic === undefined) return NO_TOPIC;
  const names = registry.read((view) => channelNames(view.account(account), topic));
  return json(listParts('{"channels":[', quoteAll(names), "]}"));
};

function topicNames(view: AccountView | undefined): string[] {
  return Array.from(view?.entries(ALL_TOPICS.from, ALL_TOPICS.to) ?? [], ({ key }) => lastOf(key));
}

function* quoteAll(names: readonly string[]): Iterable<string> {
  for (const name of names) yield JSON.stringify(name);
}

function channelNames(view: AccountView | undefined, topic: string): string[] {
  const { from, to } = channelsOf(topic);
  return Array.from(view?.entries(from, to) ?? [], ({ key }) => lastOf(key));
}

const NO_SUCH_TOPIC: Mistake = { status: 404, message: "TOPIC_NOT_FOUND" };

export const lookup: Handle = (desk, { account, query }) => {
  const topic = query.get("topic");
  if (topic === undefined) return NO_TOPIC;
  const { registry, clock, kept } = desk;
  return registry.read((view): Answer | Mistake => {
    const all = view.account(account);
    if (all?.entry(topicKey(topic)) === undefined) return NO_SUCH_TOPIC;
    const service = all.service(topic);
    if (service === undefined) return json(writeLookup(all, topic, []));
    const stamp = { producers: service.revision, channels: all.under(channelsOf(topic).from).revision };
    const nowMs = clock.now();
    const known = kept.get(service, stamp, nowMs);
    if (known !== undefined) return json(known);
    const { shown, untilMs } = findShown(desk, all, service);
    const body = Buffer.from(writeLookup(all, topic, shown));
    kept.set(service, { ...stamp, untilMs, body });
    return json(body);
  });
};

/** The producers that are not hidden, as JSON, and until when none of the others comes back by itself. */
function findShown(
  { clock, settings, own }: Desk,
  all: AccountView,
  service: ServiceView,
): { readonly shown: readonly string[]; readonly untilMs: number } {
  const nowMs = clock.now();
  const found: InstanceRecord[] = [];
  let untilMs = Number.POSITIVE_INFINITY;
  for (const record of service.instances.values()) {
    if (!isOfKind(record, "topic") || !isActive(record)) continue;
    const backMs = tombstonedAtMs(record) + settings.tombstoneMs;
    if (backMs > nowMs) untilMs = Math.min(untilMs, backMs);
    else found.push(record);
  }
  const shown = ofOneNode(found, own).map((record) => textOf(nodeOf(all, record)));
  return { shown, untilMs };
}

/** What has this part in a topic, and can say more of itself. */
function nodeOf(all: AccountView, record: InstanceRecord): InstanceRecord {
  return all.service(NSQD)?.instances.get(nodeIdOf(record)) ?? record;
}

const texts = new WeakMap<InstanceRecord, string>();

/** One for all topics. */
function textOf(node: InstanceRecord): string {
  let text = texts.get(node);
  if (text === undefined) {
    text = JSON.stringify(toShown(toPeer(node)));
    texts.set(node, text);
  }
  return text;
}

function writeLookup(all: AccountView, topic: string, shown: readonly string[]): string {
  return `{"channels":${JSON.stringify(channelNames(all, topic))},"producers":[${shown.join(",")}]}`;
}

/** Every nsqd. */
function nodesOf(view: View, account: Account): InstanceRecord[] {
  const all = view.account(account)?.service(NSQD)?.instances.values() ?? [];
  return Array.from(all).filter((record) => isOfKind(record, "node"));
}

/** What an nsqd has of topics, sorted by their names. */
function topicsOf(view: View, account: Account, { lease }: InstanceRecord): InstanceRecord[] {
  const members = lease === null ? [] : view.members(account, lease).instances;
  return members.filter((one) => isOfKind(one, "topic")).sort((a, b) => (a.service < b.service ? -1 : 1));
}

export const nodes: Handle = (desk, { account }) => {
  const all = desk.registry.read((view) => nodesOf(view, account).filter(isActive));
  const found = ofOneNode(all, desk.own);
  return json(listParts('{"producers":[', writeNodes(desk, account, found), "]}"));
};

/** Tombstones are told beside the topics, one for each: nsqadmin counts on it. */
function* writeNodes(
  { registry, clock, settings }: Desk,
  account: Account,
  found: readonly InstanceRecord[],
): Iterable<string> {
  for (const node of found) {
    const carried = registry.read((view) => topicsOf(view, account, node));
    const sinceMs = clock.now() - settings.tombstoneMs;
    yield JSON.stringify({
      ...toShown(toPeer(node)),
      tombstones: carried.map((one) => tombstonedAtMs(one) > sinceMs),
      topics: carried.map(({ service }) => service),
    });
  }
}

/** What Go makes of a time that never was, in ns. */
const NEVER_NS = "-6795364578871345152";

/** A producer in a category: the nsqd, and since when it is tombstoned there, wall-clock ms. */
type Part = readonly [node: InstanceRecord, tombstonedAtMs: number];

/** Everything by category, key and subkey, the hidden and the tombstoned included. */
export const debug: Handle = (desk, { account }) => {
  const names = desk.registry.read((view) => topicNames(view.account(account)));
  return json(listParts("{", writeGroups(desk, account, names), "}"));
};

function* writeGroups(desk: Desk, account: Account, topics: readonly string[]): Iterable<string> {
  const { registry } = desk;
  const write = (key: string, parts: readonly Part[]): string =>
    `${JSON.stringify(key)}:[${parts.map((part) => writeDebug(desk, part)).join(",")}]`;
  const all = registry.read((view) => nodesOf(view, account));
  if (all.length > 0)
    yield write(
      "client::",
      all.map((node) => [node, 0]),
    );
  for (const topic of topics)
    for (const [key, parts] of registry.read((view) => groupsOf(view.account(account), topic))) yield write(key, parts);
}

/** A topic's own group, and those of its channels. */
function groupsOf(all: AccountView | undefined, topic: string): ReadonlyMap<string, readonly Part[]> {
  const groups = new Map<string, Part[]>();
  const add = (key: string, ...part: Part): void => {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [part]);
    else group.push(part);
  };
  if (all === undefined) return groups;
  for (const record of all.service(topic)?.instances.values() ?? []) {
    if (!isOfKind(record, "topic")) continue;
    const node = nodeOf(all, record);
    add(`topic:${topic}:`, node, tombstonedAtMs(record));
    for (const channel of channelsIn(record)) add(`channel:${topic}:${channel}`, node, 0);
  }
  return groups;
}

function writeDebug(desk: Desk, [node, atMs]: Part): string {
  const { remote_address: id, ...rest } = toShown(toPeer(node));
  const heardMs = desk.heardAtMs(node.id) ?? node.stampMs;
  // Nanoseconds are beyond what numbers here can count.
  const times = `"last_update":${Math.floor(heardMs)}000000,"tombstoned":${atMs > 0},"tombstoned_at":${
    atMs > 0 ? `${atMs}000000` : NEVER_NS
  }`;
  return `${JSON.stringify({ id, ...rest }).slice(0, -1)},${times}}`;
}
