/** What nodes tell one another: `GET /_deltas?node=stamp&…`, and the answer. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import { toBlob } from "./blob.ts";
import { layOut, type Member, membersOf, parseText, quote } from "./text.ts";

/** A name of no node: asked for, an answer has more under it, which the original neither asks for nor reads. */
export const EXTRA = "_rollcall";
const VERSION = 1;

/** The word of one node on one instance. */
export interface Delta {
  readonly service: string;
  readonly id: string;
  readonly stampMs: number;
  /** Compact; null when the instance is gone. */
  readonly blob: string | null;
}

export interface Told {
  /** By node; those that are known alone. */
  readonly deltas: ReadonlyMap<string, readonly Delta[]>;
  /** The answer would have been too long: there is more behind the greatest stamps in it. */
  readonly more: boolean;
}

/** The stamps after which each known node's words are asked for. */
export function readCursors(query: Query, isKnown: (node: string) => boolean): Outcome<ReadonlyMap<string, number>> {
  const cursors = new Map<string, number>();
  for (const node of query.names()) {
    if (!isKnown(node)) continue;
    const text = (query.all(node).at(-1) ?? "").trim();
    if (!/^[+-]?[0-9]{1,15}$/.test(text)) return refuse("invalid", `the stamp of ${node} is no whole number`);
    cursors.set(node, Number(text));
  }
  return ok(cursors);
}

export function writeCursors(cursors: Iterable<readonly [node: string, stampMs: number]>): string {
  const pairs = Array.from(cursors, ([node, stampMs]) => `${encodeURIComponent(node)}=${stampMs}`);
  return [...pairs, `${EXTRA}=${VERSION}`].join("&");
}

/** A row of an answer. */
export function writeDelta({ service, id, blob, stampMs }: Delta & { readonly blob: string }): string {
  return `[${quote(service)}, ${quote(id)}, ${layOut(blob, false)}, ${stampMs}]`;
}

/** An answer: rows by node, oldest first; with `extra` what only nodes like this one read. */
export function* writeTold(told: Told, extra: boolean): Iterable<string> {
  const gone: string[] = [];
  let before = "{";
  for (const [node, deltas] of told.deltas) {
    yield `${before}${quote(node)}: [`;
    const ended: string[] = [];
    let between = "";
    // Newest first, as the original does.
    for (const { service, id, blob, stampMs } of deltas.toReversed()) {
      if (blob === null) ended.push(`[${quote(service)}, ${quote(id)}, ${stampMs}]`);
      else {
        yield between + writeDelta({ service, id, blob, stampMs });
        between = ", ";
      }
    }
    yield "]";
    if (ended.length > 0) gone.push(`${quote(node)}: [${ended.join(", ")}]`);
    before = ", ";
  }
  if (extra)
    yield `${before}${quote(EXTRA)}: {"version": ${VERSION}, "more": ${told.more}, "gone": {${gone.join(", ")}}}}`;
  else yield before === "{" ? "{}" : "}";
}

/** Reads an answer of another node. Rows that say nothing are left out, as are nodes that are not known. */
export function readTold(text: string, isKnown: (node: string) => boolean): Outcome<Told> {
  const members = text.trimStart().startsWith("{") ? membersOf(text) : undefined;
  if (members === undefined) return refuse("invalid", "it is no JSON object");
  const deltas = new Map<string, Delta[]>();
  const addTo = (node: string | undefined, rows: string, read: (row: readonly Member[]) => Delta | undefined): void => {
    if (node === undefined || !isKnown(node)) return;
    const known = deltas.get(node) ?? [];
    for (const { value } of membersOf(rows) ?? []) {
      const delta = read(membersOf(value) ?? []);
      if (delta !== undefined) known.push(delta);
    }
    deltas.set(node, known);
  };
  let more = false;
  for (const { name, value } of members) {
    if (name !== EXTRA) {
      addTo(name, value, readDelta);
      continue;
    }
    const extra = membersOf(value) ?? [];
    more = extra.some((one) => one.name === "more" && one.value === "true");
    const gone = extra.find((one) => one.name === "gone");
    for (const one of membersOf(gone?.value ?? "") ?? []) addTo(one.name, one.value, readGone);
  }
  return ok({ deltas, more });
}

function readDelta(row: readonly Member[]): Delta | undefined {
  const [service, id, entry, stamp] = row;
  const head = row.length === 4 ? readHead(service, id, stamp) : undefined;
  if (head === undefined || entry === undefined || parseText(entry.value) === undefined) return undefined;
  const blob = toBlob(entry.value);
  return blob.ok ? { ...head, blob: blob.value } : undefined;
}

function readGone(row: readonly Member[]): Delta | undefined {
  const [service, id, stamp] = row;
  const head = row.length === 3 ? readHead(service, id, stamp) : undefined;
  return head && { ...head, blob: null };
}

function readHead(service: Member | undefined, id: Member | undefined, stamp: Member | undefined) {
  const [name, key, stampMs] = [service, id, stamp].map((one) => parseText(one?.value ?? ""));
  if (typeof name !== "string" || typeof key !== "string") return undefined;
  // Far beyond any clock: stamps go on from there by single milliseconds, and must have room to.
  if (!Number.isSafeInteger(stampMs) || (stampMs as number) <= 0 || (stampMs as number) >= STAMP_MS_MAX)
    return undefined;
  return { service: name, id: key, stampMs: stampMs as number };
}

const STAMP_MS_MAX = 1e14;
