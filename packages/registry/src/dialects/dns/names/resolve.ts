/** Questions -> replies: which zone a name is in, and what stands there. */
import type { Grouping } from "../../../core/index.ts";
import { type Name, type Question, type Resource, TYPE } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { BY_ADDRESS } from "../zone/addresses.ts";
import { fileAddresses, fileRecords, isAlias } from "../zone/file.ts";
import type { AccountZone, FileZone, World, Zone } from "../zone/model.ts";
import { authorityOf } from "./authority.ts";
import { resolveFile } from "./file.ts";
import { answerNative } from "./native/account-zone.ts";
import { openLookup } from "./native/group.ts";
import {
  mergeRecords,
  negative,
  type Presence,
  present,
  type Reply,
  replyTo,
  standsIn,
  takeAddresses,
} from "./reply.ts";
import { asksForAddress, resolveReverse } from "./reverse.ts";
import { resolveSource } from "./source.ts";

/** CNAMEs that one question is followed through our zones. */
const ALIASES_MAX = 8;

const NONE: readonly Grouping[] = [];
const ADDRESSES: readonly Grouping[] = [BY_ADDRESS];

/** How instances are sorted for an answer about this name; most answers need none of that. */
export function groupingsFor(name: Name, world: World): readonly Grouping[] {
  const zone = world.zoneOf(name);
  if (zone?.kind === "source") return zone.source.groupings ?? NONE;
  return asksForAddress(name, zone, world) ? ADDRESSES : NONE;
}

/** Answers a question of class IN; undefined when its name is in no zone of ours. */
export function resolve(question: Question, world: World): Reply | undefined {
  const zone = world.zoneOf(question.name);
  const reply = zone === undefined ? undefined : resolveIn(question, zone, world);
  if (zone === undefined || reply === undefined) return undefined;
  const followed = followAliases(reply, question, world);
  if (!standsIn(reply, question)) return followed;
  const soa = authorityOf(zone, world);
  const { outside } = followed;
  return outside === undefined ? takeAddresses(followed, question, soa) : { ...followed, outside: { ...outside, soa } };
}

function resolveIn(question: Question, zone: Zone, world: World): Reply | undefined {
  switch (zone.kind) {
    case "account":
      return resolveAccount(question, zone, world);
    case "file":
      return resolveFile(question, zone.file);
    case "source":
      return resolveSource(question, zone, world);
    case "reverse":
      return resolveReverse(question, zone, world);
  }
}

/** RFC 1034 §4.3.2 step 3a: a CNAME that leads to a name of ours is answered with what is there. */
function followAliases(reply: Reply, question: Question, world: World): Reply {
  const { type } = question;
  const seen = new Set([keyOf(question.name)]);
  let whole = reply;
  for (let i = 0; i < ALIASES_MAX && type !== TYPE.CNAME && type !== TYPE.ANY; i++) {
    const last = whole.answers.at(-1);
    if (last?.type !== TYPE.CNAME || last.data.kind !== "name" || seen.has(keyOf(last.data.target))) break;
    const name = last.data.target;
    seen.add(keyOf(name));
    const zone = world.zoneOf(name);
    const next = zone === undefined ? undefined : resolveIn({ ...question, name }, zone, world);
    if (next === undefined) return { ...whole, outside: { target: name } };
    // The answer's code and SOA are those of the last name (RFC 6604 §3); it is as authoritative as the first (§2.1).
    whole = {
      ...next,
      authoritative: reply.authoritative,
      answers: [...whole.answers, ...next.answers],
      dependencies: [...whole.dependencies, ...next.dependencies],
    };
  }
  return whole;
}

function resolveAccount(question: Question, zone: AccountZone, world: World): Reply {
  const look = openLookup(world, zone);
  const { name, type } = question;
  const { file } = zone;
  const presence = answerNative(look, name, type);
  const { dependencies } = look;
  const authority = (): Resource => authorityOf(zone, world);
  if (file !== undefined && (!presence.exists || isAlias(file, name))) {
    const reply = resolveFile(question, file);
    const isNegative = reply.authority.some((record) => record.type === TYPE.SOA);
    if (!isNegative) return { ...reply, dependencies };
    return { ...negative(reply.rcode, authority(), dependencies, reply.answers), isFromFile: true };
  }
  const merged = file === undefined ? presence : mergeFile(question, presence, zone.name.length, file);
  return replyTo(question, merged, { authority, ttlS: world.settings.ttlS }, dependencies);
}

/**
 * A zone file of the same name adds to what the catalog has. Sets of one name and type become one; a CNAME in the file,
 * and its servers at the apex, stand alone; where the catalog has no such name, the file answers by itself.
 */
function mergeFile({ name, type }: Question, presence: Presence, apexLength: number, file: FileZone): Presence {
  const added = type === TYPE.SOA ? [] : fileRecords(file, name, type);
  const isApexServers = name.length === apexLength && type === TYPE.NS;
  const own = isApexServers && added.length > 0 ? [] : presence.answers;
  const answers = mergeRecords(own, added, name);
  const additional = added.flatMap(({ data }) => ("target" in data ? fileAddresses(file, data.target) : []));
  const all = own.length === 0 ? additional : [...presence.additional, ...additional];
  return present({ ...presence, answers, additional: all });
}
