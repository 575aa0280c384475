/** Command lines that do the same as a question: words of users are quoted, so that a shell takes them for words. */
import { account } from "../data/session.ts";

/** `rollcall` with these words, for the account that is looked at. */
export function command(...words: readonly string[]): string {
  const flag = account.value === "default" ? [] : ["--account", account.value];
  return ["rollcall", ...words, ...flag].map(quoted).join(" ");
}

function quoted(text: string): string {
  return /^[\w./@:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A flag with its value; nothing when that is empty. */
export function flag(name: string, value: string): readonly string[] {
  return value === "" ? [] : [name, value];
}
