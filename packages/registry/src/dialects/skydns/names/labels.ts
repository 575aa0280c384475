/** Which instances a pattern of labels means: `<uuid>.<host>.<region>.<version>.<service>.<environment>`. */
import {
  type AccountFacts,
  type Bytes,
  fromBytes,
  type Grouping,
  type InstanceRecord,
  type ServiceView,
  toBytes,
} from "../../../core/index.ts";
import { environmentOf } from "../instances.ts";

/** Labels of a whole name; those on the left may be left out. */
export const LABELS_MAX = 6;
const LABEL_BYTES_MAX = 63;

/** What stands for any label. */
export const ANY = "*";

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const ASCII = /^[\x00-\x7f]*$/;

/** Names in DNS have no case as far as ASCII goes (RFC 4343). */
export function toLower(bytes: Bytes): Bytes {
  return ASCII.test(bytes) ? bytes.toLowerCase() : bytes.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The text as one label: all but letters, digits, "-" and "_" become "-", as dots do in the original. */
export function toHyphenated(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "-")
    .slice(0, LABEL_BYTES_MAX);
}

/** Whether a lower-case label means this text, as it is or with hyphens. Allocates nothing for texts of ASCII. */
export function isLabelOf(label: Bytes, text: string): boolean {
  const { length } = text;
  if (length > LABEL_BYTES_MAX) return isFormOf(label, text);
  // Neither form is shorter than the text, and only UTF-8 makes one longer.
  if (label.length < length) return false;
  let asIs = true;
  let hyphenated = true;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return isFormOf(label, text);
    const lower = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    const given = label.charCodeAt(at);
    if (given === lower) hyphenated &&= isUnchanged(lower);
    else if (given === HYPHEN && !isUnchanged(lower)) asIs = false;
    else return false;
  }
  return label.length === length && (asIs || hyphenated);
}

function isFormOf(label: Bytes, text: string): boolean {
  return label === toLower(toBytes(text)) || label === toHyphenated(text);
}

const HYPHEN = 0x2d;

/** Whether a lower-case character stands for itself in a label with hyphens. */
function isUnchanged(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === HYPHEN || code === 0x5f;
}

/** What each label has to be; undefined for any. */
interface Pattern {
  readonly environment: Bytes | undefined;
  readonly service: Bytes | undefined;
  readonly version: Bytes | undefined;
  readonly region: Bytes | undefined;
  readonly host: Bytes | undefined;
  readonly uuid: Bytes | undefined;
}

function toPattern(labels: readonly Bytes[]): Pattern {
  const at = (fromRight: number): Bytes | undefined => {
    const label = labels[labels.length - fromRight];
    return label === ANY ? undefined : label;
  };
  return { environment: at(1), service: at(2), version: at(3), region: at(4), host: at(5), uuid: at(6) };
}

export interface Selected {
  readonly records: readonly InstanceRecord[];
  /** The service that alone was looked at, because no other can be meant. */
  readonly service?: string;
}

const NONE: Selected = { records: [] };

/**
 * The instances that these labels mean, at most `max` of those that `counts` accepts. A service that is named exactly
 * as the label hides those that differ in case or signs; so does an instance with its id, so that the common names
 * cost no search. `environment` is that of instances that say none.
 */
export function select(
  account: AccountFacts,
  labels: readonly Bytes[],
  environment: string,
  max: number,
  counts: (record: InstanceRecord) => boolean = () => true,
): Selected {
  if (labels.length > LABELS_MAX || labels.includes("")) return NONE;
  const pattern = toPattern(labels);
  const records: InstanceRecord[] = [];
  let left = max;
  const take = (record: InstanceRecord): boolean => {
    if (!isMeant(record, pattern, environment)) return true;
    records.push(record);
    if (counts(record)) left--;
    return left > 0;
  };
  const { service, uuid } = pattern;
  const text = service === undefined ? undefined : fromBytes(service);
  const exact = text === undefined ? undefined : account.service(text);
  // One that is called otherwise does not hide the others.
  if (exact !== undefined && exact.name === text && exact.instances.size > 0) {
    takeFrom(exact, pattern, take);
    return { records, service: exact.name };
  }
  const known = uuid === undefined ? [] : instancesById(account, uuid);
  if (known.length > 0) {
    known.every(take);
    return { records };
  }
  for (const record of candidatesOf(account, pattern, environment)) if (!take(record)) break;
  return { records };
}

/** False once enough were taken. */
function takeFrom(service: ServiceView, pattern: Pattern, take: (record: InstanceRecord) => boolean): boolean {
  if (pattern.service !== undefined && !isLabelOf(pattern.service, service.name)) return true;
  for (const record of service.instances.values()) if (!take(record)) return false;
  return true;
}

/** Not less than what is meant; where a label is given that nothing answers to, nothing. */
function* candidatesOf(account: AccountFacts, pattern: Pattern, environment: string): Iterable<InstanceRecord> {
  const keys = keysFor(pattern, environment);
  const groups = keys.map((either) => () => eachOf(account, either));
  const [first] = groups;
  if (first === undefined) for (const { instances } of account.services()) yield* instances.values();
  else if (groups.every((group) => !isEmpty(group()))) yield* first();
}

function* eachOf(account: AccountFacts, keys: readonly string[]): Iterable<InstanceRecord> {
  for (const key of keys) yield* account.grouped(BY_LABEL, key);
}

function isEmpty(records: Iterable<InstanceRecord>): boolean {
  for (const _ of records) return false;
  return true;
}

/** Which an instance must have to be meant, one of each list; the rarest first. */
function keysFor(pattern: Pattern, fallback: string): readonly (readonly string[])[] {
  const { service, uuid, host, region, version, environment } = pattern;
  const all: string[][] = [];
  if (service !== undefined) all.push([`s${sketch(service)}`]);
  if (uuid !== undefined) all.push([`u${sketch(uuid)}`]);
  if (host !== undefined) all.push([`h${sketch(host)}`]);
  if (region !== undefined) all.push([`r${sketch(region)}`]);
  if (version !== undefined) all.push([`v${sketch(version)}`]);
  if (environment !== undefined)
    all.push([`e${sketch(environment)}`, ...(isLabelOf(environment, fallback) ? [UNSAID_ENVIRONMENT] : [])]);
  return all;
}

const UNSAID_ENVIRONMENT = "-";

/** What all labels of a text have in common. */
function sketch(label: string): string {
  return CLEAN.test(label) ? label : label.replace(/[^a-z0-9_]+/g, "-");
}

const CLEAN = /^[a-z0-9_]*$/;

function sketchesOf(text: string): readonly string[] {
  const [one, other] = [sketch(toLower(toBytes(text))), sketch(toHyphenated(text))];
  return one === other ? [one] : [one, other];
}

/** Instances by the labels that they answer to, roughly; names and ids that are their own only labels are left out. */
export const BY_LABEL: Grouping = {
  keysOf(record) {
    const { service, id, address, zone, version } = record;
    const environment = environmentOf(record, "\0");
    const keys = environment === "\0" ? [UNSAID_ENVIRONMENT] : keysOf("e", environment);
    keys.push(...keysOf("h", address), ...keysOf("r", zone), ...keysOf("v", version));
    if (!PLAIN.test(service)) keys.push(...keysOf("s", service));
    if (!PLAIN.test(id)) keys.push(...keysOf("u", id));
    return keys;
  },
};

const PLAIN = /^[a-z0-9_-]{1,63}$/;

function keysOf(letter: string, text: string): string[] {
  return text === "" ? [] : sketchesOf(text).map((form) => letter + form);
}

/** Compares the service last: unless the record was found by its id, that was compared before. */
function isMeant(record: InstanceRecord, pattern: Pattern, environment: string): boolean {
  return (
    isWanted(pattern.environment, environmentOf(record, environment)) &&
    isWanted(pattern.version, record.version) &&
    isWanted(pattern.region, record.zone) &&
    isWanted(pattern.host, record.address) &&
    isWanted(pattern.uuid, record.id) &&
    isWanted(pattern.service, record.service)
  );
}

function isWanted(label: Bytes | undefined, text: string): boolean {
  return label === undefined || isLabelOf(label, text);
}

/** All instances with exactly this id. */
export function instancesById(account: AccountFacts, id: Bytes): readonly InstanceRecord[] {
  const text = fromBytes(id);
  const found: InstanceRecord[] = [];
  for (const record of account.instances(text)) {
    if (record.id !== text) break;
    found.push(record);
  }
  return found;
}

/** Splits a pattern as clients write it: dots between labels, one at the end allowed, `\.` for a dot within. */
export function splitPattern(text: string): readonly Bytes[] {
  const labels = [""];
  for (const part of toLower(toBytes(text))
    .replace(/(?<!\\)\.$/, "")
    .match(/\\.|[^\\]|\\/gs) ?? []) {
    if (part === ".") labels.push("");
    else labels.push((labels.pop() ?? "") + (part.length > 1 ? part.slice(1) : part));
  }
  return labels;
}
