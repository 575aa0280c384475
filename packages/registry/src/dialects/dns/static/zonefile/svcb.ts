/** SVCB and HTTPS records as zone files write them: RFC 9460 §2.1 and Appendix A. */
import type { Bytes } from "../../../../core/index.ts";
import { addressBytes } from "../../wire/address.ts";
import { two } from "../../wire/bytes.ts";
import { readBytes, type Words } from "./words.ts";

/** RFC 9460 §14.3.2, RFC 9461 §5. */
const KEYS: Readonly<Record<string, number>> = {
  mandatory: 0,
  alpn: 1,
  "no-default-alpn": 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
  dohpath: 7,
};
const U16 = 0xffff;

/** All parameters to the end of the entry, sorted by their keys, as they are on the wire. */
export function parseParameters(words: Words): Bytes {
  const values = new Map<number, Bytes>();
  while (words.left > 0 && words.fault === undefined) {
    const [name, text] = takeParameter(words);
    const key = toKey(name);
    if (key === undefined) words.fail(`unknown parameter "${name.slice(0, 80)}"`);
    else if (values.has(key)) words.fail(`the parameter ${name} is there twice`);
    else {
      const value = toValue(name, key, text);
      if (value === undefined) words.fail(`the value of the parameter ${name} is none`);
      else values.set(key, value);
    }
  }
  if (words.fault === undefined) checkTogether(values, words);
  const sorted = [...values].sort(([one], [other]) => one - other);
  return sorted.map(([key, value]) => two(key) + two(value.length) + value).join("");
}

/** `name`, `name=value`, or `name="value"`, which the scanner takes for two words. */
function takeParameter(words: Words): readonly [name: string, value: Bytes | undefined] {
  const { text } = words.take("a parameter");
  const equals = text.indexOf("=");
  if (equals < 0) return [text.toLowerCase(), undefined];
  const quoted = equals === text.length - 1 && words.peek()?.quoted === true;
  return [text.slice(0, equals).toLowerCase(), quoted ? words.take("the value").text : text.slice(equals + 1)];
}

function toKey(name: string): number | undefined {
  if (Object.hasOwn(KEYS, name)) return KEYS[name];
  const number = /^key(0|[1-9][0-9]{0,4})$/.exec(name)?.[1];
  // 65535 is reserved, and `key0` would be `mandatory` in another form.
  return number !== undefined && Number(number) > 0 && Number(number) < U16 ? Number(number) : undefined;
}

function toValue(name: string, key: number, text: Bytes | undefined): Bytes | undefined {
  const bytes = text === undefined ? "" : readBytes(text);
  if (bytes === undefined || bytes.length > U16) return undefined;
  if (name.startsWith("key")) return bytes;
  switch (key) {
    case KEYS.mandatory:
      return listOf(
        bytes,
        (item) => {
          const wanted = toKey(item.toLowerCase());
          return wanted === undefined ? undefined : two(wanted);
        },
        true,
      );
    case KEYS.alpn:
      return listOf(bytes, (item) => (item.length <= 255 ? String.fromCharCode(item.length) + item : undefined));
    case KEYS["no-default-alpn"]:
      return text === undefined ? "" : undefined;
    case KEYS.port:
      return /^[0-9]{1,5}$/.test(bytes) && Number(bytes) <= U16 ? two(Number(bytes)) : undefined;
    case KEYS.ipv4hint:
    case KEYS.ipv6hint: {
      const length = key === KEYS.ipv4hint ? 4 : 16;
      return listOf(bytes, (item) => {
        const address = addressBytes(item);
        return address?.length === length ? address : undefined;
      });
    }
    case KEYS.ech:
      return /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(bytes)
        ? Buffer.from(bytes, "base64").toString("latin1")
        : undefined;
    default:
      return bytes === "" ? undefined : bytes;
  }
}

/** Items between commas; a comma or backslash in an item has a backslash before it (Appendix A.1). */
function listOf(bytes: Bytes, encode: (item: Bytes) => Bytes | undefined, sorted = false): Bytes | undefined {
  const items: Bytes[] = [];
  for (const item of bytes.match(/(?:[^\\,]|\\[\\,])+|,/g) ?? []) if (item !== ",") items.push(item);
  // Empty items and stray backslashes are errors.
  if (items.length === 0 || items.join(",") !== bytes) return undefined;
  const encoded = items.map((item) => encode(item.replace(/\\([\\,])/g, "$1")));
  if (encoded.includes(undefined)) return undefined;
  return (sorted ? encoded.sort() : encoded).join("");
}

/** Keys that need others: RFC 9460 §7.1.1, §8. */
function checkTogether(values: ReadonlyMap<number, Bytes>, words: Words): void {
  if (values.has(2) && !values.has(1)) words.fail("no-default-alpn needs alpn");
  const mandatory = values.get(0) ?? "";
  let last = 0;
  for (let at = 0; at < mandatory.length; at += 2) {
    const key = (mandatory.charCodeAt(at) << 8) | mandatory.charCodeAt(at + 1);
    if (key === 0 || key === last || !values.has(key)) words.fail("mandatory names a parameter that is not there");
    last = key;
  }
}
