/** A TSIG key in a file of its own: the secret alone, or the statement that BIND's programs write. */

export interface KeyFile {
  /** As written; only BIND's statement has them. */
  readonly name: string | undefined;
  readonly algorithm: string | undefined;
  readonly secret: string;
}

/** `key "name" { … };`, the whole file. Comments and other statements are for BIND alone. */
const STATEMENT = /^key\s+("[^\s"]+"|[^\s"{};]+)\s*\{([^{}]*)\}\s*;$/;
const CLAUSE = /^(algorithm|secret)\s+("[^\s"]+"|[^\s"]+)$/;

/** What the file holds; undefined when that is neither. White space around it is nothing. */
export function readKeyFile(text: string): KeyFile | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (!/\s/.test(trimmed)) return { name: undefined, algorithm: undefined, secret: trimmed };
  const [, name, body] = STATEMENT.exec(trimmed) ?? [];
  if (name === undefined || body === undefined) return undefined;
  const parts = body.split(";").map((part) => part.trim());
  // Each of the two clauses ends with a semicolon.
  if (parts.length !== 3 || parts.pop() !== "") return undefined;
  const clauses = new Map<string | undefined, string | undefined>();
  for (const part of parts) {
    const [, word, value] = CLAUSE.exec(part) ?? [];
    clauses.set(word, value);
  }
  const [algorithm, secret] = [clauses.get("algorithm"), clauses.get("secret")];
  if (algorithm === undefined || secret === undefined) return undefined;
  return { name: bare(name), algorithm: bare(algorithm), secret: bare(secret) };
}

function bare(text: string): string {
  return text.replaceAll('"', "");
}
