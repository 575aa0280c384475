/** Bodies of requests: read within bounds, unpacked within bounds, of a type that is understood. */
import { gunzip } from "node:zlib";
import { type Outcome, ok } from "../../../core/index.ts";
import type { Request } from "../../../net/http/request.ts";
import type { Format } from "../wire/messages.ts";

interface Typed {
  readonly bytes: Buffer;
  readonly format: Format;
}

/** Status 0: the client is gone. */
type Body = Outcome<Typed, { readonly status: number }>;

/**
 * Calls back once. Other types than JSON and XML are refused: 415, as the original does. It also keeps pages of other
 * sites from writing here, since a browser sends these two types nowhere without asking first.
 */
export function readTyped(request: Request, bytesMax: number, done: (body: Body) => void): void {
  const format = formatOf(request.header("content-type"));
  const coding = (request.header("content-encoding") ?? "identity").trim().toLowerCase();
  request.takeBody(bytesMax, (body) => {
    if (!body.ok) done({ ok: false, status: body.refusal === "unavailable" ? 0 : 413 });
    else if (format === undefined) done({ ok: false, status: 415 });
    else if (coding === "identity") done(ok({ bytes: body.value, format }));
    else if (coding === "gzip" || coding === "x-gzip") unpack(body.value, bytesMax, format, done);
    else done({ ok: false, status: 415 });
  });
}

function unpack(packed: Buffer, bytesMax: number, format: Format, done: (body: Body) => void): void {
  gunzip(packed, { maxOutputLength: bytesMax }, (error, bytes) => {
    if (error === null) done(ok({ bytes, format }));
    else done({ ok: false, status: "code" in error && error.code === "ERR_BUFFER_TOO_LARGE" ? 413 : 400 });
  });
}

function formatOf(type: string | undefined): Format | undefined {
  const name = type?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (name === "application/json" || /^application\/[\w.-]+\+json$/.test(name)) return "json";
  if (name === "application/xml" || name === "text/xml" || /^application\/[\w.-]+\+xml$/.test(name)) return "xml";
  return undefined;
}
