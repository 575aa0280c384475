/** Answers that fit: what is left out of an answer that is too long, and the order of its records. */

import { TC_BIT } from "./header.ts";
import { type Data, MESSAGE_BYTES_MAX, type Message, type Resource } from "./message.ts";
import { keyOf, sameName } from "./name.ts";
import { packMessage } from "./packet.ts";

/** How many records are tried, one after the other, when the first ones are too long by themselves. */
const TRIES_MAX = 64;

/** A number from 0 to 1, 1 not included. */
export type Chance = () => number;

/**
 * The answer in at most `bytesMax`. When it is too long, this is left out, in this order (RFC 2181 §9): addresses in the
 * additional section, all of one name together and without TC, as the client may ask for them; then records of the
 * answer, with TC. One record stays at least if it fits, as some clients take what they get and never come by TCP.
 * `share` alone decides which records stay, so that a client that asks again gets the same ones: HAProxy takes records
 * that are missing for gone. The records of a set are shuffled, for clients that take the first one.
 */
export function encodeAnswer(message: Message, bytesMax: number, chance: Chance, share = 0): Buffer {
  const answers = shuffleSets(message.answers, chance);
  const mixed = { ...message, answers };
  const packed = packMessage(mixed, bytesMax);
  if (packed === undefined) return mark(questionAlone(message));
  if (packed.answers < answers.length) return mark(truncate(message, bytesMax, chance, share));
  if (packed.authority < message.authority.length) return dropAuthority(mixed, bytesMax);
  if (packed.additional === message.additional.length) return packed.bytes;
  const kept = wholeNames(message.additional, packed.additional);
  if (kept === packed.additional) return packed.bytes;
  return packWhole({ ...mixed, additional: message.additional.slice(0, kept) }, bytesMax);
}

/** The question alone. */
function questionAlone(message: Message): Buffer {
  return packWhole({ ...message, answers: [], authority: [], additional: [] }, MESSAGE_BYTES_MAX);
}

/** Sets TC. */
function mark(answer: Buffer): Buffer {
  answer[2] = answer[2]! | TC_BIT;
  return answer;
}

function truncate(message: Message, bytesMax: number, chance: Chance, share: number): Buffer {
  const ranked = rankSets(message.answers, share);
  const alone = { ...message, authority: [], additional: [] };
  for (let i = 0; i < Math.min(ranked.length, TRIES_MAX); i++) {
    const answers = ranked.slice(i);
    const packed = packMessage({ ...alone, answers }, bytesMax);
    if (packed === undefined || packed.answers === 0) continue;
    const mixed = packMessage({ ...alone, answers: shuffleSets(answers.slice(0, packed.answers), chance) }, bytesMax);
    // In another order names may compress less well.
    return mixed?.answers === packed.answers ? mixed.bytes : packed.bytes;
  }
  return questionAlone(message);
}

/** Beside an answer, authority can go. Without one it tells how long that is good, so TC says that it is missing. */
function dropAuthority(message: Message, bytesMax: number): Buffer {
  const bytes = packWhole({ ...message, authority: [], additional: [] }, bytesMax);
  return message.answers.length > 0 ? bytes : mark(bytes);
}

function packWhole(message: Message, bytesMax: number): Buffer {
  const packed = packMessage(message, bytesMax);
  if (packed === undefined) throw new RangeError("a question does not fit into its answer");
  return packed.bytes;
}

/** The number of the first `fitted` records without those of a name whose other records do not fit. */
function wholeNames(records: readonly Resource[], fitted: number): number {
  let kept = fitted;
  while (kept > 0 && kept < records.length && sameName(records[kept - 1]!.name, records[kept]!.name)) kept--;
  return kept;
}

/** Shuffles the records of each RRset; the sets keep their places, as a CNAME comes before what it leads to. */
function shuffleSets(records: readonly Resource[], chance: Chance): readonly Resource[] {
  return orderSets(records, (mixed, start, end) => shuffle(mixed, start, end, chance));
}

/** Sorts the records of each RRset by a rank that depends on their data and `share`: another record moves none of them. */
function rankSets(records: readonly Resource[], share: number): readonly Resource[] {
  return orderSets(records, (mixed, start, end) => {
    const ranked = mixed.slice(start, end).map((record) => ({ record, rank: toRank(record.data, share) }));
    ranked.sort((one, other) => one.rank - other.rank);
    for (const [i, { record }] of ranked.entries()) mixed[start + i] = record;
  });
}

/**
 * A number that depends on where the record leads and on the share. It is greater for SRV records of a worse priority
 * than for all others.
 */
function toRank(data: Data, share: number): number {
  const text =
    data.kind === "service"
      ? `${data.port} ${keyOf(data.target)}`
      : data.kind === "address"
        ? data.address
        : JSON.stringify(data);
  let hash = 0x811c9dc5 ^ share;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) + (data.kind === "service" ? data.priority * 2 ** 32 : 0);
}

type Order = (mixed: Resource[], start: number, end: number) => void;

function orderSets(records: readonly Resource[], order: Order): readonly Resource[] {
  if (records.length < 2) return records;
  const mixed = [...records];
  let start = 0;
  for (let i = 1; i <= mixed.length; i++) {
    if (i < mixed.length && isSameSet(mixed[start]!, mixed[i]!)) continue;
    order(mixed, start, i);
    start = i;
  }
  return mixed;
}

function isSameSet(one: Resource, other: Resource): boolean {
  return one.type === other.type && (one.name === other.name || sameName(one.name, other.name));
}

/** Shuffles a part of the records (Fisher and Yates). */
function shuffle(records: Resource[], start: number, end: number, chance: Chance): void {
  for (let i = end - 1; i > start; i--) {
    const j = start + Math.floor(chance() * (i - start + 1));
    const record = records[i]!;
    records[i] = records[j]!;
    records[j] = record;
  }
}

/** The same numbers for the same seed (mulberry32). */
export function toChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
