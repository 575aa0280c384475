/** @live Watches: commits as they come. A commit is encoded once for all who watch the same. */
import { type Account, type Commit, fromBuffer, type Outcome, ok, refuse } from "../../../../core/index.ts";
import { nameInterest, toScope } from "../../../../native/follow/interest.ts";
import { encodePiece } from "../../../../native/follow/pieces.ts";
import { type Interest, type Surroundings, toCommitBody } from "../../../../native/wire/commits.ts";
import type { Answers, ServerStream } from "../../../../net/grpc/method.ts";
import { encodeMessage } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type { WatchRequest } from "../../proto/generated/registry.ts";
import { PACKAGE, SCHEMA } from "../../proto/schema.ts";
import { toChange } from "../../wire/changes.ts";
import { encodeItems, encodeWord, joinItems } from "../../wire/told.ts";
import { type Asked, followFor, readAfter } from "./following.ts";

/** Of each kind: services, keys, prefixes. */
const WATCHED_MAX = 1000;

const PATH = `/${PACKAGE}.Catalog/Watch`;

export const WATCH: ServerStream<Desk, WatchRequest, Buffer> = {
  kind: "server",
  path: PATH,
  codec: { decode: SCHEMA.codec<WatchRequest, never>(PATH).decode, encode: (message) => message },
  handle: (desk, call, request, answers: Answers<Buffer>) =>
    followFor(desk, { call, account: request.account, need: "reader" }, answers, (account) =>
      prepare(desk, account, request),
    ),
};

function prepare({ mark, around }: Desk, account: Account, request: WatchRequest): Outcome<Asked> {
  const interest = readInterest(request);
  if (!interest.ok) return interest;
  const after = readAfter(request.after, mark);
  if (!after.ok) return after;
  const kind = `grpc changes ${nameInterest(interest.value)}`;
  const rendering = {
    render: (commit: Commit) => encodeCommit(commit, interest.value, around),
    join: (parts: readonly Buffer[], last: number) => joinItems(parts, last, mark),
  };
  return ok({
    scope: toScope(account, interest.value),
    after: after.value,
    encode: (commits) => encodePiece(commits, kind, rendering),
    say: (word, revision) => encodeWord(word, revision, mark),
  });
}

function readInterest({ services, keys, prefixes }: WatchRequest): Outcome<Interest> {
  if (Math.max(services.length, keys.length, prefixes.length) > WATCHED_MAX)
    return refuse("too-large", `more than ${WATCHED_MAX} services, keys or prefixes`);
  if (services.includes("")) return refuse("invalid", "a service of a watch must not be empty");
  if (keys.some((key) => key.length === 0)) return refuse("invalid", "a key of a watch must not be empty");
  return ok({
    services: new Set(services),
    keys: new Set(keys.map((key) => fromBuffer(Buffer.from(key)))),
    prefixes: prefixes.map((prefix) => fromBuffer(Buffer.from(prefix))),
    everything: services.length + keys.length + prefixes.length === 0,
  });
}

function encodeCommit(commit: Commit, interest: Interest, around: Surroundings): Buffer | undefined {
  const body = toCommitBody(commit, interest, around);
  if (body === undefined) return undefined;
  const { revision, at, account, by } = body;
  const changes = body.changes.map(toChange);
  return encodeItems([encodeMessage(`${PACKAGE}.Commit`, { revision, at, account, changes, by })]);
}
