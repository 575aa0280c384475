/** Answers as Eureka's clients take them: in which form, with which headers, and above all with which bodies left out. */
import type { Body } from "../../../net/answers/parts.ts";
import { Head } from "../../../net/http/head.ts";
import type { Request } from "../../../net/http/request.ts";
import { preferredOf, takesGzip } from "../../../net/routes/accept.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { allowOf } from "../../../net/routes/table.ts";
import type { Form } from "../fetch/piece.ts";
import type { Done } from "../instances/operations.ts";
import { writeInstance } from "../wire/bodies.ts";
import type { Format } from "../wire/messages.ts";

const TYPES: Readonly<Record<Format, string>> = { json: "application/json", xml: "application/xml" };
const VARY = "Accept, Accept-Encoding";

const NO_HEADERS = new Head({});
const TEXT = new Head({ "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" });
const AS_IS: Readonly<Record<Format, Head>> = {
  json: new Head({ "Content-Type": TYPES.json, Vary: VARY }),
  xml: new Head({ "Content-Type": TYPES.xml, Vary: VARY }),
};
const GZIPPED: Readonly<Record<Format, Head>> = {
  json: new Head({ "Content-Type": TYPES.json, "Content-Encoding": "gzip", Vary: VARY }),
  xml: new Head({ "Content-Type": TYPES.xml, "Content-Encoding": "gzip", Vary: VARY }),
};
const CHALLENGE = new Head({ "WWW-Authenticate": 'Basic realm="rollcall", charset="UTF-8"' });
const LATER = new Head({ "Retry-After": "1" });

/** Who are you? Clients that know a user and a password send them unasked; people are asked by their browser. */
export const UNKNOWN: Answer = { status: 401, head: CHALLENGE };

/** Clients take every 503 as a reason to go to the next server. */
export const BUSY: Answer = { status: 503, head: LATER };

/**
 * A status and not a byte more. Java's clients parse what they find in the answer to a heartbeat, also with 404, and
 * then never register again.
 */
export function empty(status: number): Answer {
  return { status, head: NO_HEADERS };
}

export function notAllowed(methods: readonly string[]): Answer {
  return { status: 405, head: { Allow: allowOf(methods) } };
}

/** A sentence for people, where clients look at the status alone. */
export function sentence(status: number, body: string): Answer {
  return { status, head: TEXT, body };
}

export function inForm({ format, gzip }: Form, body: Body): Answer {
  return { status: 200, head: (gzip ? GZIPPED : AS_IS)[format], body };
}

export function inFormat(format: Format, body: string, status = 200): Answer {
  return { status, head: AS_IS[format], body };
}

/** How an operation ended. */
export function toAnswer(request: Request, { statusCode, responseEntity, detail }: Done): Answer {
  if (responseEntity !== undefined) {
    const format = singleFormatOf(request);
    return inFormat(format, writeInstance(format, responseEntity), statusCode);
  }
  if (statusCode === 503) return BUSY;
  return statusCode === 400 && detail !== undefined ? sentence(statusCode, detail) : empty(statusCode);
}

/** The form of a list: JSON when Accept speaks of it, else XML, also when there is no Accept; gzip when it is taken. */
export function formOf(request: Request): Form {
  const format = request.header("accept")?.includes("json") === true ? "json" : "xml";
  return { format, gzip: takesGzip(request.header("accept-encoding")) };
}

/** The format of a single instance: negotiated, and XML when both are as welcome. */
export function singleFormatOf(request: Request): Format {
  return preferredOf(request.header("accept"), ["application/xml", "application/json"]) === TYPES.json ? "json" : "xml";
}
