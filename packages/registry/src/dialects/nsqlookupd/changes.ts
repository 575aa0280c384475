/** What is asked for becomes a plan: decided on what is there, in one try, and all or nothing. */
import {
  type Account,
  type Bytes,
  type Command,
  type Facts,
  type Instance,
  type InstanceRecord,
  LIMITS,
  ok,
  type Plan,
  refuse,
} from "../../core/index.ts";
import {
  channelKey,
  channelsIn,
  channelsOf,
  fitTogether,
  isOfKind,
  producerId,
  type Source,
  toNode,
  toProducer,
  topicKey,
  VIA,
  withChannels,
  withTombstone,
} from "./producers.ts";
import { isEphemeral } from "./wire/names.ts";

const STEPS_MAX = LIMITS.transactionCommandsMax;

/** All of it, or nothing where nothing is to be done. */
function all(steps: readonly Command[]) {
  return ok({ command: steps.length === 0 ? null : together(steps), note: null });
}

/** A transaction holds so many steps, which may be transactions. */
function together(steps: readonly Command[]): Command {
  if (steps.length === 1) return steps[0] as Command;
  if (steps.length <= STEPS_MAX) return { kind: "when", guards: [], then: steps, otherwise: [] };
  const parts: Command[] = [];
  for (let at = 0; at < steps.length; at += STEPS_MAX) parts.push(together(steps.slice(at, at + STEPS_MAX)));
  return together(parts);
}

/** Where nothing is yet. */
function putNew(facts: Facts, account: Account, key: Bytes): Command[] {
  return facts.entry(account, key) === undefined ? [{ kind: "put", key, value: "" }] : [];
}

function remove(facts: Facts, account: Account, key: Bytes): Command[] {
  return facts.entry(account, key) === undefined ? [] : [{ kind: "delete", from: key }];
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
    const { lease, id } = source;
    if (facts.lease(account, lease) === undefined) return refuse("not-found", GONE);
    const steps = channel === "" ? [] : putNew(facts, account, channelKey(topic, channel));
    steps.push(...putNew(facts, account, topicKey(topic)));
    const known = facts.instance(account, topic, producerId(topic, id));
    if (known === undefined) {
      const instance = toProducer(source, topic, channel === "" ? [] : [channel]);
      return all([...steps, { kind: "register", instance, life: { lease } }]);
    }
    const channels = channelsIn(known);
    if (channel === "" || channels.includes(channel)) return all(steps);
    if (!fitTogether([...channels, channel])) return refuse("too-large", `${topic} has too many channels`);
    return all([...steps, keep(withChannels(known, [...channels, channel]))]);
  },
};

/** As it is now, by the lease that it has. */
function keep(instance: Instance): Command {
  return { kind: "register", instance, life: "keep" };
}

/** With a channel, from that alone; else from the topic and all its channels. What is ephemeral goes with its last producer. */
export const UNREGISTER: Plan<Registration> = {
  name: "nsqlookupd/unregister",
  make(facts, account, { source, topic, channel }) {
    const own = facts.instance(account, topic, producerId(topic, source.id));
    return all(
      channel === "" ? leaveTopic(facts, account, own, topic) : leaveChannel(facts, account, own, topic, channel),
    );
  },
};

function leaveChannel(
  facts: Facts,
  account: Account,
  own: InstanceRecord | undefined,
  topic: string,
  channel: string,
): Command[] {
  const steps: Command[] = own === undefined ? [] : withoutChannel(own, channel);
  if (!isEphemeral(channel)) return steps;
  for (const other of producersOf(facts, account, topic))
    if (other !== own && channelsIn(other).includes(channel)) return steps;
  return [...steps, ...remove(facts, account, channelKey(topic, channel))];
}

/** What it takes, if it has it. */
function withoutChannel(record: InstanceRecord, channel: string): Command[] {
  const channels = channelsIn(record);
  return channels.includes(channel)
    ? [
        keep(
          withChannels(
            record,
            channels.filter((one) => one !== channel),
          ),
        ),
      ]
    : [];
}

function leaveTopic(facts: Facts, account: Account, own: InstanceRecord | undefined, topic: string): Command[] {
  const steps: Command[] = own === undefined ? [] : [{ kind: "deregister", instance: { service: topic, id: own.id } }];
  if (!isEphemeral(topic)) return steps;
  for (const other of producersOf(facts, account, topic)) if (other !== own) return steps;
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
    const producers = [...producersOf(facts, account, topic)];
    if (channel !== "") {
      const key = channelKey(topic, channel);
      if (facts.entry(account, key) === undefined) return refuse("not-found", UNKNOWN_CHANNEL);
      return all([{ kind: "delete", from: key }, ...producers.flatMap((one) => withoutChannel(one, channel))]);
    }
    const { from, to } = channelsOf(topic);
    const gone = producers.map(({ service, id }) => ({ kind: "deregister", instance: { service, id } }) as const);
    return all([{ kind: "delete", from, to }, ...gone, ...remove(facts, account, topicKey(topic))]);
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
      if (`${record.address}:${record.ports.http}` === node) steps.push(keep(withTombstone(record, atMs)));
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
    const others = instances.filter((record) => record.status !== status);
    return all(others.map((record) => keep({ ...record, status })));
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
