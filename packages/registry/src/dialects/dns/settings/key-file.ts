/** A TSIG key in a file of its own: the secret alone, or the statement that BIND's programs write. */

export interface KeyFile {
  /** As written; undefined in a file that holds the secret alone. */
  readonly name: string | undefined;
  readonly algorithm: string | undefined;
  readonly secret: string;
}

/** `key "name" { … };` as the whole file, without comments or other statements. */
const STATEMENT = /^key\s+("[^\s"]+"|[^\s"{};]+)\s*\{([^{}]*)\}\s*;$/;
const CLAUSE = /^(algorithm|secret)\s+("[^\s"]+"|[^\s"]+)$/;

/** What the file holds, white space around it left out; undefined when it is neither. */
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
