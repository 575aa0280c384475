/** Configuration values <-> keys of the catalog. The id is the key, as it is. */
import {
  type AccountView,
  type Bytes,
  type Command,
  fromBytes,
  type KeyRecord,
  prefixEnd,
  type Receipt,
  toBytes,
} from "../../../core/index.ts";
import { type Fault, limitReached } from "../wire/faults.ts";
import { isValueId } from "../wire/fields.ts";

export interface ValueBody {
  readonly id: string;
  readonly value: string;
}

/** What this API can show of a key: null when its name is no id here, or its value no text. */
export function toValueBody(entry: KeyRecord): ValueBody | null {
  if (!isValueId(entry.key)) return null;
  const value = fromBytes(entry.value);
  // Other dialects store any bytes; what is not UTF-8 could not be told apart once decoded.
  return value.includes("\ufffd") && toBytes(value) !== entry.value ? null : { id: entry.key, value };
}

/** The values of a namespace and of those within, and the value named like it; null: all values. */
export function* eachValue(account: AccountView, namespace: string | null, fromId: string): Iterable<ValueBody> {
  for (const [from, to] of rangesOf(namespace)) {
    const start = fromId > from ? fromId : from;
    if (to !== "" && start >= to) continue;
    for (const entry of account.entries(start, to)) {
      const body = toValueBody(entry);
      if (body !== null) yield body;
    }
  }
}

/**
 * Two ranges, since others lie between them: "/a/b" and "/a/b/…" belong to the namespace, "/a/b-c" does not. The
 * reserved keys (first byte 0) lie before all.
 */
function rangesOf(namespace: string | null): readonly (readonly [Bytes, Bytes])[] {
  if (namespace === null) return [["\x01", ""]];
  const own = namespace.slice(0, -1);
  return [
    [own, `${own}\0`],
    [namespace, prefixEnd(namespace)],
  ];
}

/** An identical value makes no commit, hence no event; the limit counts new keys only. */
export function toSet(id: string, value: string, valuesMax: number): Command {
  const bytes = toBytes(value);
  const put: Command = { kind: "put", key: id, value: bytes };
  const create: Command = {
    kind: "when",
    guards: [{ on: "count", of: "keys", prefix: "", below: valuesMax }],
    then: [put],
    otherwise: [],
  };
  const replace: Command = {
    kind: "when",
    guards: [{ on: "version", key: id, is: ">", than: 0 }],
    then: [put],
    otherwise: [create],
  };
  const same = [{ on: "value", key: id, is: "=", than: bytes } as const];
  return { kind: "when", guards: same, then: [], otherwise: [replace] };
}

/** Why the value was not set; undefined when it is. */
export function explainSet({ result }: Receipt, valuesMax: number): Fault | undefined {
  if (result.kind !== "when" || result.succeeded) return undefined;
  const replace = result.results[0];
  if (replace?.kind !== "when" || replace.succeeded) return undefined;
  const create = replace.results[0];
  return create?.kind === "when" && !create.succeeded ? limitReached("configuration_value", valuesMax) : undefined;
}
