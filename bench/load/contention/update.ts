/** DNS UPDATE (RFC 2136) of one address, signed with TSIG (RFC 8945). */
import { createHmac } from "node:crypto";
import { ZONE } from "../dns/names.ts";

/** As the settings of the server have it. */
export const KEY = {
  name: "contention.key",
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, "contention").toString("base64"),
  account: "default",
  role: "writer",
};

const UPDATE = 5 << 11;
const TYPE = { A: 1, SOA: 6, TSIG: 250 } as const;
const CLASS = { IN: 1, ANY: 255 } as const;
const FUDGE_S = 300;

function toName(text: string): Buffer {
  const labels = text.split(".").filter((label) => label !== "");
  return Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)]);
}

function toNumbers(...numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.flatMap((number) => [number >> 8, number & 255]));
}

function toRecord(name: Buffer, type: number, klass: number, ttlS: number, data: Buffer): Buffer {
  return Buffer.concat([name, toNumbers(type, klass, ttlS >> 16, ttlS & 0xffff, data.length), data]);
}

/** Replaces all addresses of a name by this one. */
export function toUpdate(name: string, address: readonly number[]): Buffer {
  const owner = toName(name);
  const id = 0;
  const zone = Buffer.concat([toName(ZONE), toNumbers(TYPE.SOA, CLASS.IN)]);
  const clear = toRecord(owner, TYPE.A, CLASS.ANY, 0, Buffer.alloc(0));
  const add = toRecord(owner, TYPE.A, CLASS.IN, 60, Buffer.from(address));
  const body = Buffer.concat([zone, clear, add]);
  const head = (additional: number): Buffer => toNumbers(id, UPDATE, 1, 0, 2, additional);
  return Buffer.concat([head(1), body, toSignature(Buffer.concat([head(0), body]), id)]);
}

/** The record that signs this message. Its id may be another one on the way. */
function toSignature(message: Buffer, id: number): Buffer {
  const key = toName(KEY.name);
  const algorithm = toName(KEY.algorithm);
  const nowS = Math.floor(Date.now() / 1000);
  const time = toNumbers(Math.floor(nowS / 2 ** 32), (nowS / 2 ** 16) & 0xffff, nowS & 0xffff, FUDGE_S);
  const none = toNumbers(0, 0);
  const signed = [message, key, toNumbers(CLASS.ANY, 0, 0), algorithm, time, none];
  const mac = createHmac(KEY.algorithm.replace("hmac-", ""), Buffer.from(KEY.secret, "base64"))
    .update(Buffer.concat(signed))
    .digest();
  const data = Buffer.concat([algorithm, time, toNumbers(mac.length), mac, toNumbers(id), none]);
  return toRecord(key, TYPE.TSIG, CLASS.ANY, 0, data);
}
