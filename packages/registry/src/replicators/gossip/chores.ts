/** Which tombstones are forgotten. */
import { type Account, ALL_TOMBSTONES, type Command, type View } from "../../core/index.ts";

const AT_ONCE = 500;

/** The steps that forget what was deleted before this time; some of them when there are many. */
export function forgetting(view: View, account: Account, beforeMs: number): readonly Command[] {
  const steps: Command[] = [];
  for (const { key, createdAtMs } of view.entries(account, ALL_TOMBSTONES.from, ALL_TOMBSTONES.to)) {
    if (createdAtMs >= beforeMs) continue;
    steps.push({ kind: "delete", from: key });
    if (steps.length >= AT_ONCE) break;
  }
  return steps;
}
