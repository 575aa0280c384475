/** @live One request of our own, to an address that was chosen for it, with a deadline. What it answers beside its status is not read. */
import { request } from "node:http";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type SecureContext } from "node:tls";

/** Of an answer's head: more is an error of the target's. */
const HEAD_BYTES_MAX = 16 * 1024;

export interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** `unreachable`: nothing was sent. `lost`: it may have been, but no answer came. */
export type Ended =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "unreachable" | "lost"; readonly why: string };

/** Whatever it answers, it was told; a redirect is not followed. */
export function send(
  { method, url, headers, body }: Sent,
  address: string,
  trusted: () => SecureContext,
  signal: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve) => {
    let connected = false;
    const end = (why: string): void => resolve({ kind: connected ? "lost" : "unreachable", why });
    const outgoing = request({
      method,
      path: url.pathname + url.search,
      host: url.hostname,
      headers: {
        Host: url.host,
        "User-Agent": "rollcall",
        ...headers,
        "Content-Length": Buffer.byteLength(body),
        Connection: "close",
      },
      maxHeaderSize: HEAD_BYTES_MAX,
      createConnection: () =>
        connect(url, address, trusted)
          // One that comes before the request listens harms nobody.
          .on("error", () => {})
          .once(readyOf(url), () => {
            connected = true;
          }),
      signal,
    });
    outgoing.on("response", (response) => {
      response.destroy();
      resolve({ kind: "answered", status: response.statusCode ?? 0 });
    });
    outgoing.on("error", (error) => end(signal.aborted ? "no answer in time" : error.message));
    outgoing.on("close", () => end("the connection ended without an answer"));
    outgoing.end(body);
  });
}

function readyOf(url: URL): string {
  return url.protocol === "https:" ? "secureConnect" : "connect";
}

function connect(url: URL, address: string, trusted: () => SecureContext): Socket {
  const isSecure = url.protocol === "https:";
  const port = Number(url.port) || (isSecure ? 443 : 80);
  if (!isSecure) return connectPlain({ host: address, port });
  const host = hostOf(url);
  return connectTls({
    host: address,
    port,
    secureContext: trusted(),
    // An address is no name to ask for (RFC 6066 §3), but the certificate must have it.
    servername: isIP(host) === 0 ? host : "",
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  });
}

/** Without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}
