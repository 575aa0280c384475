/** Answers as values: handlers return them, and one place gives them. */

import type { Body } from "../answers/parts.ts";
import type { Handler } from "../http/handler.ts";
import type { Head, Headers } from "../http/head.ts";
import type { Reply } from "../http/reply.ts";

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly head: Head | Headers;
  readonly body?: Body | undefined;
  /** What an audit tells besides: see audit.ts. */
  readonly noted?: Readonly<Record<string, unknown>>;
}

export function give(reply: Reply, { status, head, body }: Answer): void {
  reply.send(status, head, body);
}

/** RFC 9110 §9.3.7: what OPTIONS is answered with, by these methods or by all that there are at `*`. */
export function toOptions(allow: string): Answer {
  return { status: 200, head: { Allow: allow } };
}

/** For a request that needs no handler. */
export function answering(answer: Answer): Handler {
  return { streams: false, serve: (_request, reply) => give(reply, answer) };
}

/**
 * Carries out a request and gives what comes of it. What throws is a bug, or a store that cannot be read: `failed` logs
 * it and answers in the protocol's own form. An answer that has begun is cut.
 */
export function respond<A>(
  reply: Reply,
  work: () => A | Promise<A>,
  give: (answer: A) => void,
  failed: (error: unknown) => A,
): void {
  const fail = (error: unknown): void => {
    const answer = failed(error);
    if (reply.sent) reply.abort();
    else give(answer);
  };
  const tryGive = (answer: A): void => {
    try {
      give(answer);
    } catch (error) {
      fail(error);
    }
  };
  try {
    const answer = work();
    if (answer instanceof Promise) answer.then(tryGive, fail);
    else give(answer);
  } catch (error) {
    fail(error);
  }
}
