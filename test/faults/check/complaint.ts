/** What must not be, and what people need to see to find out why. */
export interface Complaint {
  /** Which promise was broken. */
  readonly rule: string;
  readonly detail: string;
  /** The least that tells the story, oldest first. */
  readonly trace: readonly string[];
}

const TRACE_MAX = 30;

export function complain(rule: string, detail: string, trace: readonly string[] = []): Complaint {
  return { rule, detail, trace: trace.slice(-TRACE_MAX) };
}
