/** What a client speaks, by the first bytes that it sends. */

/** A record of TLS with the beginning of a handshake: RFC 8446 §5.1. */
export function looksLikeTls(first: Uint8Array): boolean {
  return first[0] === 0x16 && first[1] === 3 && (first[2] ?? 0) <= 4;
}

/** The method of a request: RFC 9112 §3.1. Nothing of TLS begins with a capital letter. */
export function looksLikeHttp(first: Uint8Array): boolean {
  const byte = first[0] ?? 0;
  return byte >= 0x41 && byte <= 0x5a;
}

const METHOD = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|PRI) /;

/** The same where other bytes may mean something, too. */
export function isHttp(first: Uint8Array): boolean {
  return METHOD.test(String.fromCharCode(...first.subarray(0, 8)));
}
