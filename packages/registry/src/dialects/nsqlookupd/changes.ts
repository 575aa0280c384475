/** What is asked for becomes a plan: decided on what is there, in one try, and all or nothing. */
import {
  type Account,
  type Bytes,
  type Command,
  type Facts,
  type InstanceRecord,
  ok,
  type Plan,
  refuse,
} from "../../core/index.ts";
import {
  channelKey,
  channelProducers,
  channelsOf,
  idOf,
  isOfKind,
  producerId,
  producerKey,
  type Range,
  type Source,
  toNode,
  toProducer,
  topicKey,
  topicProducers,
  VIA,
  withTombstone,
} from "./producers.ts";
import { isEphemeral } from "./wire/names.ts";

/** All of it, or nothing where nothing is to be done. */
function all(steps: readonly Command[]) {
  const command: Command | null = steps.length === 0 ? null : { kind: "when", guards: [], then: steps, otherwise: [] };
  return ok({ command, note: null });
}

/** Where nothing is yet. */
function putNew(facts: Facts, account: Account, key: Bytes): Command[] {
  return facts.entry(account, key) === undefined ? [{ kind: "put", key, value: "" }] : [];
}

function remove(facts: Facts, account: Account, key: Bytes): Command[] {
  return facts.entry(account, key) === undefined ? [] : [{ kind: "delete", from: key }];
}

function removeAll({ from, to }: Range): Command {
  return { kind: "delete", from, to };
}

function* producersOf(facts: Facts, account: Account, topic: string): Iterable<InstanceRecord> {
  for (const record of facts.account(account)?.service(topic)?.instances.values() ?? [])
    if (isOfKind(record, "topic")) yield record;
}

interface Registration {
  readonly source: Source;
  readonly topic: string;
  /** "" for the topic alone. */
  readonly channel: string;
}

export const GONE = "the connection's lease has ended";

/** A topic and a channel that are not known yet are made. A producer that is there stays as it is, with its tombstone. */
export const REGISTER: Plan<Registration> = {
  name: "nsqlookupd/register",
  make(facts, account, { source, topic, channel }) {
    const { lease } = source;
    if (facts.lease(account, lease) === undefined) return refuse("not-found", GONE);
    const steps: Command[] = [];
    if (channel !== "") {
      const key = producerKey(topic, channel, idOf(source));
      steps.push(...putNew(facts, account, channelKey(topic, channel)));
      if (facts.entry(account, key) === undefined) steps.push({ kind: "put", key, value: "", lease });
    }
    steps.push(...putNew(facts, account, topicKey(topic)));
    const instance = toProducer(source, topic);
    if (facts.instance(account, topic, instance.id) === undefined)
      steps.push({ kind: "register", instance, life: { lease } });
    return all(steps);
  },
};

/** With a channel, from that alone; else from the topic and all its channels. What is ephemeral goes with its last producer. */
export const UNREGISTER: Plan<Registration> = {
  name: "nsqlookupd/unregister",
  make(facts, account, { source, topic, channel }) {
    return all(
      channel === ""
        ? leaveTopic(facts, account, source, topic)
        : leaveChannel(facts, account, idOf(source), topic, channel),
    );
  },
};

function leaveChannel(facts: Facts, account: Account, id: string, topic: string, channel: string): Command[] {
  const key = producerKey(topic, channel, id);
  const steps = remove(facts, account, key);
  if (!isEphemeral(channel)) return steps;
  const { from, to } = channelProducers(topic, channel);
  for (const other of facts.entries(account, from, to)) if (other.key !== key) return steps;
  return [...steps, ...remove(facts, account, channelKey(topic, channel))];
}

function leaveTopic(facts: Facts, account: Account, source: Source, topic: string): Command[] {
  const steps: Command[] = [];
  const id = idOf(source);
  const { from, to } = channelsOf(topic);
  for (const { key } of facts.entries(account, from, to))
    steps.push(...remove(facts, account, producerKey(topic, key.slice(from.length), id)));
  const own = producerId(topic, id);
  if (facts.instance(account, topic, own) !== undefined)
    steps.push({ kind: "deregister", instance: { service: topic, id: own } });
  if (!isEphemeral(topic)) return steps;
  for (const other of producersOf(facts, account, topic)) if (other.id !== own) return steps;
  return [...steps, ...remove(facts, account, topicKey(topic))];
}

interface Named {
  readonly topic: string;
  /** "" for the topic alone. */
  readonly channel: string;
}

export const CREATE: Plan<Named> = {
  name: "nsqlookupd/create",
  make(facts, account, { topic, channel }) {
    const steps = channel === "" ? [] : putNew(facts, account, channelKey(topic, channel));
    return all([...steps, ...putNew(facts, account, topicKey(topic))]);
  },
};

export const UNKNOWN_CHANNEL = "CHANNEL_NOT_FOUND";

/** A topic goes with its channels, and with what its producers said of it: they stay connected. */
export const DELETE: Plan<Named> = {
  name: "nsqlookupd/delete",
  make(facts, account, { topic, channel }) {
    if (channel !== "") {
      const key = channelKey(topic, channel);
      if (facts.entry(account, key) === undefined) return refuse("not-found", UNKNOWN_CHANNEL);
      return all([{ kind: "delete", from: key }, removeAll(channelProducers(topic, channel))]);
    }
    const steps: Command[] = [removeAll(channelsOf(topic)), removeAll(topicProducers(topic))];
    for (const { service, id } of producersOf(facts, account, topic))
      steps.push({ kind: "deregister", instance: { service, id } });
    return all([...steps, ...remove(facts, account, topicKey(topic))]);
  },
};

interface Tombstone {
  readonly topic: string;
  /** `<broadcast address>:<http port>` */
  readonly node: string;
}

/** The producers of a topic at this address are left out of lookups for a while. */
export const TOMBSTONE: Plan<Tombstone> = {
  name: "nsqlookupd/tombstone",
  make(facts, account, { topic, node }, { atMs }) {
    const steps: Command[] = [];
    for (const record of producersOf(facts, account, topic))
      if (`${record.address}:${record.ports.http}` === node)
        steps.push({ kind: "register", instance: withTombstone(record, atMs), life: "keep" });
    return all(steps);
  },
};

interface Activity {
  readonly lease: string;
  readonly isActive: boolean;
}

/** All that a connection registered is shown, or is not because nobody has heard of it for long. */
export const MARK: Plan<Activity> = {
  name: "nsqlookupd/mark",
  make(facts, account, { lease, isActive }) {
    const status = isActive ? "passing" : "critical";
    const { instances } = facts.members(account, lease);
    return all(
      instances
        .filter((record) => record.status !== status)
        .map((record) => ({ kind: "register", instance: { ...record, status }, life: "keep" }) as const),
    );
  },
};

export const PLANS = [REGISTER, UNREGISTER, CREATE, DELETE, TOMBSTONE, MARK] as const;

/** The nsqd itself, and the lease by which all of it lives. */
export function toIdentify(source: Source, ttlMs: number, meta: Readonly<Record<string, string>>): Command {
  const { lease } = source;
  return {
    kind: "when",
    guards: [],
    then: [
      { kind: "grant", lease, ttlMs, via: VIA, meta, ifAbsent: true },
      { kind: "register", instance: toNode(source), life: { lease } },
    ],
    otherwise: [],
  };
}
