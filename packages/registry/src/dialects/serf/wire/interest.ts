/** What a stream is about: `member-join,user:deploy,query:*`. */

const MEMBER_EVENTS = ["member-join", "member-leave", "member-failed", "member-update", "member-reap"];
const PARTS_MAX = 64;

export interface Interest {
  /** An event of a kind; of a user event or a query, also its name. */
  readonly wants: (kind: string, name?: string) => boolean;
}

/** Undefined when it names an event that there is not. */
export function readInterest(text: string): Interest | undefined {
  const parts = (text === "" ? "*" : text).split(",").map((part) => part.trim());
  if (parts.length > PARTS_MAX) return undefined;
  const wanted = new Set<string>();
  for (const part of parts) {
    const isNamed = part.startsWith("user:") || part.startsWith("query:");
    if (!isNamed && ![...MEMBER_EVENTS, "user", "query", "*"].includes(part)) return undefined;
    wanted.add(part);
  }
  return {
    wants: (kind, name) => wanted.has("*") || wanted.has(kind) || (name !== undefined && wanted.has(`${kind}:${name}`)),
  };
}
