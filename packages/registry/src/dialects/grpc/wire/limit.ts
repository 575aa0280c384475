/** How much a page may hold. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";

const LIMIT_DEFAULT = 1000;
const LIMIT_MAX = 10_000;

/** 0 is as usual. */
export function readLimit(limit: number): Outcome<number> {
  if (limit === 0) return ok(LIMIT_DEFAULT);
  if (limit > 0 && limit <= LIMIT_MAX) return ok(limit);
  return refuse("invalid", `limit must be from 1 to ${LIMIT_MAX}`);
}
