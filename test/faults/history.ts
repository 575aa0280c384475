/** The order of changes as a node tells of it. */
import type { ChangeBody, CommitBody } from "@rollcall/client";
import type { Node } from "./cluster.ts";
import { call } from "./load/call.ts";

export type Commit = CommitBody;
export type Change = ChangeBody;

export function isCommit(value: unknown): value is Commit {
  return typeof value === "object" && value !== null && "revision" in value && "changes" in value;
}

/** What a change is of: a key, or an instance as `service/id`. */
export function subjectOf(change: Exclude<Change, { kind: "lease" }>): string {
  return change.kind === "instance" ? `instance ${change.service}/${change.id}` : `key ${change.key}`;
}

async function json(node: Node, path: string): Promise<Record<string, unknown>> {
  const told = await call(node, { method: "GET", path });
  if (told.status !== 200) throw new Error(`${node.name}: ${path}: ${told.status} ${told.text.slice(0, 300)}`);
  return JSON.parse(told.text) as Record<string, unknown>;
}

/** All commits after this revision that the account's watchers are told of. */
export async function readHistory(node: Node, after: number): Promise<Commit[]> {
  const all: Commit[] = [];
  for (let from = after; ; ) {
    const { revision, commits } = await json(node, `/v2/default/watch?after=${from}&wait=0s`);
    if (!Array.isArray(commits) || commits.length === 0) return all;
    all.push(...(commits as Commit[]));
    from = Math.max(Number(revision), (commits.at(-1) as Commit).revision);
  }
}

/** Everything that is there, by subject, with the revision that it is of; undefined when that moved meanwhile. */
export async function readState(
  node: Node,
): Promise<{ readonly revision: number; readonly found: Map<string, unknown> } | undefined> {
  const found = new Map<string, unknown>();
  const revisions = new Set<number>();
  for (const [path, list] of [
    ["config?prefix=&limit=10000", "keys"],
    ["instances?limit=10000", "instances"],
  ] as const) {
    let next: unknown = "";
    while (next !== null && next !== undefined) {
      const from = next === "" ? "" : `&from=${encodeURIComponent(String(next))}`;
      const page = await json(node, `/v2/default/${path}${from}`);
      revisions.add(Number(page.revision));
      for (const item of page[list] as Record<string, unknown>[]) found.set(nameOf(item), item);
      next = page.next ?? null;
    }
  }
  const [revision] = revisions;
  return revisions.size === 1 && revision !== undefined ? { revision, found } : undefined;
}

function nameOf(item: Record<string, unknown>): string {
  return item.key === undefined ? `instance ${item.service}/${item.id}` : `key ${item.key}`;
}
