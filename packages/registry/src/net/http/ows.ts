/** White space of header values: spaces and tabs, and nothing else that may look like it (RFC 9110 §5.6.3). */

/** The text, or the part of it from `start` to `end`, without the white space around it. */
export function trimOws(text: string, start = 0, end = text.length): string {
  let from = start;
  let to = end;
  while (from < to && isOws(text.charCodeAt(from))) from++;
  while (to > from && isOws(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
