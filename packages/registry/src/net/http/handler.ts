/** The HTTP side of a listener as dialects see it. Raw node:http: see docs/decisions/0003. */
import type { Reply, Streaming } from "./reply.ts";
import type { Request } from "./request.ts";

/**
 * Who serves a request. Where answers go out whole, requests may come the short way (`plain/`), which costs about half.
 * Every request must be answered; what `serve` throws is answered as 500 and logged.
 */
export type Handler =
  | { readonly streams: false; serve(request: Request, reply: Reply): void }
  | { readonly streams: true; serve(request: Request, reply: Streaming): void };

/** Finds who serves a request by what its first line says: HEAD is shown as GET, path and query are raw. */
export type Find = (method: string, path: string, search: string) => Handler;

/** For a mount that serves all requests by one function, and streams none. */
export function whole(serve: (request: Request, reply: Reply) => void): Find {
  const handler: Handler = { streams: false, serve };
  return () => handler;
}

export interface HttpListener {
  readonly host: string;
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  readonly secure: boolean;
  /** Longest prefix wins. A prefix ends in "/" or is an exact path. `dialect` labels the metrics. */
  mount(prefix: string, dialect: string, find: Find): void;
  /** Called once when the listener begins to drain; streams must end soon. Returns its cancel. */
  onDrain(end: () => void): () => void;
}
