/** Changes as lines, as they happen. */
import type { ChangeBody, CommitBody, InstanceBody, KeyBody, LeaseBody, WatchItem } from "@rollcall/client";
import { type Cell, type Output, type Tone, toClock } from "./output.ts";

export function downNote(error: unknown): string {
  return `lost touch, trying again${error instanceof Error ? `: ${error.message}` : ""}`;
}

const TOLD_TWICE: ReadonlySet<string> = new Set(["granted", "closed", "expired"]);

/** Whether this is the lease of one instance, which came or went with it: the instance's own line says so already. */
export function isToldTwice(change: Pick<ChangeBody, "kind" | "cause" | "before" | "after">): boolean {
  if (change.kind !== "lease" || !TOLD_TWICE.has(change.cause)) return false;
  return ((change.after ?? change.before) as LeaseBody).own;
}

/** `all`: what is told twice too. JSON always has all. */
export function showItem(out: Output, item: WatchItem, all: boolean): void {
  if (out.json) {
    if (item.kind === "commit") out.object(item.commit);
    else if (item.kind === "resync") out.object({ resync: { revision: item.revision, compacted: item.compacted } });
  } else if (item.kind === "commit") {
    for (const change of item.commit.changes) if (all || !isToldTwice(change)) showChange(out, item.commit, change);
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
  if (change.kind === "instance") {
    const after = change.after as InstanceBody;
    return `${after.address}:${after.port} ${after.status}`;
  }
  if (change.kind === "key") return JSON.stringify((change.after as KeyBody).value) ?? "";
  return `ttl ${(change.after as LeaseBody).ttlMs / 1000}s`;
}
