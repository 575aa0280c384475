/** Paths as Go's router takes them: decoded first, then cleaned. */
import { type Outcome, ok } from "../../../core/index.ts";
import { decodeSegment } from "../../../net/http/query.ts";

const CLEAN: Outcome<undefined> = ok(undefined);
/** Most paths have nothing that would have to be looked at. */
const SUSPECT = /[^!-$&-~]|\/[/.]/;
/** Only these can be cleaned away. */
const UNCLEAN = /\/\/|\/\.{1,2}(?:\/|$)/;

/** Where a client is sent that writes a path with empty segments or dots; undefined when it is clean. */
export function cleanedOf(path: string): Outcome<string | undefined> {
  if (!SUSPECT.test(path)) return CLEAN;
  const decoded = decodeSegment(path);
  if (!decoded.ok) return decoded;
  if (!UNCLEAN.test(decoded.value)) return ok(undefined);
  const segments: string[] = [];
  for (const segment of decoded.value.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(encodeURIComponent(segment));
  }
  const end = decoded.value.endsWith("/") && segments.length > 0 ? "/" : "";
  return ok(`/${segments.join("/")}${end}`);
}
