/** Problem documents: RFC 9457. */

/** Titles that are not just the name in words. */
const TITLES: Readonly<Record<string, string>> = {
  invalid: "Invalid request",
  limit: "Limit reached",
  exists: "Already exists",
  internal: "Internal error",
};

export const PROBLEM_TYPE = "application/problem+json";

/** `name` ends the type: https://rollcall.dev/problems/<name>. */
export function problemOf(status: number, name: string, detail: string): string {
  const title = TITLES[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("-", " ")}`;
  return `${JSON.stringify({ type: `https://rollcall.dev/problems/${name}`, title, status, detail })}\n`;
}

const UNREAD = "clients of this address have too much of earlier answers still to read; ask again";

/** In place of a long answer: see `Outgoing.hasRoom`. */
export const NO_ROOM = {
  status: 503,
  head: { "Content-Type": PROBLEM_TYPE, "Retry-After": "1" },
  body: problemOf(503, "unavailable", UNREAD),
} as const;
