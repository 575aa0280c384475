/** Bodies of requests: of a type that is understood, unpacked within bounds. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Outcome, ok } from "../../../core/index.ts";
import { trimOws } from "../../../net/http/ows.ts";
import type { Call } from "../desk.ts";
import type { Format } from "../wire/messages.ts";

const unzip = promisify(gunzip);

interface Typed {
  readonly bytes: Buffer;
  readonly format: Format;
}

/**
 * Other types than JSON and XML are refused: 415, as the original does. It also keeps pages of other sites from writing
 * here, since a browser sends these two types nowhere without asking first.
 */
export async function unpack(
  { request, body }: Call,
  bytesMax: number,
): Promise<Outcome<Typed, { readonly status: number }>> {
  const format = formatOf(request.header("content-type"));
  const coding = (request.header("content-encoding") ?? "identity").toLowerCase();
  if (format === undefined) return { ok: false, status: 415 };
  if (coding === "identity") return ok({ bytes: body, format });
  if (coding !== "gzip" && coding !== "x-gzip") return { ok: false, status: 415 };
  try {
    return ok({ bytes: await unzip(body, { maxOutputLength: bytesMax }), format });
  } catch (error) {
    return { ok: false, status: (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? 413 : 400 };
  }
}

function formatOf(type: string | undefined): Format | undefined {
  const name = trimOws(type?.split(";", 1)[0] ?? "").toLowerCase();
  if (name === "application/json" || /^application\/[\w.-]+\+json$/.test(name)) return "json";
  if (name === "application/xml" || name === "text/xml" || /^application\/[\w.-]+\+xml$/.test(name)) return "xml";
  return undefined;
}
