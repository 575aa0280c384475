/** Answers encoded once: a service's JSON at its revision, and the short ones that repeat. */
import type { ServiceView } from "../../../core/index.ts";
import { Head } from "../../../net/http/head.ts";
import { encodeTag } from "../wire/json.ts";

export interface Encoded {
  readonly revision: number;
  readonly tag: string;
  readonly head: Head;
  readonly body: Buffer;
}

const BYTES_MAX = 64 * 1024 * 1024;
/** Answers of more than this would push out too many others. */
const ENTRY_BYTES_MAX = BYTES_MAX / 8;

/** Bounded by bytes; the one that was encoded longest ago goes first. */
export class AnswerCache {
  readonly #entries = new Map<ServiceView, Encoded>();
  #bytes = 0;

  /** The service's answer at its present revision; `encode` makes it when it is not there. */
  get(service: ServiceView, encode: () => string): Encoded {
    const known = this.#entries.get(service);
    if (known !== undefined && known.revision === service.revision) return known;
    const encoded = toEncoded(service.revision, encode());
    this.drop(service);
    if (encoded.body.length > ENTRY_BYTES_MAX) return encoded;
    this.#entries.set(service, encoded);
    this.#bytes += encoded.body.length;
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= BYTES_MAX) break;
      this.drop(oldest);
    }
    return encoded;
  }

  drop(service: ServiceView): void {
    const known = this.#entries.get(service);
    if (known === undefined) return;
    this.#entries.delete(service);
    this.#bytes -= known.body.length;
  }
}

function toEncoded(revision: number, text: string): Encoded {
  const body = Buffer.from(text, "utf8");
  const tag = encodeTag(revision);
  const head = new Head({ "Content-Type": "application/json", ETag: tag, "Cache-Control": "no-cache" });
  return { revision, tag, head, body };
}

const BEATS_MAX = 1024;
const beats = new Map<number | null, string>();

/** The answer to a heartbeat. */
export function encodeBeat(ttlMs: number | null): string {
  let body = beats.get(ttlMs);
  if (body === undefined) {
    body = JSON.stringify({ ttlMs });
    if (beats.size >= BEATS_MAX) beats.clear();
    beats.set(ttlMs, body);
  }
  return body;
}
