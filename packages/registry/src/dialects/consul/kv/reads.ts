/** @live Keys as they are: one, all under a prefix, or their names. */
import {
  type AccountView,
  type Bytes,
  fromBytes,
  isReserved,
  type KeyRecord,
  prefixEnd,
  toBuffer,
  toBytes,
} from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Handle } from "../desk.ts";
import { answerQuery, type Seen, type Subject } from "../requests/blocking.ts";
import { show, showNothing, text } from "../wire/answer.ts";
import { encodeJson } from "../wire/json.ts";
import { encodeEntry, noteKey, toEntry } from "./entry.ts";

/** The smallest key that is not reserved. */
const FIRST: Bytes = "\x01";

/** `GET /v1/kv/…` */
export const read: Handle = (desk, call) => {
  const { query } = call;
  const key = toBytes(call.params[0] ?? "");
  if (isReserved(key)) return text(400, "Invalid key name");
  if (query.has("keys")) {
    const separator = query.get("separator") ?? query.get("seperator") ?? "";
    return answerQuery(desk, call, namesUnder(key, toBytes(separator)));
  }
  if (query.has("recurse")) return answerQuery(desk, call, entriesUnder(key));
  if (key === "") return text(400, "Missing key name");
  return answerQuery(desk, call, entryAt(key, query.has("raw")));
};

function entryAt(key: Bytes, raw: boolean): Subject {
  return {
    scope: { keys: { from: key } },
    look(account) {
      const record = account?.entry(key);
      if (record !== undefined) return { index: record.modRevision, exact: true, absent: false };
      // Its neighbours count in this number.
      return { index: account?.under(key).revision ?? 0, exact: false, absent: true };
    },
    show(account) {
      const record = account?.entry(key);
      if (account === undefined || record === undefined) return showNothing(404);
      return raw ? show(toBuffer(record.value), RAW) : show(`[${encodeEntry(toEntry(account, record))}]`);
    },
  };
}

/** What others stored is never taken for a page. */
const RAW = {
  "Content-Type": "text/plain",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox",
  Vary: "Accept-Encoding",
};

function rangeOf(prefix: Bytes): { readonly from: Bytes; readonly to: Bytes } {
  return { from: prefix === "" ? FIRST : prefix, to: prefixEnd(prefix) };
}

function lookUnder(account: AccountView | undefined, prefix: Bytes): Seen {
  if (account === undefined) return { index: 0, exact: true, absent: true };
  const { from, to } = rangeOf(prefix);
  let absent = true;
  for (const _ of account.entries(from, to)) {
    absent = false;
    break;
  }
  return { index: account.under(prefix).revision, exact: prefix.endsWith("/"), absent };
}

function entriesUnder(prefix: Bytes): Subject {
  const range = rangeOf(prefix);
  return {
    scope: { keys: range },
    look: (account) => lookUnder(account, prefix),
    show(account) {
      if (account === undefined) return showNothing(404);
      const entries = Array.from(account.entries(range.from, range.to));
      if (entries.length === 0) return showNothing(404);
      return show(listParts("[", encodeAll(withNotes(account, prefix, entries)), "]"));
    },
  };
}

/** With the notes of this moment. */
function withNotes(account: AccountView, prefix: Bytes, records: readonly KeyRecord[]) {
  const notes = new Map<Bytes, KeyRecord>();
  const from = noteKey(prefix);
  for (const note of account.entries(from, prefixEnd(from))) notes.set(note.key, note);
  return { records, notes: { entry: (key: Bytes) => notes.get(key) } };
}

function* encodeAll({ records, notes }: ReturnType<typeof withNotes>): Iterable<string> {
  for (const record of records) yield encodeEntry(toEntry(notes, record));
}

function namesUnder(prefix: Bytes, separator: Bytes): Subject {
  return {
    scope: { keys: rangeOf(prefix) },
    look: (account) => lookUnder(account, prefix),
    show(account) {
      const names = account === undefined ? [] : listNames(account, prefix, separator);
      if (names.length === 0 && prefix !== "") return showNothing(404);
      return show(listParts("[", encodeNames(names), "]"));
    },
  };
}

/** Each up to the first separator behind the prefix, once: what follows one of them is passed over at once. */
function listNames(account: AccountView, prefix: Bytes, separator: Bytes): readonly Bytes[] {
  const { from, to } = rangeOf(prefix);
  if (separator === "") return Array.from(account.entries(from, to), ({ key }) => key);
  const names: Bytes[] = [];
  for (let next: Bytes | undefined = from; next !== undefined; ) {
    const start: Bytes = next;
    next = undefined;
    for (const { key } of account.entries(start, to)) {
      const end = key.indexOf(separator, prefix.length);
      if (end < 0) {
        names.push(key);
        continue;
      }
      const name = key.slice(0, end + separator.length);
      names.push(name);
      const behind = prefixEnd(name);
      if (behind !== "" && (to === "" || behind < to)) next = behind;
      break;
    }
  }
  return names;
}

function* encodeNames(names: readonly Bytes[]): Iterable<string> {
  for (const name of names) yield encodeJson(fromBytes(name));
}
