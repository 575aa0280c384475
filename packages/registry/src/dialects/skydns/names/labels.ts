/** Which instances a pattern of labels means: `<uuid>.<host>.<region>.<version>.<service>.<environment>`. */
import {
  type AccountFacts,
  type Bytes,
  fromBytes,
  type InstanceRecord,
  perRevision,
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
    takeFrom(exact, pattern, environment, take);
    return { records, service: exact.name };
  }
  const known = uuid === undefined ? [] : instancesById(account, uuid);
  if (known.length > 0) {
    known.every(take);
    return { records };
  }
  for (const other of account.services()) if (!takeFrom(other, pattern, environment, take)) break;
  return { records };
}

/** False once enough were taken. */
function takeFrom(
  service: ServiceView,
  pattern: Pattern,
  environment: string,
  take: (record: InstanceRecord) => boolean,
): boolean {
  if (pattern.service !== undefined && !isLabelOf(pattern.service, service.name)) return true;
  if (!mayHold(service, pattern, environment)) return true;
  for (const record of service.instances.values()) if (!take(record)) return false;
  return true;
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

/** Which labels the instances of a service answer to. */
interface Summary {
  /** Undefined: too many to remember. */
  readonly environments: ReadonlySet<Bytes> | undefined;
  readonly versions: ReadonlySet<Bytes> | undefined;
  readonly regions: ReadonlySet<Bytes> | undefined;
}

const SUMMARY_MAX = 64;

/**
 * By the environment of instances that say none. A search over all services must not look at every instance: the
 * summary passes over services without a fitting one.
 */
const summariesOf = perRevision((_service: ServiceView) => new Map<string, Summary>());

function mayHold(service: ServiceView, pattern: Pattern, environment: string): boolean {
  if (pattern.environment === undefined && pattern.version === undefined && pattern.region === undefined) return true;
  const summaries = summariesOf(service);
  const summary = summaries.get(environment) ?? summarise(service, environment);
  summaries.set(environment, summary);
  return (
    isAmong(pattern.environment, summary.environments) &&
    isAmong(pattern.version, summary.versions) &&
    isAmong(pattern.region, summary.regions)
  );
}

function isAmong(label: Bytes | undefined, known: ReadonlySet<Bytes> | undefined): boolean {
  return label === undefined || known === undefined || known.has(label);
}

function summarise(service: ServiceView, environment: string): Summary {
  const environments = new Set<string>();
  const versions = new Set<string>();
  const regions = new Set<string>();
  for (const record of service.instances.values()) {
    environments.add(environmentOf(record, environment));
    versions.add(record.version);
    regions.add(record.zone);
  }
  const [a, b, c] = [environments, versions, regions].map(toForms);
  return { environments: a, versions: b, regions: c };
}

function toForms(texts: ReadonlySet<string>): ReadonlySet<Bytes> | undefined {
  if (texts.size > SUMMARY_MAX) return undefined;
  const forms = new Set<Bytes>();
  for (const text of texts) {
    forms.add(toLower(toBytes(text)));
    forms.add(toHyphenated(text));
  }
  return forms;
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
