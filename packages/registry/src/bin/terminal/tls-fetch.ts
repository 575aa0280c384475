/** A fetch with its own certificates: what Node's global one cannot be given. Only what the SDK uses of it. */
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
}

export function createTlsFetch(files: TlsFiles): typeof globalThis.fetch {
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  const agent = new Agent({
    keepAlive: true,
    ca: read(files.ca),
    cert: read(files.clientCert),
    key: read(files.clientKey),
  });
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(String(input));
      const headers = init.headers as Record<string, string>;
      const options = { method: init.method ?? "GET", headers, ...(init.signal && { signal: init.signal }) };
      const request = url.protocol === "https:" ? httpsRequest(url, { ...options, agent }) : httpRequest(url, options);
      request.once("response", (message) => resolve(toResponse(message)));
      request.once("error", reject);
      request.end(init.body as string | Uint8Array | undefined);
    });
}

function toResponse(message: IncomingMessage): Response {
  const { statusCode: status = 500, statusMessage: statusText = "", rawHeaders } = message;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  const isBodiless = status === 204 || status === 304;
  if (isBodiless) message.resume();
  const body = isBodiless ? null : (Readable.toWeb(message) as unknown as ReadableStream<Uint8Array>);
  return new Response(body, { status, statusText, headers });
}
