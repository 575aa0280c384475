/**
 * Web pages of other origins that may read answers, as the Fetch standard has browsers ask for it (CORS). What others
 * than browsers send is not concerned. Credentials are in headers of the request, never in cookies.
 */
import { findHeader } from "../request.ts";

/** What the first look at a request tells. */
interface Asked {
  readonly method: string;
  readonly rawHeaders: readonly string[];
}

/** What a page that is allowed gets. */
export interface Allowed {
  /** Lines for the head of the answer. */
  readonly lines: string;
  /** It only asks what it may send. */
  readonly preflight: boolean;
  /** Its origin was named, and not only taken in by "*": it is no foreign page. */
  readonly named: boolean;
}

const METHODS = "GET, HEAD, PUT, POST, PATCH, DELETE";
const HEADERS =
  "Accept, Authorization, Cache-Control, Content-Type, If-Match, If-None-Match, Last-Event-ID, X-Auth-Token";
const EXPOSED = "Allow, ETag, Location, Retry-After";
/** Browsers ask again after so many seconds. */
const MAX_AGE_S = 600;

const ORIGIN = /^https?:\/\/(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

/** Whether this is how a browser writes an origin, or "*" for all of them. */
export function isOrigin(text: string): boolean {
  return text === "*" || ORIGIN.test(text);
}

export class Pages {
  readonly #origins: ReadonlySet<string>;

  /** Each one passes `isOrigin`. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Undefined for what comes from no page, or from one that is not allowed. */
  find({ method, rawHeaders }: Asked): Allowed | undefined {
    if (this.#origins.size === 0) return undefined;
    const origin = findHeader(rawHeaders, "origin");
    if (origin === undefined) return undefined;
    const named = this.#origins.has(origin);
    if (!named && !this.#origins.has("*")) return undefined;
    const first = `Access-Control-Allow-Origin: ${named ? origin : "*"}\r\nVary: Origin\r\n`;
    const preflight = method === "OPTIONS" && findHeader(rawHeaders, "access-control-request-method") !== undefined;
    if (!preflight) return { lines: `${first}Access-Control-Expose-Headers: ${EXPOSED}\r\n`, preflight, named };
    const isPrivate = findHeader(rawHeaders, "access-control-request-private-network") === "true";
    const lines = [
      `Access-Control-Allow-Methods: ${METHODS}`,
      `Access-Control-Allow-Headers: ${HEADERS}`,
      `Access-Control-Max-Age: ${MAX_AGE_S}`,
      ...(named && isPrivate ? ["Access-Control-Allow-Private-Network: true"] : []),
    ];
    return { lines: `${first}${lines.join("\r\n")}\r\n`, preflight, named };
  }
}
