import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from "node:http";
import { type AgentOptions, Agent as TlsAgent, request as tlsRequest } from "node:https";
import { Readable } from "node:stream";

/** `ca`, `cert`, `key`, `pfx`, `passphrase`, `servername`, …: what `node:tls` takes. */
export type TlsOptions = Pick<
  AgentOptions,
  "ca" | "cert" | "key" | "pfx" | "passphrase" | "servername" | "rejectUnauthorized" | "minVersion"
>;

/**
 * A `fetch` for `createClient` that trusts a certificate authority of your own and shows a client certificate, without
 * environment variables. It does what the client needs: no redirects, no cookies, bodies that are text or bytes.
 */
export function createFetch(tls: TlsOptions): typeof globalThis.fetch {
  const shared = { keepAlive: true, keepAliveMsecs: 15_000 };
  const agents = { plain: new PlainAgent(shared), tls: new TlsAgent({ ...shared, ...tls }) };
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(typeof input === "object" && "url" in input ? input.url : input);
      const { method = "GET", signal, body } = init;
      if (signal?.aborted) return reject(signal.reason);
      const isTls = url.protocol === "https:";
      const headers = Object.fromEntries(new Headers(init.headers));
      const options = { method, headers, agent: isTls ? agents.tls : agents.plain };
      const request = (isTls ? tlsRequest : plainRequest)(url, options, (answer) => {
        answer.once("close", forget);
        resolve(toResponse(answer));
      });
      const abort = () => request.destroy(signal?.reason);
      const forget = () => signal?.removeEventListener("abort", abort);
      signal?.addEventListener("abort", abort, { once: true });
      request.once("error", (error) => {
        forget();
        // As fetch says it: the cause tells what went wrong.
        reject(signal?.aborted ? signal.reason : new TypeError("fetch failed", { cause: error }));
      });
      request.end(body instanceof Uint8Array || typeof body === "string" ? body : undefined);
    });
}

/** Statuses whose answers have no body (Fetch, 2.2.3). */
const BODILESS: ReadonlySet<number | undefined> = new Set([101, 204, 205, 304]);

function toResponse(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headersDistinct))
    for (const one of value ?? []) headers.append(name, one);
  const { statusCode: status = 200, statusMessage: statusText = "" } = answer;
  if (BODILESS.has(status)) answer.resume();
  const body = BODILESS.has(status) ? null : (Readable.toWeb(answer) as ReadableStream);
  return new Response(body, { status, statusText, headers });
}
