/** Nodes and events as JSON, in the original's order of members. */
import { type Bytes, fromBytes, type KeyRecord } from "../../../../core/index.ts";
import { encodeGoJson as encodeJson } from "../../../../net/routes/json.ts";
import { type Event, LEAVES } from "./changes/event.ts";
import { type Branch, isBranch } from "./nodes.ts";

/** Until when a node is good, wall-clock ms. */
export interface Lifetime {
  readonly untilMs: number;
  /** Seconds; 0 is not shown. */
  readonly ttl: number;
}

/** Undefined for what has no time of its own. */
export type Lives = (record: KeyRecord, path: Bytes) => Lifetime | undefined;

const IMMORTAL: Lives = () => undefined;

function lifeText(life: Lifetime | undefined): string {
  if (life === undefined) return "";
  const expiration = `,"expiration":"${new Date(life.untilMs).toISOString()}"`;
  return life.ttl > 0 ? `${expiration},"ttl":${life.ttl}` : expiration;
}

/** What is 0 is left out. */
function indexText(modified: number, created: number): string {
  return `${modified > 0 ? `,"modifiedIndex":${modified}` : ""}${created > 0 ? `,"createdIndex":${created}` : ""}`;
}

function keyText(path: Bytes): string {
  return path === "" ? "" : `"key":${encodeJson(fromBytes(path))}`;
}

function fileText(path: Bytes, record: KeyRecord, lives: Lives): string {
  const { value, modRevision, createRevision } = record;
  const life = lifeText(lives(record, path));
  return `{${keyText(path)},"value":${encodeJson(fromBytes(value))}${life}${indexText(modRevision, createRevision)}}`;
}

/** What lies in a directory, and its time, are no changes of it. */
function directoryText(
  path: Bytes,
  made: KeyRecord | undefined,
  lives: Lives,
  modified = made?.createRevision,
): string {
  const key = keyText(path);
  const life = made && lifeText(lives(made, path));
  const indexes = indexText(modified ?? 0, made?.createRevision ?? 0);
  return `{${key}${key === "" ? "" : ","}"dir":true${life ?? ""}${indexes}}`;
}

/** In pieces: what lies in a directory is written as it is reached. */
export function* treeText(path: Bytes, tree: Branch | KeyRecord, lives: Lives): Iterable<string> {
  if (!isBranch(tree)) return yield fileText(path, tree, lives);
  const { made, children } = tree;
  const text = directoryText(path, made, lives);
  if (children === undefined || children.size === 0) return yield text;
  const at = text.search(/,"modifiedIndex"|}$/);
  yield `${text.slice(0, at)},"nodes":[`;
  let separator = "";
  for (const name of [...children.keys()].sort()) {
    if (separator !== "") yield separator;
    separator = ",";
    yield* treeText(`${path}/${name}`, children.get(name) as Branch | KeyRecord, lives);
  }
  yield `]${text.slice(at)}`;
}

/** `lives` of what is there then, `lived` of what was there before. */
export function eventText(event: Event, lives: Lives, lived: Lives): string {
  const { action, path, isDirectory, before } = event;
  const node = LEAVES.has(action) ? goneText(event) : thereText(event, lives);
  // A node that is created has none before it.
  const hasPrevious = action !== "create" && (before !== undefined || (isDirectory && action !== "set"));
  const isFile = before?.key === path;
  const previous = isFile ? fileText(path, before, lived) : directoryText(path, before, lived);
  return `{"action":"${action}","node":${node}${hasPrevious ? `,"prevNode":${previous}` : ""}}`;
}

function thereText({ path, isDirectory, after, revision }: Event, lives: Lives): string {
  if (isDirectory) return directoryText(path, after, lives, revision);
  return after === undefined ? directoryText(path, undefined, IMMORTAL) : fileText(path, after, lives);
}

function goneText({ path, isDirectory, revision, before }: Event): string {
  const indexes = indexText(revision, before?.createRevision ?? 0);
  return `{${keyText(path)}${isDirectory ? ',"dir":true' : ""}${indexes}}`;
}
