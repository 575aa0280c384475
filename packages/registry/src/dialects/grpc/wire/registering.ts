/** Registrations, read and written by hand: they come by the thousand. What comes rarely goes through the runtime. */
import type { RegisteredBody } from "@rollcall/client";
import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { Message, scanFields } from "../../../net/grpc/protobuf.ts";
import type { Json } from "../../../net/routes/json.ts";

/** A RegisterRequest. */
export interface Registering {
  readonly account: string;
  readonly service: string;
  readonly id: string;
  /** As the native API has it. */
  readonly body: Json;
  readonly ifAbsent: boolean;
  readonly ifRevision: number | undefined;
}

type Rare = "rare";
const RARE: Rare = "rare";
/** Greater ones are below 0, or no numbers of 32 bits. */
const INT32_MAX = 2 ** 31 - 1;

/** Throws `RARE` for what is left to the runtime, and a `RangeError` where it is no message. */
function whole(value: number | undefined, most: number): number {
  if (value === undefined || value > most) throw RARE;
  return value;
}

/** A pair of a map. */
function readPair(message: Buffer, from: number, to: number): [key: string, text: string, number: number] {
  let [key, text, number] = ["", "", 0];
  scanFields(message, from, to, (field, value, start, end) => {
    if (field === 1) key = textOf(message, value, start, end);
    else if (field === 2 && value === undefined) text = message.toString("utf8", start, end);
    else if (field === 2) number = whole(value, INT32_MAX);
  });
  if (key === "__proto__") throw RARE;
  return [key, text, number];
}

function textOf(message: Buffer, value: number | undefined, start: number, end: number): string {
  if (value !== undefined) throw RARE;
  return message.toString("utf8", start, end);
}

/** Whole seconds; all else is rare. */
function readDuration(message: Buffer, from: number, to: number): string {
  let seconds = 0;
  scanFields(message, from, to, (field, value) => {
    if (field !== 1) throw RARE;
    seconds = whole(value, INT32_MAX);
  });
  return `${seconds}s`;
}

const TEXTS: Readonly<Record<number, string>> = {
  1: "address",
  4: "protocol",
  7: "version",
  8: "zone",
  10: "status",
  13: "lease",
};
/** Told also when they are empty. */
const PRESENT: ReadonlySet<number> = new Set([10, 13]);
const NUMBERS: Readonly<Record<number, string>> = { 2: "port", 9: "weight" };

/** A Registration. */
function readBody(message: Buffer, from: number, to: number): Json {
  const body: Record<string, unknown> = {};
  const ports: Record<string, number> = {};
  const meta: Record<string, string> = {};
  const tags: string[] = [];
  scanFields(message, from, to, (field, value, start, end) => {
    const text = TEXTS[field];
    const number = NUMBERS[field];
    if (text !== undefined) {
      const said = textOf(message, value, start, end);
      if (said !== "" || PRESENT.has(field)) body[text] = said;
    } else if (number !== undefined) body[number] = whole(value, INT32_MAX);
    else if (field === 5) tags.push(textOf(message, value, start, end));
    else if (value !== undefined) throw RARE;
    else if (field === 6) {
      const [key, said] = readPair(message, start, end);
      meta[key] = said;
      body.meta = meta;
    } else if (field === 3) {
      const [key, , port] = readPair(message, start, end);
      ports[key] = port;
      body.ports = ports;
    } else if (field === 12 && body.ttl === undefined) body.ttl = readDuration(message, start, end);
    else throw RARE;
  });
  if (tags.length > 0) body.tags = tags;
  return body as Json;
}

function read(message: Buffer): Registering {
  let [account, service, id, ifAbsent] = ["", "", "", false];
  let body: Json | undefined;
  let ifRevision: number | undefined;
  scanFields(message, 0, message.length, (field, value, start, end) => {
    if (field === 1) account = textOf(message, value, start, end);
    else if (field === 2) service = textOf(message, value, start, end);
    else if (field === 3) id = textOf(message, value, start, end);
    else if (field === 4 && value === undefined && body === undefined) body = readBody(message, start, end);
    else if (field === 5) ifAbsent = whole(value, 1) === 1;
    else if (field === 6) ifRevision = whole(value, Number.MAX_SAFE_INTEGER);
    else throw RARE;
  });
  return { account, service, id, body: body ?? {}, ifAbsent, ifRevision };
}

/** Undefined for one with checks, or with anything that is seldom said. Throws a `RangeError` when it is no message. */
export function readRegistering(message: Buffer): Registering | undefined {
  try {
    return read(message);
  } catch (error) {
    if (error === RARE) return undefined;
    throw error;
  }
}

/** A RegisterResponse. */
export function writeRegistered({ service, id, revision, created, lease, ttlMs }: RegisteredBody): Buffer {
  const message = new Message().bytes(1, service).bytes(2, id).number(3, revision).number(4, created);
  if (lease !== null) message.present(5, Buffer.from(lease));
  return message.present(6, ttlMs ?? undefined).end(HEAD_BYTES);
}
