/** The registry's refusals in Eureka's words: HTTP statuses. */
import type { Refusal } from "../../core/index.ts";

/** Statuses that Eureka's clients know what to do with. */
export const STATUS: Readonly<Record<Refusal, number>> = {
  invalid: 400,
  "too-large": 400,
  // Clients go to the next server, or try again later.
  limit: 503,
  forbidden: 403,
  "not-found": 404,
  exists: 409,
  conflict: 503,
  compacted: 500,
  unsupported: 500,
  unavailable: 503,
  // What these clients try again at the next server does no harm when done twice.
  unknown: 504,
};
