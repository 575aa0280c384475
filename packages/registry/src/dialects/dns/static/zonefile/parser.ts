/** Zone files: RFC 1035 §5, $TTL of RFC 2308 §4, unknown types of RFC 3597, and BIND's $GENERATE. */
import { type Bytes, type Outcome, ok } from "../../../../core/index.ts";
import { CLASS, type Data, type Name, type Resource, TYPE } from "../../wire/message.ts";
import { parseClass } from "../../wire/record.ts";
import { parseData, toRecordType } from "./data.ts";
import { countOf, expand, parseRange } from "./generate.ts";
import { type Entry, Fault, Scanner, type Word, ZONEFILE_LIMITS } from "./scanner.ts";
import { parseTimeS, toName, Words } from "./words.ts";

/** What the parser wants of its caller before it goes on. */
export type Wish =
  /** Others may have a turn: many records were read since the last time. */
  | { readonly kind: "pause" }
  /** The text of another file. */
  | { readonly kind: "include"; readonly path: string; readonly from: string };

/** A file that was included. */
export interface Included {
  /** The name that faults are told by. */
  readonly file: string;
  readonly text: Bytes;
}

/** A line of a zone file. */
export interface Line {
  readonly file: string;
  /** From 1. */
  readonly number: number;
}

/** All records of a zone's files in their order. */
export interface Parsed {
  readonly records: readonly Resource[];
  /** The line of the record with this index. */
  lineOf(index: number): Line;
  /** The first few faults that do not stop the zone. */
  readonly warnings: readonly string[];
}

const PAUSE_RECORDS = 1000;
const WARNINGS_MAX = 20;
/** RFC 2181 §8: a greater TTL counts as 0. */
const TTL_MAX = 0x7fffffff;

/** What goes on through included files: limits, the $TTL, and what was read. */
class Reading {
  readonly records: Resource[] = [];
  readonly warnings: string[] = [];
  readonly files: string[] = [];
  /** The file of each record, by its index in `files`, and the line in it. */
  readonly fileNumbers: number[] = [];
  readonly lines: number[] = [];
  /** The latest $TTL (RFC 2308 §4). */
  defaultTtlS: number | undefined;
  /** The TTL of the latest record that had one (RFC 1035 §5.1). */
  lastTtlS: number | undefined;
  includes = 0;

  warn(file: string, line: number, what: string): void {
    if (this.warnings.length < WARNINGS_MAX) this.warnings.push(new Fault(file, line, what).toString());
  }
}

/** What holds within one file. */
interface Context {
  readonly file: string;
  /** This file and the files that include it. */
  readonly within: readonly string[];
  origin: Name;
  owner: Name | undefined;
  fileNumber: number;
}

type Steps<T> = Generator<Wish, T, Outcome<Included> | undefined>;

/** Parses a zone file. `next` takes the answer to an `include`. */
export function* parseZoneFile(text: Bytes, file: string, origin: Name): Steps<Outcome<Parsed, Fault>> {
  const reading = new Reading();
  const context = { file, within: [file], origin, owner: undefined, fileNumber: 0 };
  const fault = yield* readFile(reading, text, context);
  if (fault !== undefined) return fault;
  const { records, warnings, files, fileNumbers, lines } = reading;
  const lineOf = (index: number): Line => ({ file: files[fileNumbers[index] ?? 0] ?? file, number: lines[index] ?? 0 });
  return ok({ records, warnings, lineOf });
}

function* readFile(reading: Reading, text: Bytes, context: Context): Steps<Fault | undefined> {
  context.fileNumber = reading.files.push(context.file) - 1;
  const scanner = new Scanner(text, context.file);
  let pauseAt = reading.records.length + PAUSE_RECORDS;
  for (let entries = 1; ; entries++) {
    const entry = scanner.next();
    if (entry === undefined) return scanner.fault;
    const first = entry.words[0]!;
    const directive = !entry.blank && !first.quoted && first.text.startsWith("$");
    const fault = directive
      ? yield* readDirective(reading, context, entry, first.text.toUpperCase())
      : readRecord(reading, context, entry);
    if (fault !== undefined) return fault;
    if (reading.records.length > ZONEFILE_LIMITS.recordsMax)
      return new Fault(context.file, entry.line, `more than ${ZONEFILE_LIMITS.recordsMax} records`);
    if (reading.records.length >= pauseAt || entries % PAUSE_RECORDS === 0) {
      pauseAt = reading.records.length + PAUSE_RECORDS;
      yield { kind: "pause" };
    }
  }
}

function* readDirective(reading: Reading, context: Context, entry: Entry, directive: string): Steps<Fault | undefined> {
  const words = new Words(entry.words, 1, context.file, entry.line, context.origin);
  switch (directive) {
    case "$ORIGIN":
      context.origin = words.name("the origin");
      break;
    case "$TTL":
      reading.defaultTtlS = checkTtl(reading, context, entry, words.timeS("the TTL"));
      break;
    case "$INCLUDE":
      return yield* readInclude(reading, context, entry, words);
    case "$GENERATE":
      return yield* readGenerate(reading, context, entry, words);
    default:
      words.fail(`unknown directive ${entry.words[0]?.text.slice(0, 80)}`);
  }
  words.end();
  return words.fault;
}

/** RFC 1035 §5.1: origin and owner of an included file end with it; its $TTL stays. */
function* readInclude(reading: Reading, context: Context, entry: Entry, words: Words): Steps<Fault | undefined> {
  const path = words.string("the file name", 4096);
  const origin = words.left > 0 ? words.name("the origin") : context.origin;
  words.end();
  if (words.fault !== undefined) return words.fault;
  const fail = (what: string): Fault => new Fault(context.file, entry.line, what);
  if (context.within.length > ZONEFILE_LIMITS.includeDepthMax)
    return fail(`$INCLUDE is nested more than ${ZONEFILE_LIMITS.includeDepthMax} deep`);
  if (++reading.includes > ZONEFILE_LIMITS.includesMax)
    return fail(`more than ${ZONEFILE_LIMITS.includesMax} files are included`);
  const included = yield { kind: "include", path, from: context.file };
  if (!included?.ok) return fail(`$INCLUDE ${path.slice(0, 200)}: ${included?.detail ?? "not to be had"}`);
  const { file, text } = included.value;
  if (context.within.includes(file)) return fail(`$INCLUDE ${path.slice(0, 200)}: the file includes itself`);
  const inner = { file, within: [...context.within, file], origin, owner: context.owner, fileNumber: 0 };
  return yield* readFile(reading, text, inner);
}

/** `$GENERATE range owner [ttl] [class] type data`; the data are one word, in quotes when they have blanks. */
function* readGenerate(reading: Reading, context: Context, entry: Entry, words: Words): Steps<Fault | undefined> {
  const { file } = context;
  const rangeText = words.take("the range").text;
  const range = parseRange(rangeText);
  if (range === undefined) words.fail(`"${rangeText.slice(0, 80)}" is no range such as 1-20 or 0-30/2`);
  const owner = words.take("the owner");
  const header = readHeader(words);
  const data = words.take("the data");
  words.end();
  if (words.fault !== undefined || range === undefined || header === undefined) return words.fault;
  if (header.type === TYPE.SOA) return new Fault(file, entry.line, "$GENERATE makes no SOA records");
  const left = ZONEFILE_LIMITS.recordsMax - reading.records.length;
  if (countOf(range) > left)
    return new Fault(file, entry.line, `$GENERATE: more than ${ZONEFILE_LIMITS.recordsMax} records`);
  let made = 0;
  for (let number = range.start; number <= range.stop; number += range.step) {
    const [left, right] = [expand(owner.text, number), expand(data.text, number)];
    if (left === undefined || right === undefined)
      return new Fault(file, entry.line, "$GENERATE: a bad modifier after a dollar sign");
    const fault = addGenerated(reading, context, entry, header, { ...owner, text: left }, right);
    if (fault !== undefined) return fault;
    if (++made % PAUSE_RECORDS === 0) yield { kind: "pause" };
  }
  return undefined;
}

function addGenerated(
  reading: Reading,
  context: Context,
  { line }: Entry,
  header: Header,
  owner: Word,
  right: string,
): Fault | undefined {
  const { file } = context;
  const name = toName(owner, context.origin);
  if (!name.ok) return new Fault(file, line, name.detail);
  const scanner = new Scanner(right, file);
  const generated = scanner.next();
  if (scanner.fault !== undefined) return new Fault(file, line, scanner.fault.what);
  const words = new Words(
    (generated?.words ?? []).map((word) => ({ ...word, line })),
    0,
    file,
    line,
    context.origin,
  );
  const data = parseData(header.type, words);
  if (words.fault !== undefined) return words.fault;
  return addRecord(reading, context, line, name.value, header, data);
}

interface Header {
  readonly ttlS: number | undefined;
  readonly type: number;
}

/** TTL and class in any order, each at most once, then the type. */
function readHeader(words: Words): Header | undefined {
  let ttlS: number | undefined;
  let classSeen = false;
  while (words.fault === undefined) {
    const { text } = words.take("the record's type");
    if (words.fault !== undefined) break;
    const seconds = ttlS === undefined ? parseTimeS(text) : undefined;
    const klass = classSeen ? undefined : toClass(text);
    if (seconds !== undefined) ttlS = seconds;
    else if (klass !== undefined) {
      classSeen = true;
      if (klass !== CLASS.IN) words.fail(`class ${text}: only IN is served`);
    } else {
      const type = toRecordType(text);
      if (type.ok) return { ttlS, type: type.value };
      words.fail(type.detail);
    }
  }
  return undefined;
}

/** The classes of RFC 1035 §3.2.4 that records can have: IN, or CH for all others. */
function toClass(text: string): number | undefined {
  if (/^(IN|CS|CH|HS|CHAOS|HESIOD)$/i.test(text)) return text.toUpperCase() === "IN" ? CLASS.IN : CLASS.CH;
  return /^CLASS[0-9]+$/i.test(text) ? parseClass(text) : undefined;
}

function readRecord(reading: Reading, context: Context, entry: Entry): Fault | undefined {
  const { file, origin } = context;
  const first = entry.words[0]!;
  if (!entry.blank) {
    const owner = toName(first, origin);
    if (!owner.ok) return new Fault(file, first.line, `the owner ${owner.detail}`);
    context.owner = owner.value;
  }
  if (context.owner === undefined) return new Fault(file, entry.line, "the first record has no owner");
  const words = new Words(entry.words, entry.blank ? 0 : 1, file, entry.line, origin);
  const header = readHeader(words);
  if (header === undefined) return words.fault;
  const data = parseData(header.type, words);
  return words.fault ?? addRecord(reading, context, entry.line, context.owner, header, data);
}

/** Adds the record with its TTL: its own, the $TTL, that of the record before it, or of a SOA its minimum (as BIND does). */
function addRecord(
  reading: Reading,
  context: Context,
  line: number,
  name: Name,
  { ttlS, type }: Header,
  data: Data,
): Fault | undefined {
  let chosenS = ttlS ?? reading.defaultTtlS ?? reading.lastTtlS;
  if (chosenS === undefined && data.kind === "authority") {
    chosenS = data.minimumS;
    reading.defaultTtlS = chosenS;
    reading.warn(context.file, line, "no TTL is given; the SOA's minimum is taken");
  }
  if (chosenS === undefined) return new Fault(context.file, line, "no TTL: begin the file with $TTL");
  if (chosenS > TTL_MAX) {
    reading.warn(context.file, line, `TTL ${chosenS} is above ${TTL_MAX} and counts as 0 (RFC 2181 §8)`);
    chosenS = 0;
  }
  if (ttlS !== undefined) reading.lastTtlS = chosenS;
  reading.records.push({ name, type, class: CLASS.IN, ttlS: chosenS, data });
  reading.fileNumbers.push(context.fileNumber);
  reading.lines.push(line);
  return undefined;
}

function checkTtl(reading: Reading, { file }: Context, { line }: Entry, ttlS: number): number {
  if (ttlS <= TTL_MAX) return ttlS;
  reading.warn(file, line, `$TTL ${ttlS} is above ${TTL_MAX} and counts as 0 (RFC 2181 §8)`);
  return 0;
}
