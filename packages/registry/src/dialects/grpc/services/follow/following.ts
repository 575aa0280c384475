/** @live A stream that follows the registry for a client. */
import {
  type Account,
  type Outcome,
  ok,
  type Refused,
  type Revision,
  refuse,
  type Scope,
} from "../../../../core/index.ts";
import { Follower, type Following } from "../../../../native/follow/follower.ts";
import type { Answers } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { decodePosition, type Mark } from "../../../../net/routes/position.ts";
import { admit, type Desk, type Guest } from "../../desk.ts";
import { STOPPED, toStatus } from "../../refusals.ts";

/** What a client asked for. */
export interface Asked extends Pick<Following, "encode" | "say"> {
  readonly scope: Scope;
  readonly after: Revision | undefined;
}

const BROKEN = new Status(CODES.internal, "something went wrong; the server's log has it");

/** Lets the client in and follows for it. Returns what is to be called when the stream is over. */
export function followFor(
  desk: Desk,
  guest: Guest,
  answers: Answers<Buffer>,
  prepare: (account: Account) => Outcome<Asked>,
): () => void {
  let leave = (): void => {};
  const begin = (account: Account | Status): void => {
    if (!answers.isOpen) return;
    if (account instanceof Status) return answers.end(account);
    const asked = prepare(account);
    if (!asked.ok) return answers.end(toStatus(asked));
    leave = start(desk, guest, answers, asked.value);
  };
  const admitted = admit(desk, guest);
  if (admitted instanceof Promise) void admitted.then(begin);
  else begin(admitted);
  return () => leave();
}

function start(desk: Desk, guest: Guest, answers: Answers<Buffer>, { scope, after, encode, say }: Asked): () => void {
  const outlet = {
    get open() {
      return answers.isOpen;
    },
    write: (bytes: Buffer) => answers.writeEncoded(bytes),
    end(last?: Buffer, revoked?: Refused) {
      if (last !== undefined && last.length > 0) answers.writeEncoded(last);
      answers.end(revoked !== undefined ? toStatus(revoked) : last === undefined ? BROKEN : STOPPED);
    },
  };
  const mayStay = () => !desk.lasting.draining;
  const follower = new Follower(desk.registry, outlet, { scope, encode, say, mayStay });
  desk.lasting.enter(follower, guest);
  desk.watchers(1);
  answers.onDrain(() => follower.resume());
  follower.start(after);
  return () => {
    desk.lasting.leave(follower);
    desk.watchers(-1);
    follower.close();
  };
}

/** Undefined when nothing is said. */
export function readAfter(after: string, mark: Mark): Outcome<Revision | undefined> {
  if (after === "") return ok(undefined);
  const position = decodePosition(after, mark);
  if (position !== undefined && position.index === undefined) return ok(position.revision);
  return refuse("invalid", "after must be a position, as an answer gave it");
}
