/** What a failed `fetch` says of its connection. */

/** Codes of connections that did not come about. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|EPROTO)$|CERT|TLS|SSL/;

/** The error below: fetch wraps what went wrong into one that says nothing. */
export function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

/** Whether it is certain that no byte of the request was sent. */
export function wasNeverSent(error: unknown): boolean {
  return NEVER_SENT.test(String((causeOf(error) as { code?: unknown } | null)?.code));
}
