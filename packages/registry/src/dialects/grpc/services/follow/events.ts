/** @live The events feed: one event for each change. */
import { type Account, type Change, type Commit, type Outcome, ok, refuse } from "../../../../core/index.ts";
import { encodePiece } from "../../../../native/follow/pieces.ts";
import {
  type EventFilter,
  isEventType,
  type Surroundings,
  toChangeBody,
  toEventBody,
  toEventFilter,
} from "../../../../native/wire/commits.ts";
import type { Answers, ServerStream } from "../../../../net/grpc/method.ts";
import { encodeMessage } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type { EventsRequest } from "../../proto/generated/registry.ts";
import { PACKAGE, SCHEMA } from "../../proto/schema.ts";
import { toChange } from "../../wire/changes.ts";
import { encodeItems, encodeWord, joinItems } from "../../wire/told.ts";
import { type Asked, followFor, readAfter } from "./following.ts";

const NAMES_MAX = 1000;
const PATH = `/${PACKAGE}.Catalog/Events`;

export const EVENTS: ServerStream<Desk, EventsRequest, Buffer> = {
  kind: "server",
  path: PATH,
  codec: { decode: SCHEMA.codec<EventsRequest, never>(PATH).decode, encode: (message) => message },
  handle: (desk, call, request, answers: Answers<Buffer>) =>
    followFor(desk, { call, account: request.account, need: "reader" }, answers, (account) =>
      prepare(desk, account, request),
    ),
};

function prepare({ mark, around }: Desk, account: Account, request: EventsRequest): Outcome<Asked> {
  const { types, services } = request;
  if (Math.max(types.length, services.length) > NAMES_MAX)
    return refuse("too-large", `more than ${NAMES_MAX} types or services`);
  const bad = types.find((type) => !isEventType(type));
  if (bad !== undefined)
    return refuse("invalid", `a type must be like instance.expired or instance.*, not ${bad.slice(0, 100)}`);
  const after = readAfter(request.after, mark);
  if (!after.ok) return after;
  const filter = toEventFilter({ types, services });
  const kind = `grpc events ${JSON.stringify([types, services])}`;
  const rendering = {
    render: (commit: Commit) => encodeEvents(commit, filter, around),
    join: (parts: readonly Buffer[], last: number) => joinItems(parts, last, mark),
  };
  return ok({
    scope: { account },
    after: after.value,
    encode: (commits) => encodePiece(commits, kind, rendering),
    say: (word, revision) => encodeWord(word, revision, mark),
  });
}

function encodeEvents(commit: Commit, filter: EventFilter, around: Surroundings): Buffer | undefined {
  const events = commit.changes.flatMap((change, index) =>
    filter(change) ? [encodeEvent(commit, change, index, around)] : [],
  );
  return events.length === 0 ? undefined : encodeItems(events);
}

function encodeEvent(commit: Commit, change: Change, index: number, around: Surroundings): Uint8Array {
  const { id, revision, at, type, by } = toEventBody(commit, index, around);
  const shown = { id, revision, at, type, by, change: toChange(toChangeBody(commit, change, around)) };
  return encodeMessage(`${PACKAGE}.Event`, shown);
}
