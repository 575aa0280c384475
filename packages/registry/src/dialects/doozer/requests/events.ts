/** @live WAIT: the first change, from a rev on, of a file that matches. It may be long past, or yet to come. */
import { type Bytes, type Change, type Commit, type Scope, subjectOf, type Watch } from "../../../core/index.ts";
import type { Handle } from "../desk.ts";
import { fromRev, indexFrom, revOf } from "../files/revisions.ts";
import { toResponse } from "../refusals.ts";
import { compileGlob, type Glob } from "../wire/glob.ts";
import { FLAGS, type Response } from "../wire/message.ts";
import { below, isPathLike } from "../wire/path.ts";
import { NOP_KEY } from "./plans.ts";
import { badGlob } from "./reads.ts";

export const wait: Handle = ({ registry }, { request, account, session }) => {
  const { path, rev } = request;
  if (path === undefined || rev === undefined) return { error: "MISSING_ARG" };
  const glob = compileGlob(path);
  if (glob === undefined) return badGlob(path);
  const from = rev < 1n ? 1n : rev;
  const first = fromRev(from);
  const after = Math.min(
    first - 1,
    registry.read((view) => view.revision),
  );
  return new Promise((resolve) => {
    let watch: Watch | undefined;
    const end = (response: Response): void => {
      watch?.close();
      session.signal.removeEventListener("abort", giveUp);
      resolve(response);
    };
    const giveUp = (): void => end({});
    const followed = registry.follow(scopeOf(account, glob), after, {
      deliver(commits) {
        for (const [index, commit] of commits.entries()) {
          const response = commit.revision < first ? undefined : find(commit, glob, from);
          if (response === undefined) continue;
          end(response);
          return index + 1;
        }
        return commits.length;
      },
      lost: () => end({ error: "TOO_LATE" }),
    });
    if (!followed.ok) return resolve(toResponse(followed));
    watch = followed.value;
    session.signal.addEventListener("abort", giveUp, { once: true });
  });
};

/** A NOP changes "/", for those whom that concerns. */
function scopeOf(account: string, { range, matches }: Glob): Scope {
  return { account, keys: matches("/") ? { from: NOP_KEY, to: below("/").to } : range };
}

/** The first change of the commit that matches, unless it is before the rev. */
function find(commit: Commit, glob: Glob, from: bigint): Response | undefined {
  const { revision } = commit;
  const events: [Bytes, Change][] = [];
  for (const change of commit.changes) {
    if (change.kind !== "key") continue;
    const { key } = subjectOf(change);
    const path = key === NOP_KEY ? "/" : key;
    if (isPathLike(path) && glob.matches(path)) events.push([path, change]);
  }
  if (events.length === 0) return undefined;
  const index = fromRev(from) === revision ? indexFrom(from, events.length) : 0;
  const [path, { after }] = events[index] as [Bytes, Change];
  const value = after !== null && "value" in after ? after.value : "";
  const flags = path === "/" ? FLAGS.none : after === null ? FLAGS.del : FLAGS.set;
  return { path, value, rev: revOf(revision, index, events.length), flags };
}
