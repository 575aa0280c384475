/** @live What clients and nsqadmin look up. */
import type { Account, AccountView, InstanceRecord, View } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Desk, Handle, Mistake } from "../desk.ts";
import {
  ALL_CHANNEL_PRODUCERS,
  ALL_TOPICS,
  channelsOf,
  isActive,
  isOfKind,
  lastOf,
  NSQD,
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
  const names = registry.read((view) => {
    const entries = view.account(account)?.entries(ALL_TOPICS.from, ALL_TOPICS.to) ?? [];
    return Array.from(entries, ({ key }) => lastOf(key));
  });
  return json(listParts('{"topics":[', quoteAll(names), "]}"));
};

export const channels: Handle = ({ registry }, { account, query }) => {
  const topic = query.get("topic");
  if (topic === undefined) return NO_TOPIC;
  const names = registry.read((view) => channelNames(view.account(account), topic));
  return json(listParts('{"channels":[', quoteAll(names), "]}"));
};

function* quoteAll(names: readonly string[]): Iterable<string> {
  for (const name of names) yield JSON.stringify(name);
}

function channelNames(view: AccountView | undefined, topic: string): string[] {
  const { from, to } = channelsOf(topic);
  return Array.from(view?.entries(from, to) ?? [], ({ key }) => lastOf(key));
}

/** Answers by topic: good until the topic changes, or a tombstone in it has had its time. */
export class Lookups {
  readonly #kept = new Map<string, { readonly stamp: string; readonly untilMs: number; readonly body: Buffer }>();
  #bytes = 0;

  readonly handle: Handle = (desk, { account, query }) => {
    const topic = query.get("topic");
    if (topic === undefined) return NO_TOPIC;
    const { registry, clock, settings, own } = desk;
    return registry.read((view): Answer | Mistake => {
      const all = view.account(account);
      const known = all?.entry(topicKey(topic));
      if (all === undefined || known === undefined) return { status: 404, message: "TOPIC_NOT_FOUND" };
      const service = all.service(topic);
      const { revision } = all.under(channelsOf(topic).from);
      const stamp = `${known.createRevision} ${revision} ${service?.revision ?? 0}`;
      const key = `${account} ${topic}`;
      const nowMs = clock.now();
      const kept = this.#kept.get(key);
      if (kept?.stamp === stamp && kept.untilMs > nowMs) return json(kept.body);
      const found: InstanceRecord[] = [];
      let untilMs = Number.POSITIVE_INFINITY;
      for (const record of service?.instances.values() ?? []) {
        if (!isOfKind(record, "topic") || !isActive(record)) continue;
        const backMs = tombstonedAtMs(record) + settings.tombstoneMs;
        if (backMs > nowMs) untilMs = Math.min(untilMs, backMs);
        else found.push(record);
      }
      const shown = ofOneNode(found, (record) => record, own).map((record) => toShown(toPeer(record)));
      const body = Buffer.from(JSON.stringify({ channels: channelNames(all, topic), producers: shown }));
      this.#keep(key, { stamp, untilMs, body });
      return json(body);
    });
  };

  #keep(key: string, made: { readonly stamp: string; readonly untilMs: number; readonly body: Buffer }): void {
    this.#bytes += made.body.length - (this.#kept.get(key)?.body.length ?? 0);
    this.#kept.set(key, made);
    if (this.#bytes <= KEPT_BYTES_MAX) return;
    this.#kept.clear();
    this.#bytes = 0;
  }
}

/** Of answers to lookups. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;

interface Node {
  readonly record: InstanceRecord;
  readonly topics: readonly InstanceRecord[];
}

function nodesOf(view: View, account: Account): Node[] {
  const nodes: Node[] = [];
  for (const record of view.account(account)?.service(NSQD)?.instances.values() ?? []) {
    if (!isOfKind(record, "node")) continue;
    const members = record.lease === null ? [] : view.members(account, record.lease).instances;
    const carried = members.filter((one) => isOfKind(one, "topic"));
    nodes.push({ record, topics: carried.sort((a, b) => (a.service < b.service ? -1 : 1)) });
  }
  return nodes;
}

/** Tombstones are told beside the topics, one for each: nsqadmin counts on it. */
export const nodes: Handle = ({ registry, clock, settings, own }, { account }) => {
  const all = registry.read((view) => nodesOf(view, account).filter(({ record }) => isActive(record)));
  const found = ofOneNode(all, ({ record }) => record, own);
  const since = clock.now() - settings.tombstoneMs;
  return json(listParts('{"producers":[', writeNodes(found, since), "]}"));
};

function* writeNodes(found: readonly Node[], sinceMs: number): Iterable<string> {
  for (const { record, topics } of found)
    yield JSON.stringify({
      ...toShown(toPeer(record)),
      tombstones: topics.map((one) => tombstonedAtMs(one) > sinceMs),
      topics: topics.map(({ service }) => service),
    });
}

/** What Go makes of a time that never was, in ns. */
const NEVER_NS = "-6795364578871345152";

/** Everything by category, key and subkey, the hidden and the tombstoned included. */
export const debug: Handle = (desk, { account }) => {
  const groups = desk.registry.read((view) => {
    const found = new Map<string, InstanceRecord[]>();
    const add = (key: string, record: InstanceRecord): void => {
      const group = found.get(key);
      if (group === undefined) found.set(key, [record]);
      else group.push(record);
    };
    const byId = new Map<string, InstanceRecord>();
    for (const { record, topics } of nodesOf(view, account)) {
      add("client::", record);
      byId.set(record.id, record);
      for (const one of topics) add(`topic:${one.service}:`, one);
    }
    const { from, to } = ALL_CHANNEL_PRODUCERS;
    for (const { key } of view.account(account)?.entries(from, to) ?? []) {
      const [topic = "", channel = "", ...id] = Buffer.from(key.slice(from.length), "latin1")
        .toString("utf8")
        .split("/");
      const record = byId.get(id.join("/"));
      if (record !== undefined) add(`channel:${topic}:${channel}`, record);
    }
    return found;
  });
  return json(listParts("{", writeGroups(desk, groups), "}"));
};

function* writeGroups(desk: Desk, groups: ReadonlyMap<string, readonly InstanceRecord[]>): Iterable<string> {
  for (const [key, records] of groups)
    yield `${JSON.stringify(key)}:[${records.map((record) => writeDebug(desk, record)).join(",")}]`;
}

function writeDebug(desk: Desk, record: InstanceRecord): string {
  const { remote_address: id, ...rest } = toShown(toPeer(record));
  const atMs = tombstonedAtMs(record);
  const heardMs = desk.heardAtMs(record.id.replace(/-topic$/, "")) ?? record.stampMs;
  // Nanoseconds are beyond what numbers here can count.
  const times = `"last_update":${Math.floor(heardMs)}000000,"tombstoned":${atMs > 0},"tombstoned_at":${
    atMs > 0 ? `${atMs}000000` : NEVER_NS
  }`;
  return `${JSON.stringify({ id, ...rest }).slice(0, -1)},${times}}`;
}
