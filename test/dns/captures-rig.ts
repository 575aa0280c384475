/** What the tests of the DNS codec share: captures, and messages to start from. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Secret } from "../../packages/registry/src/dialects/dns/signing/tsig.ts";
import {
  BLANK as BLANK_ANSWER,
  type Message,
  type Name,
} from "../../packages/registry/src/dialects/dns/wire/message.ts";
import { parseName } from "../../packages/registry/src/dialects/dns/wire/name.ts";
import { decodeMessage, encodeMessage } from "../../packages/registry/src/dialects/dns/wire/packet.ts";

/** A packet that a real program sent, and what it says. */
export interface Vector {
  readonly from: string;
  readonly hex: string;
  readonly message: unknown;
  /** Of answers to signed questions. */
  readonly requestMac?: string;
  readonly nowS?: number;
}

interface Vectors {
  readonly keys: readonly { name: string; algorithm: Secret["algorithm"]; secret: string }[];
  readonly queries?: readonly Vector[];
  readonly replies?: readonly Vector[];
  readonly transfer?: { readonly nowS: number; readonly requestMac: string; readonly messages: readonly string[] };
}

function readVectors(file: string): Vectors {
  const url = new URL(`../../packages/registry/src/dialects/dns/vectors/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8"));
}

const queries = readVectors("queries.json");
const replies = readVectors("replies.json");

export const QUERIES: readonly Vector[] = queries.queries ?? [];
export const REPLIES: readonly Vector[] = replies.replies ?? [];
export const VECTORS: readonly Vector[] = [...QUERIES, ...REPLIES];
/** Signed messages of one transfer, a record in each. */
export const TRANSFER = replies.transfer!;

/** The keys that the captures are signed with. */
export const KEYS: ReadonlyMap<string, Secret> = new Map(
  queries.keys.map(({ name, algorithm, secret }) => [
    name,
    { name: toName(name), algorithm, secret: Buffer.from(secret, "base64") },
  ]),
);

export function toName(text: string): Name {
  const name = parseName(text);
  assert.ok(name, text);
  return name;
}

/** A message to be completed. */
export const BLANK: Message = { ...BLANK_ANSWER, id: 7, response: false, authoritative: false };

export function decode(packet: Buffer): Message {
  const decoded = decodeMessage(packet);
  assert.ok(decoded.ok, packet.toString("hex"));
  return decoded.value;
}

export function encode(message: Message, bytesMax = 65535): Buffer {
  const bytes = encodeMessage(message, bytesMax);
  assert.ok(bytes);
  return bytes;
}
