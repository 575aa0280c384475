/** Answers that many handlers give. */
import type { Outcome, Receipt, Refused } from "../../core/index.ts";
import { Head, type Headers } from "../../net/http/head.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Exchange } from "./desk.ts";
import { encodeTag, matchesTag } from "./wire/tags.ts";

const JSON_HEADERS: Headers = { "Content-Type": "application/json" };
const JSON_HEAD = new Head(JSON_HEADERS);

export function toJson(body: unknown, status = 200, headers?: Headers): Answer {
  const head = headers === undefined ? JSON_HEAD : { ...JSON_HEADERS, ...headers };
  return { status, head, body: JSON.stringify(body) };
}

/** A caller that keeps the answer asks each time whether it still holds. */
export function toStateHeaders(tag: string): Headers {
  return { ETag: tag, "Cache-Control": "no-cache" };
}

/** RFC 9110 §13.1.2: 304 when the client has this revision already. */
export function findUnchanged({ request }: Exchange, revision: number): Answer | undefined {
  const known = request.header("if-none-match");
  if (known === undefined || !matchesTag(known, encodeTag(revision))) return undefined;
  return { status: 304, head: toStateHeaders(encodeTag(revision)) };
}

/** The state at a revision, or 304. */
export function toState(exchange: Exchange, revision: number, body: () => unknown): Answer {
  return findUnchanged(exchange, revision) ?? toJson(body(), 200, toStateHeaders(encodeTag(revision)));
}

/** What came of a change. */
export function toRevised(outcome: Outcome<Receipt>): Answer | Refused {
  return outcome.ok ? toJson({ revision: outcome.value.revision }) : outcome;
}

const BEATS_MAX = 1024;
const beats = new Map<number | null, Answer>();

/** The answer to a heartbeat. */
export function toBeat(ttlMs: number | null): Answer {
  let answer = beats.get(ttlMs);
  if (answer === undefined) {
    answer = toJson({ ttlMs });
    if (beats.size >= BEATS_MAX) beats.clear();
    beats.set(ttlMs, answer);
  }
  return answer;
}
