/** JSON as Consul reads and writes it, which is how Go does. */
import { type Outcome, refuse } from "../../../core/index.ts";
import { decodeGoJson, type Json } from "../../../net/routes/json.ts";

export { encodeGoJson as encodeJson } from "../../../net/routes/json.ts";

/** The value of a body. Whole numbers of 16 digits or more come as text; `Fields` reads both. */
export function decodeBody(body: Buffer): Outcome<Json> {
  const decoded = decodeGoJson(body);
  return decoded.ok || decoded.refusal !== "invalid" ? decoded : refuse("invalid", decoded.detail);
}

/** With line ends and four blanks for each level, as `?pretty` wants it; numbers stay as they are written. */
export function prettify(json: string): string {
  let text = "";
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const sign = json[at] as string;
    if (sign === '"') {
      const end = endOfText(json, at);
      text += json.slice(at, end + 1);
      at = end;
    } else if (sign === "{" || sign === "[") {
      const close = json[at + 1];
      if (close === "}" || close === "]") {
        text += sign + close;
        at++;
      } else text += sign + line(++depth);
    } else if (sign === "}" || sign === "]") text += line(--depth) + sign;
    else if (sign === ",") text += sign + line(depth);
    else if (sign === ":") text += ": ";
    else text += sign;
  }
  return text;
}

function line(depth: number): string {
  return `\n${"    ".repeat(depth)}`;
}

function endOfText(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === "\\") at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}
