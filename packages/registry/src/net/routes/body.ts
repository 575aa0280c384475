/** Bodies as routes want them: of which type, how long, in no coding. */
import { type Outcome, ok } from "../../outcome.ts";
import type { Headers } from "../http/head.ts";
import { findHeaders, type Request } from "../http/request.ts";
import { charsetOf, decodeJson, isJsonType, type Json } from "./json.ts";

/** What a route wants to be sent. */
export type Body =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly optional?: boolean; readonly bytesMax?: number; readonly valuesMax?: number }
  | { readonly kind: "bytes"; readonly bytesMax: number };

const JSON_BYTES_MAX = 2 * 1024 * 1024;
/** Some clients send a body where none is wanted. Unread, it would cost them their connection. */
const IGNORED_BYTES_MAX = 64 * 1024;

export function bytesMaxOf(body: Body): number {
  if (body.kind === "none") return IGNORED_BYTES_MAX;
  return body.bytesMax ?? JSON_BYTES_MAX;
}

/** Why a body is of no use: an answer of status 415, with headers that name what is read. */
export interface Unsupported {
  readonly detail: string;
  readonly headers: Headers;
}

/** Looks at the headers of the body, before it is read. */
export function findUnsupported(request: Request, body: Body): Unsupported | undefined {
  if (body.kind === "json" && !isJsonType(request.header("content-type")))
    return { detail: "the body must be JSON: Content-Type: application/json", headers: JSON_WANTED };
  if (request.bodyBytes === 0 || request.method === "GET") return undefined;
  const coding = findCoding(request);
  // RFC 9110 §12.5.3: a 415 for a coding names those that are read.
  if (coding !== undefined)
    return {
      detail: `the body must be sent without Content-Encoding, not as ${coding.slice(0, 100)}`,
      headers: { "Accept-Encoding": "identity" },
    };
  // Where bytes are stored their type is nobody's business.
  const charset = body.kind === "json" ? charsetOf(request.header("content-type")) : undefined;
  if (charset === undefined || charset === "utf-8") return undefined;
  return { detail: `the body must be JSON in UTF-8, not in ${charset.slice(0, 100)}`, headers: JSON_WANTED };
}

const JSON_WANTED: Headers = { "Accept-Post": "application/json" };

function findCoding({ rawHeaders }: Request): string | undefined {
  const codings = findHeaders(rawHeaders, "content-encoding");
  return codings.find((coding) => coding !== "" && coding.toLowerCase() !== "identity");
}

const NOTHING: Outcome<Json> = ok(undefined);

/** The value of a JSON body; undefined where the route wants none, or where an optional one is left out. */
export function jsonIn(bytes: Buffer, body: Body): Outcome<Json> {
  if (body.kind !== "json" || (body.optional === true && bytes.length === 0)) return NOTHING;
  return decodeJson(bytes, body.valuesMax);
}
