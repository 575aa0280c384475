/** The parts that records are made of, as bytes. */
import type { Cause, Check, CheckKind, Held, Ports, Probe, Status } from "../core/index.ts";
import { type ByteReader, type ByteWriter, type SharedPool, Torn } from "./bytes.ts";

/** A closed set of words, each written as one byte. The order is part of the format: append only. */
class Words<T extends string> {
  readonly #words: readonly T[];
  readonly #numbers: Readonly<Record<T, number>>;

  constructor(numbers: Readonly<Record<T, number>>) {
    this.#numbers = numbers;
    const words: T[] = [];
    for (const word in numbers) words[numbers[word]] = word;
    this.#words = words;
  }

  write(out: ByteWriter, word: T, more = 0): void {
    out.byte(this.#numbers[word] + more);
  }

  read(input: ByteReader): T {
    return this.of(input.byte());
  }

  of(number: number): T {
    const word = this.#words[number];
    if (word === undefined) throw new Torn("an unknown word");
    return word;
  }
}

export const CAUSES = new Words<Cause>({
  registered: 0,
  updated: 1,
  reported: 2,
  overridden: 3,
  deregistered: 4,
  granted: 5,
  closed: 6,
  expired: 7,
  held: 8,
  released: 9,
  put: 10,
  deleted: 11,
});

export const STATUSES = new Words<Status>({
  passing: 0,
  warning: 1,
  critical: 2,
  starting: 3,
  draining: 4,
  unknown: 5,
});

const CHECK_KINDS = new Words<CheckKind>({
  ttl: 0,
  http: 1,
  tcp: 2,
  grpc: 3,
  exec: 4,
  reported: 5,
  udp: 6,
  http2: 7,
});
/** Added to the kind of a check that has a probe, which follows it as JSON: others stay as they were before there were any. */
const PROBED = 64;
/** Likewise, for one that knows since when its status is what it is. */
const DATED = 128;

const NO_TAGS: readonly string[] = Object.freeze([]);
const NO_CHECKS: readonly Check[] = Object.freeze([]);
const NO_META: Readonly<Record<string, string>> = Object.freeze({});

export function writeMeta(out: ByteWriter, meta: Readonly<Record<string, string>>): void {
  let size = 0;
  for (const _ in meta) size++;
  out.count(size);
  for (const name in meta) {
    out.string(name);
    out.string(meta[name] as string);
  }
}

/** Assigns even what would be the prototype otherwise. */
function setOwn<T>(target: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__")
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  else target[name] = value;
}

const metaPool: SharedPool<Readonly<Record<string, string>>> = [];
const portsPool: SharedPool<Ports> = [];
const stringsPool: SharedPool<readonly string[]> = [];

export function readMeta(input: ByteReader): Readonly<Record<string, string>> {
  const start = input.position;
  const size = input.size();
  if (size === 0) return NO_META;
  for (let i = 0; i < size * 2; i++) input.skipString();
  return input.shared(metaPool, start, makeMeta);
}

function makeMeta(input: ByteReader, start: number): Readonly<Record<string, string>> {
  input.position = start;
  const size = input.size();
  const meta: Record<string, string> = {};
  for (let i = 0; i < size; i++) {
    const name = input.string();
    setOwn(meta, name, input.string());
  }
  return meta;
}

export function writePorts(out: ByteWriter, ports: Ports): void {
  let size = 0;
  for (const _ in ports) size++;
  out.count(size);
  for (const name in ports) {
    out.string(name);
    out.number(ports[name] as number);
  }
}

export function readPorts(input: ByteReader): Ports {
  const start = input.position;
  const size = input.size();
  for (let i = 0; i < size; i++) {
    input.skipString();
    input.number();
  }
  return input.shared(portsPool, start, makePorts);
}

function makePorts(input: ByteReader, start: number): Ports {
  input.position = start;
  const size = input.size();
  const ports: Record<string, number> = {};
  for (let i = 0; i < size; i++) {
    const name = input.string();
    setOwn(ports, name, input.number());
  }
  return ports;
}

export function writeStrings(out: ByteWriter, strings: readonly string[]): void {
  out.count(strings.length);
  for (const text of strings) out.string(text);
}

export function readStrings(input: ByteReader): readonly string[] {
  const start = input.position;
  const size = input.size();
  if (size === 0) return NO_TAGS;
  for (let i = 0; i < size; i++) input.skipString();
  return input.shared(stringsPool, start, makeStrings);
}

function makeStrings(input: ByteReader, start: number): readonly string[] {
  input.position = start;
  const size = input.size();
  const strings: string[] = [];
  for (let i = 0; i < size; i++) strings.push(input.string());
  return strings;
}

export function writeChecks(out: ByteWriter, checks: readonly Check[]): void {
  out.count(checks.length);
  for (const check of checks) {
    out.string(check.id);
    CHECK_KINDS.write(
      out,
      check.kind,
      (check.probe === undefined ? 0 : PROBED) | (check.sinceMs === undefined ? 0 : DATED),
    );
    out.string(check.name);
    out.string(check.target);
    out.number(check.intervalMs);
    out.number(check.timeoutMs);
    STATUSES.write(out, check.status);
    out.string(check.output);
    out.number(check.reportedAtMs);
    if (check.probe !== undefined) out.string(JSON.stringify(check.probe));
    if (check.sinceMs !== undefined) out.number(check.sinceMs);
  }
}

export function readChecks(input: ByteReader): readonly Check[] {
  const size = input.size();
  if (size === 0) return NO_CHECKS;
  const checks: Check[] = [];
  for (let i = 0; i < size; i++) checks.push(readCheck(input));
  return checks;
}

function readCheck(input: ByteReader): Check {
  const id = input.string();
  const number = input.byte();
  const check = {
    id,
    kind: CHECK_KINDS.of(number & ~(PROBED | DATED)),
    name: input.string(),
    target: input.string(),
    intervalMs: input.number(),
    timeoutMs: input.number(),
    status: STATUSES.read(input),
    output: input.string(),
    reportedAtMs: input.number(),
  };
  if (number < PROBED) return check;
  const probe = (number & PROBED) === 0 ? {} : { probe: readProbe(input.string()) };
  return { ...check, ...probe, ...((number & DATED) !== 0 && { sinceMs: input.number() }) };
}

function readProbe(text: string): Probe {
  try {
    return JSON.parse(text) as Probe;
  } catch {
    throw new Torn("a check's probe is no JSON");
  }
}

export function writeHeld(out: ByteWriter, held: Held | null): void {
  out.byte(held === null ? 0 : held.untilMs === undefined ? 1 : 2);
  if (held === null) return;
  out.number(held.sinceMs);
  out.string(held.reason);
  if (held.untilMs !== undefined) out.number(held.untilMs - held.sinceMs);
}

/** Up to format 3 nobody told until when. */
export function readHeld(input: ByteReader): Held | null {
  const kind = input.byte();
  if (kind > 2) throw new Torn("an unknown kind of hold");
  if (kind === 0) return null;
  const held = { sinceMs: input.number(), reason: input.string() };
  return kind === 1 ? held : { ...held, untilMs: held.sinceMs + input.number() };
}

export function readFlag(input: ByteReader): boolean {
  const flag = input.byte();
  if (flag > 1) throw new Torn("neither yes nor no");
  return flag === 1;
}
