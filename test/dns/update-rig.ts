/** What tests of DNS UPDATE share: messages, signed by a key that may write. */
import { type Secret, signTsig } from "../../packages/registry/src/dialects/dns/signing/tsig.ts";
import {
  CLASS,
  type Message,
  OPCODE,
  type Resource,
  TYPE,
} from "../../packages/registry/src/dialects/dns/wire/message.ts";
import { parseName } from "../../packages/registry/src/dialects/dns/wire/name.ts";
import { encodeMessage } from "../../packages/registry/src/dialects/dns/wire/packet.ts";
import { BLANK } from "./captures-rig.ts";
import { KEYS } from "./transfer-rig.ts";

export const writer: Secret = {
  name: parseName(KEYS.writer.name) ?? [],
  algorithm: "hmac-sha256",
  secret: Buffer.from(KEYS.writer.secret, "base64"),
};

export const name = (text: string) => parseName(text) ?? [];

export function toAddress(owner: string, address: string, ttlS = 60): Resource {
  return { name: name(owner), type: TYPE.A, class: CLASS.IN, ttlS, data: { kind: "address", address } };
}

export function toService(owner: string, port: number, target: string, ttlS = 60): Resource {
  const data = { kind: "service", priority: 0, weight: 0, port, target: name(target) } as const;
  return { name: name(owner), type: TYPE.SRV, class: CLASS.IN, ttlS, data };
}

/** Deletes an RRset, or a name (RFC 2136 §2.5.2, §2.5.3); as a condition, it is there (§2.4.1, §2.4.4). */
export function toClearance(owner: string, type: number): Resource {
  return { name: name(owner), type, class: CLASS.ANY, ttlS: 0, data: { kind: "raw", bytes: "" } };
}

export function toUpdate(updates: readonly Resource[], more: Partial<Message> = {}): Message {
  return {
    ...BLANK,
    id: Math.floor(Math.random() * 65536),
    opcode: OPCODE.UPDATE,
    questions: [{ name: name("rollcall."), type: TYPE.SOA, class: CLASS.IN }],
    authority: updates,
    ...more,
  };
}

export function sign(message: Message, nowS = Math.floor(Date.now() / 1000)): ReturnType<typeof signTsig> {
  const packet = encodeMessage(message, 65_000);
  if (packet === undefined) throw new Error("it fits into no message");
  return signTsig(packet, writer, nowS);
}
