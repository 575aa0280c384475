/** Why a target was not reached, in the words of Go's programs: people and tools look for these. */

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  EADDRNOTAVAIL: "connect: cannot assign requested address",
  ETIMEDOUT: "i/o timeout",
  EMFILE: "socket: too many open files",
  ENFILE: "socket: too many open files in system",
};
const RESET: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ERR_HTTP2_STREAM_CANCEL"]);

/** `place`: the address and port that were connected to. */
export function sayDial(error: unknown, place: string, network: "tcp" | "udp" = "tcp"): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (WORDS[code] !== undefined) return `dial ${network} ${place}: ${WORDS[code]}`;
  if (RESET.has(code))
    return /socket hang up|before secure/.test(message) ? "EOF" : `read tcp ${place}: connection reset by peer`;
  if (code.startsWith("HPE_")) return `malformed HTTP response: ${message.replace(/^Parse Error: /, "")}`;
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || CERTIFICATE.test(code)) return `tls: ${message}`;
  return message;
}

/** Codes of OpenSSL for certificates that are not good. */
const CERTIFICATE = /CERT|^UNABLE_|_SIGNATURE|_CRL|HOSTNAME_MISMATCH/;

export function sayLookup(error: unknown, host: string): string {
  const { code } = error as NodeJS.ErrnoException;
  const why = code === "ENOTFOUND" || code === "ENODATA" ? "no such host" : "server misbehaving";
  return `dial tcp: lookup ${host}: ${why}`;
}

export function placeOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
