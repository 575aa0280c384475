/** Headers of answers. */

export type Headers = Record<string, string | number | readonly string[] | undefined>;

/** Headers that many answers share, checked and written once. */
export class Head {
  readonly lines: string;

  /** `before`: some that were written already. */
  constructor(headers: Headers, before?: Head | Headers) {
    this.lines = (before === undefined ? "" : linesOf(before)) + linesOf(headers);
  }
}

// RFC 9110 §5.5 and §5.6.2: what would end a line early, or a name, must never get into it.
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Set by the listener itself. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "keep-alive", "date"]);

/** Complete lines, each with its end. Headers that frame the answer are left out. */
export function linesOf(headers: Head | Headers): string {
  if (headers instanceof Head) return headers.lines;
  let lines = "";
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    if (!TOKEN.test(name)) throw new Error(`bad header name ${JSON.stringify(name)}`);
    if (FRAMING.has(name.toLowerCase())) continue;
    for (const one of typeof value === "object" ? value : [String(value)]) {
      if (BAD_VALUE.test(one)) throw new Error(`bad value of the header ${name}`);
      lines += `${name}: ${one}\r\n`;
    }
  }
  return lines;
}
