/** What a commit means for members: who joined, left, failed or changed. */
import { type Change, type Commit, leaverOf } from "../../../core/index.ts";
import { type Member, memberStatusOf, toMember } from "./member.ts";

export type MemberEvent = "member-join" | "member-leave" | "member-failed" | "member-update" | "member-reap";

export interface Happened {
  readonly event: MemberEvent;
  readonly member: Member;
  /** It is no instance any more. */
  readonly isGone: boolean;
}

export function happenedIn({ changes }: Commit): readonly Happened[] {
  return changes.flatMap((change) => (change.kind === "instance" ? happenedTo(change) : []));
}

function happenedTo(change: Extract<Change, { readonly kind: "instance" }>): readonly Happened[] {
  const { before, after, cause } = change;
  const leaver = leaverOf(change);
  const happened: Happened[] = [];
  if (leaver !== null) {
    // A lease that ran out is a node that fell silent.
    const [event, status] =
      after === null && cause === "expired"
        ? (["member-failed", "failed"] as const)
        : (["member-leave", "left"] as const);
    happened.push({ event, member: { ...toMember(leaver), status }, isGone: true });
  }
  if (after === null) return happened;
  const member = toMember(after);
  const was = leaver === null && before !== null ? memberStatusOf(before) : undefined;
  const isNew = was === undefined || (was === "failed" && member.status !== "failed");
  const isGone = false;
  if (isNew) happened.push({ event: "member-join", member, isGone });
  if (member.status === "failed" && was !== "failed") happened.push({ event: "member-failed", member, isGone });
  else if (!isNew && before !== null && !isSame(toMember(before), member))
    happened.push({ event: "member-update", member, isGone });
  return happened;
}

function isSame(a: Member, b: Member): boolean {
  const names = Object.keys(a.tags);
  return (
    a.status === b.status &&
    a.port === b.port &&
    a.address.equals(b.address) &&
    names.length === Object.keys(b.tags).length &&
    names.every((name) => a.tags[name] === b.tags[name])
  );
}
