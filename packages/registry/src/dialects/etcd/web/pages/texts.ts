/** Answers in plain text, as Go's own router gives them. */
import type { Answer } from "../../../../net/routes/answer.ts";

export const TEXT = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };

export function toText(status: number, body: string): Answer {
  return { status, head: TEXT, body };
}

export function notAllowed(allow: string): Answer {
  return { status: 405, head: { ...TEXT, Allow: allow }, body: "Method Not Allowed\n" };
}

export const NOT_FOUND = toText(404, "404 page not found\n");

export function toJson(value: unknown, status = 200): Answer {
  return { status, head: { "Content-Type": "application/json" }, body: `${JSON.stringify(value)}\n` };
}
