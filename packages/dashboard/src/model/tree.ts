/** Keys as a tree, one level at a time. */
export interface Level {
  /** Prefixes of the next level, with how many keys are below; each ends with the separator. */
  readonly folders: readonly { readonly prefix: string; readonly name: string; readonly keys: number }[];
  readonly keys: readonly string[];
}

/** `keys` in any order. A key without the separator is a leaf, also one that begins with it. */
export function toLevel(keys: readonly string[], prefix: string, separator: string): Level {
  const folders = new Map<string, number>();
  const leaves: string[] = [];
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue;
    const end = separator === "" ? -1 : key.indexOf(separator, prefix.length);
    if (end === -1) leaves.push(key);
    else {
      const folder = key.slice(0, end + separator.length);
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
  }
  return {
    folders: [...folders]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, count]) => ({ prefix: path, name: path.slice(prefix.length), keys: count })),
    keys: leaves.sort(),
  };
}

/** `app/payments/db` -> `app/`, `app/payments/`. */
export function prefixesOf(key: string, separator: string): string[] {
  if (separator === "") return [];
  const prefixes: string[] = [];
  for (let at = key.indexOf(separator); at !== -1; at = key.indexOf(separator, at + separator.length))
    prefixes.push(key.slice(0, at + separator.length));
  return prefixes.filter((prefix) => prefix !== key);
}

export type Form = "text" | "json" | "base64" | "hex";

/** A value in this form; null when it has none (JSON that is none). */
export function showValue(value: string | null, base64: string | undefined, form: Form): string | null {
  if (form === "text") return value;
  if (form === "json") return value === null ? null : prettyJson(value);
  const bytes = value === null ? decodeBase64(base64 ?? "") : new TextEncoder().encode(value);
  if (form === "base64") return encodeBase64(bytes);
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${text}`);
  }
  return rows.join("\n");
}

export function prettyJson(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
