/** What an examination of one thing came to. */
export interface Finding {
  readonly name: string;
  readonly verdict: "good" | "note" | "warn" | "bad";
  /** For people. */
  readonly detail: string;
}

export function finding(name: string, verdict: Finding["verdict"], detail: string): Finding {
  return { name, verdict, detail };
}
