/** Where one value of JSON ends and the next begins: a body may hold several, one for each message of a stream. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Each object of a body by its own bytes; what is none of them, or is not whole, as the last. */
export function* splitValues(body: Buffer): Iterable<Buffer> {
  let [depth, from] = [0, -1];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] as number;
    if (byte === QUOTE) at = endOfText(body, at);
    else if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte)) depth--;
    if (from < 0 && !BLANK.has(byte)) from = at;
    if (depth > 0 || from < 0 || !CLOSE.has(byte)) continue;
    yield body.subarray(from, at + 1);
    [depth, from] = [0, -1];
  }
  if (from >= 0) yield body.subarray(from);
}

function endOfText(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
}
