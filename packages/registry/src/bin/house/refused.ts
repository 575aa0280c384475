/** A start that failed for a reason that a person can mend. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}
