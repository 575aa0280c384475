/** How a refused change is told in an answer to UPDATE (RFC 2136 §2.2, RFC 1035 §4.1.1). */
import type { Refusal } from "../../core/index.ts";
import { RCODE } from "./wire/message.ts";

export const RCODE_OF: Readonly<Record<Refusal, number>> = {
  invalid: RCODE.FORMERR,
  "too-large": RCODE.REFUSED,
  limit: RCODE.REFUSED,
  forbidden: RCODE.REFUSED,
  "not-found": RCODE.NXDOMAIN,
  exists: RCODE.YXDOMAIN,
  conflict: RCODE.SERVFAIL,
  compacted: RCODE.SERVFAIL,
  unsupported: RCODE.NOTIMP,
  unavailable: RCODE.SERVFAIL,
  unknown: RCODE.SERVFAIL,
};
