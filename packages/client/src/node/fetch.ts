import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from "node:http";
import type { AgentOptions } from "node:https";
import { Readable } from "node:stream";
import type { Fetch } from "../http/fetch.ts";
import { BODILESS, NodeAnswer } from "./answer.ts";

/** `ca`, `cert`, `key`, `pfx`, `passphrase`, `servername`, …: what `node:tls` takes. */
export type TlsOptions = Pick<
  AgentOptions,
  "ca" | "cert" | "key" | "pfx" | "passphrase" | "servername" | "rejectUnauthorized" | "minVersion"
>;

/**
 * A `fetch` that trusts a certificate authority of your own and shows a client certificate, without environment variables.
 * It does what the client needs: no redirects, no cookies, bodies that are text or bytes.
 */
export function createFetch(tls: TlsOptions): typeof globalThis.fetch {
  const send = createSend(tls);
  return async (input, init = {}) => {
    const url = typeof input === "object" && "url" in input ? input.url : input;
    return toResponse(await send(url, init, Object.fromEntries(new Headers(init.headers))));
  };
}

/**
 * The same for `createClient` alone, for a process that runs for a moment: none of the platform's own fetch is loaded, nor
 * TLS before it is spoken.
 */
export function createQuickFetch(tls: TlsOptions): Fetch {
  const send = createSend(tls);
  return async (url, init) => new NodeAnswer(await send(url, init, init.headers as Record<string, string>));
}

type Send = (url: string | URL, init: RequestInit, headers: Record<string, string>) => Promise<IncomingMessage>;

/** Resolves with the head of the answer. */
function createSend(tls: TlsOptions): Send {
  const shared = { keepAlive: true, keepAliveMsecs: 15_000 };
  const plain = { request: plainRequest, agent: new PlainAgent(shared) };
  let secure: Promise<{ request: typeof plainRequest; agent: PlainAgent }> | undefined;
  const openSecure = async () => {
    const { Agent, request } = await import("node:https");
    return { request, agent: new Agent({ ...shared, ...tls }) };
  };
  return async (target, { method = "GET", signal, body }, headers) => {
    const url = new URL(target);
    if (url.protocol === "https:") secure ??= openSecure();
    const { request: ask, agent } = url.protocol === "https:" && secure !== undefined ? await secure : plain;
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const request = ask(url, { method, headers, agent }, (answer) => {
        answer.once("close", forget);
        resolve(answer);
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
  };
}

function toResponse(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headersDistinct))
    for (const one of value ?? []) headers.append(name, one);
  const { statusCode: status = 200, statusMessage: statusText = "" } = answer;
  if (BODILESS.has(status)) answer.resume();
  const body = BODILESS.has(status) ? null : (Readable.toWeb(answer) as ReadableStream);
  return new Response(body, { status, statusText, headers });
}
