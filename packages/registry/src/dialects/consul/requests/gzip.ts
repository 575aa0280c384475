/** Compressed answers, for clients that take them. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Part, Shared } from "../../../net/answers/parts.ts";
import { Head } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { gather } from "../wire/answer.ts";

/** Shorter ones gain nothing: as in the original. */
const BYTES_MIN = 1400;
/** Longer ones go out part by part, as they are. */
const BYTES_MAX = 1024 * 1024;
/** Half the time of zlib's own choice for a tenth more bytes. */
const LEVEL = 3;

const GZIP = { "Content-Encoding": "gzip" };

const zip = promisify(gzip) as (bytes: Part, options: { readonly level: number }) => Promise<Buffer>;

/** What many are answered with is compressed once. */
const kept = new WeakMap<Shared, Promise<Shared>>();

/** Off this thread. Short and long bodies stay as they are. */
export function compress(answer: Answer): Answer | Promise<Answer> {
  const { body } = answer;
  if (body === undefined) return answer;
  if (body instanceof Shared) {
    if (!isFit(body.whole)) return answer;
    let zipped = kept.get(body);
    if (zipped === undefined) {
      zipped = zip(body.whole, { level: LEVEL }).then((bytes) => new Shared(bytes));
      kept.set(body, zipped);
    }
    return zipped.then((bytes) => zippedAs(answer, bytes));
  }
  const whole = typeof body === "string" || Buffer.isBuffer(body) ? body : gather(body, BYTES_MAX);
  if (typeof whole !== "string" && !Buffer.isBuffer(whole)) return { ...answer, body: whole };
  if (!isFit(whole)) return { ...answer, body: whole };
  return zip(whole, { level: LEVEL }).then((bytes) => zippedAs(answer, bytes));
}

function isFit({ length }: Part): boolean {
  return length >= BYTES_MIN && length <= BYTES_MAX;
}

function zippedAs(answer: Answer, body: Buffer | Shared): Answer {
  return { ...answer, head: new Head(GZIP, answer.head), body };
}
