/** Prepared queries as they are kept and shown: a reserved key each. */
import { type Bytes, fromBytes, type KeyRecord, prefixEnd, toBytes } from "../../../core/index.ts";
import { encodeJson } from "../wire/json.ts";

export const QUERIES: Bytes = "\0consul/query/";

/** What a client said of a query, under the names that it said it by. */
export interface Definition {
  readonly ID: string;
  readonly Name: string;
  /** It goes with this session; empty for none. */
  readonly Session: string;
  readonly Token: "";
  readonly Template: Template;
  readonly Service: Asked;
  readonly DNS: { readonly TTL: string };
}

export interface Template {
  /** Empty: it is no template. */
  readonly Type: string;
  readonly Regexp: string;
  readonly RemoveEmptyTags: boolean;
}

/** Which instances it is about. */
export interface Asked {
  readonly Service: string;
  readonly Failover: {
    readonly NearestN: number;
    readonly Datacenters: readonly string[] | null;
    readonly Targets: readonly unknown[] | null;
  };
  readonly OnlyPassing: boolean;
  readonly IgnoreCheckIDs: readonly string[] | null;
  readonly Near: string;
  readonly Tags: readonly string[] | null;
  readonly NodeMeta: Readonly<Record<string, string>> | null;
  readonly ServiceMeta: Readonly<Record<string, string>> | null;
  readonly Connect: boolean;
  readonly Peer: string;
}

/** Where keys are read: an account of the view, or of facts. */
export interface Keys {
  entry(key: Bytes): KeyRecord | undefined;
  entries(from: Bytes, to: Bytes): Iterable<KeyRecord>;
}

export function keyOf(id: string): Bytes {
  return QUERIES + toBytes(id);
}

export function toValue(definition: Definition): Bytes {
  return toBytes(JSON.stringify(definition));
}

const decoded = new WeakMap<KeyRecord, Definition>();

export function toDefinition(record: KeyRecord): Definition {
  let definition = decoded.get(record);
  if (definition === undefined) {
    definition = JSON.parse(fromBytes(record.value)) as Definition;
    decoded.set(record, definition);
  }
  return definition;
}

export function* allQueries(keys: Keys): Iterable<KeyRecord> {
  yield* keys.entries(QUERIES, prefixEnd(QUERIES));
}

export function isTemplate({ Template }: Definition): boolean {
  return Template.Type !== "";
}

/** By its id, by its name in any case, or the template whose name is the longest beginning of this one. */
export function findQuery(keys: Keys, idOrName: string): KeyRecord | undefined {
  if (idOrName === "") return undefined;
  const byId = keys.entry(keyOf(idOrName));
  if (byId !== undefined) return byId;
  return findNamed(keys, idOrName);
}

function findNamed(keys: Keys, idOrName: string): KeyRecord | undefined {
  const name = idOrName.toLowerCase();
  let best: KeyRecord | undefined;
  let length = -1;
  for (const record of allQueries(keys)) {
    const definition = toDefinition(record);
    const own = definition.Name.toLowerCase();
    if (own === name) return record;
    if (!isTemplate(definition) || own.length <= length || !name.startsWith(own)) continue;
    best = record;
    length = own.length;
  }
  return best;
}

export function encodeQuery(record: KeyRecord): string {
  const { ID, Name, Session, Token, Template, Service, DNS } = toDefinition(record);
  const { createRevision: CreateIndex, modRevision: ModifyIndex } = record;
  return encodeJson({ ID, Name, Session, Token, Template, Service, DNS, CreateIndex, ModifyIndex });
}
