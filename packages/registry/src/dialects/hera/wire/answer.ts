/** Answers: JSON, and lines of text where something is wrong. */
import type { Body } from "../../../net/answers/parts.ts";
import { Head } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";

const JSON_TYPE = new Head({ "Content-Type": "application/json" });
/** Lines may say again what a client said: they are never taken for pages. */
const LINE = new Head({ "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" });

export const NO_CONTENT: Answer = { status: 204, head: {} };

export function json(body: Body): Answer {
  return { status: 200, head: JSON_TYPE, body };
}

export function line(status: number, text: string): Answer {
  return { status, head: LINE, body: `${text}\n` };
}
