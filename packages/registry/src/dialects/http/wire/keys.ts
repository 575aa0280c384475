/** Keys in paths: byte strings, percent-encoded. */
import { type Bytes, LIMITS, type Outcome, ok, refuse } from "../../../core/index.ts";

/** The bytes that a raw path tail or query value stands for, percent-decoded once. */
export function decodeKey(raw: string): Outcome<Bytes> {
  if (raw.length > LIMITS.keyBytesMax * 3) return refuse("too-large", `key is longer than ${LIMITS.keyBytesMax} bytes`);
  let key = raw;
  if (raw.includes("%")) {
    let bad = false;
    key = raw.replace(/%(..?)?/gs, (whole, digits: string | undefined) => {
      if (digits === undefined || !/^[0-9A-Fa-f]{2}$/.test(digits)) {
        bad = true;
        return whole;
      }
      return String.fromCharCode(Number.parseInt(digits, 16));
    });
    if (bad) return refuse("invalid", "bad percent-escape in the key");
  }
  if (key.length > LIMITS.keyBytesMax) return refuse("too-large", `key is longer than ${LIMITS.keyBytesMax} bytes`);
  return ok(key);
}
