/** Which instances are asked for. */
import {
  type InstanceRecord,
  isStatus,
  LIMITS,
  mainPort,
  type Outcome,
  ok,
  refuse,
  STATUSES,
  statusOf,
} from "../../core/index.ts";

type Test = (record: InstanceRecord) => boolean;

export interface InstanceFilter {
  readonly matches: Test;
  /** About what one look costs, in looks for a single term. */
  readonly cost: number;
}

/** What is said of it must all match; undefined or empty: nothing is said. */
export interface Wanted {
  readonly zone: string | undefined;
  readonly version: string | undefined;
  readonly protocol: string | undefined;
  /** One of these; `healthy` stands for passing and warning. */
  readonly statuses: readonly string[];
  readonly tags: readonly string[];
  readonly metas: readonly (readonly [key: string, values: readonly string[]])[];
  /** The dialect it came through. */
  readonly via?: string | undefined;
  readonly address?: string | undefined;
  /** Whether it is held, and whether an operator's word counts. */
  readonly held?: boolean | undefined;
  readonly overridden?: boolean | undefined;
  /** In its service, its id, or its address with the main port, whatever the case. */
  readonly text?: string | undefined;
}

const TERMS_PER_COST = 16;

/** Undefined when nothing is filtered. What is said twice is looked for once. */
export function toFilter(wanted: Wanted): Outcome<InstanceFilter | undefined> {
  const { metas } = wanted;
  const tests: Test[] = [];
  for (const name of ["zone", "version", "protocol"] as const) {
    const value = wanted[name];
    if (value !== undefined) tests.push((record) => record[name] === value);
  }
  for (const name of ["via", "address"] as const) {
    const value = wanted[name];
    if (value !== undefined) tests.push((record) => record[name] === value);
  }
  const { held, overridden, text } = wanted;
  if (held !== undefined) tests.push((record) => (record.held !== null) === held);
  if (overridden !== undefined) tests.push((record) => (record.override !== null) === overridden);
  if (text !== undefined && text !== "") tests.push(testText(text.toLowerCase()));
  const statuses = readStatuses(wanted.statuses);
  if (!statuses.ok) return statuses;
  if (statuses.value.size > 0) tests.push((record) => statuses.value.has(statusOf(record)));
  if (metas.length > 0) tests.push(testMetas(metas));
  const tags = new Set(wanted.tags);
  if (tags.size > 0) tests.push(testTags([...tags]));
  if (tests.length === 0) return ok(undefined);
  const matches: Test = (record) => tests.every((test) => test(record));
  return ok({ matches, cost: 1 + Math.floor((metas.length + tags.size) / TERMS_PER_COST) });
}

function testText(text: string): Test {
  return ({ service, id, address, ports }) =>
    [service, id, `${address}:${mainPort(ports) ?? 0}`].some((name) => name.toLowerCase().includes(text));
}

const NEVER: Test = () => false;

/** No instance has more entries than are allowed, nor one entry with two values. */
function testMetas(wanted: Wanted["metas"]): Test {
  if (wanted.length > LIMITS.metaEntriesMax || wanted.some(([, values]) => new Set(values).size > 1)) return NEVER;
  // What objects inherit is no text, and equal to none.
  return ({ meta }) => wanted.every(([key, [value]]) => meta[key] === value);
}

/** In one pass over the tags of an instance, which may have one twice. */
function testTags(wanted: readonly string[]): Test {
  if (wanted.length > LIMITS.tagsMax) return NEVER;
  const seenIn = new Map(wanted.map((tag) => [tag, 0]));
  let round = 0;
  return ({ tags }) => {
    round++;
    let found = 0;
    for (const tag of tags) {
      const seen = seenIn.get(tag);
      if (seen === undefined || seen === round) continue;
      seenIn.set(tag, round);
      found++;
    }
    return found === wanted.length;
  };
}

function readStatuses(words: readonly string[]): Outcome<ReadonlySet<string>> {
  const statuses = new Set<string>();
  for (const word of words) {
    if (word === "healthy") statuses.add("passing").add("warning");
    else if (isStatus(word)) statuses.add(word);
    else return refuse("invalid", `status must be healthy or one of ${STATUSES.join(", ")}`);
  }
  return ok(statuses);
}
