/** Changes as lines, as they happen. */
import type { ChangeBody, CommitBody, LeaseBody, WatchItem } from "@rollcall/client";
import { type Cell, type Output, type Tone, toClock } from "./output.ts";

export function downNote(error: unknown): string {
  return `lost touch, trying again${error instanceof Error ? `: ${error.message}` : ""}`;
}

const TOLD_TWICE: ReadonlySet<string> = new Set(["granted", "closed", "expired"]);

/** Whether this is the lease of one instance, which came or went with it: the instance's own line says so already. */
export function isToldTwice(cause: string, lease: LeaseBody | null): boolean {
  return lease?.own === true && TOLD_TWICE.has(cause);
}

function isTold(change: ChangeBody): boolean {
  return change.kind !== "lease" || !isToldTwice(change.cause, change.after ?? change.before);
}

/** `all`: what is told twice too. JSON always has all. */
export function showItem(out: Output, item: WatchItem, all: boolean): void {
  if (out.json) {
    if (item.kind === "commit") out.object(item.commit);
    else if (item.kind === "resync") out.object({ resync: { revision: item.revision, compacted: item.compacted } });
  } else if (item.kind === "commit") {
    for (const change of item.commit.changes) if (all || isTold(change)) showChange(out, item.commit, change);
  } else if (item.kind === "resync")
    out.line(
      out.paint({
        text: `some changes are lost: history begins at revision ${item.compacted}; going on from ${item.revision}`,
        tone: "warn",
      }),
    );
  else out.note(out.paint({ text: `watching from revision ${item.revision}`, tone: "dim" }));
}

const TONES: Readonly<Record<string, Tone>> = {
  registered: "good",
  granted: "dim",
  deregistered: "warn",
  expired: "bad",
  held: "warn",
  deleted: "warn",
};

function showChange(out: Output, commit: CommitBody, change: ChangeBody): void {
  const time = out.paint({ text: toClock(commit.at), tone: "dim" });
  const revision = out.paint({ text: String(commit.revision).padStart(6), tone: "dim" });
  const cause = change.cause.padEnd(12);
  const what = out.paint({ text: cause, tone: TONES[change.cause] ?? "plain" });
  const rest: Cell = { text: describe(change), tone: "dim" };
  out.line(`${time}  ${revision}  ${what}  ${out.paint(subjectOf(change))}  ${out.paint(rest)}`.trimEnd());
}

function subjectOf(change: ChangeBody): string {
  if (change.kind === "instance") return `${change.service}/${change.id}`;
  return change.kind === "key" ? `key ${change.key}` : `lease ${change.lease}`;
}

function describe(change: ChangeBody): string {
  if (change.reason) return change.reason;
  if (change.after === null) return "";
  switch (change.kind) {
    case "instance":
      return `${change.after.address}:${change.after.port} ${change.after.status}`;
    case "key":
      return JSON.stringify(change.after.value) ?? "";
    case "lease":
      return change.after.ttlMs === null ? "" : `ttl ${change.after.ttlMs / 1000}s`;
  }
}
