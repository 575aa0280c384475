/** Refuses bodies in a coding or a character set that the API does not read. */
import type { Reply } from "../../../net/http/reply.ts";
import { findHeaders, type Request } from "../../../net/http/request.ts";
import { isJsonType } from "../wire/json.ts";

/** What a handler gets of the body. */
export type Body =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly optional?: boolean; readonly bytesMax?: number }
  | { readonly kind: "bytes"; readonly bytesMax: number };

/** False for a body that is sent as it is, and in UTF-8 where it is JSON; else the answer is given. */
export function refuseCoded(request: Request, reply: Reply, body: Body): boolean {
  if (request.method === "GET" || request.bodyBytes === 0) return false;
  const coding = findCoding(request);
  if (coding !== undefined) {
    const detail = `the body must be sent without Content-Encoding, not as ${coding.slice(0, 100)}`;
    // RFC 9110 §12.5.3: a 415 for a coding names those that are read.
    reply.problem(415, "unsupported-type", detail, { "Accept-Encoding": "identity" });
    return true;
  }
  // Where bytes are stored their type is nobody's business.
  const charset = body.kind === "json" ? charsetOf(request.header("content-type")) : undefined;
  if (charset === undefined || charset === "utf-8") return false;
  const detail = `the body must be JSON in UTF-8, not in ${charset.slice(0, 100)}`;
  reply.problem(415, "unsupported-type", detail, { "Accept-Post": "application/json" });
  return true;
}

function findCoding({ rawHeaders }: Request): string | undefined {
  const codings = findHeaders(rawHeaders, "content-encoding").map((value) => value.trim());
  return codings.find((coding) => coding !== "" && coding.toLowerCase() !== "identity");
}

/** RFC 9110 §8.3.1: the character set that a JSON type names, in lower case; quoted or not. */
function charsetOf(contentType: string | undefined): string | undefined {
  if (contentType?.includes(";") !== true || !isJsonType(contentType)) return undefined;
  const match = /;[ \t]*charset=(?:"([^"]*)"|([^;\s]*))/i.exec(contentType);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
