/** The HTTP side of a listener as dialects see it. Raw node:http: see docs/decisions/0003. */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Serves one request. `path` is the raw path (percent-escapes and double slashes as sent), `query` the raw query
 * string without "?". A handler must answer every request; what it throws is answered as 500 and logged.
 */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, path: string, query: string) => void;

/**
 * Tells for which requests the handler uses nothing of request and answer but the functions of `exchange.ts`, answers
 * at once, and streams nothing: these may come the short way (`plain/`), which costs about half.
 */
export type IsPlain = (method: string, path: string, query: string) => boolean;

export interface HttpListener {
  readonly host: string;
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  readonly secure: boolean;
  /** Longest prefix wins. A prefix ends in "/" or is an exact path. `dialect` labels the metrics. */
  mount(prefix: string, dialect: string, handler: HttpHandler, isPlain?: IsPlain): void;
  /** Called once when the listener begins to drain; streams must end soon. Returns its cancel. */
  onDrain(end: () => void): () => void;
}
