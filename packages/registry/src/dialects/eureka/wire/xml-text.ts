/** Texts and names in XML 1.0. */

/** What no document may hold, not even as a reference: control characters, half surrogate pairs, two non-characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const ILLEGAL = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\p{Surrogate}]/gu;
/** Printable ASCII without the characters that mean something. */
const UNESCAPED = /^[ !#-%(-;=?-~]*$/;
const MEANINGFUL = /[&<>"'\r]/g;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  // Every reader takes a bare one for a line feed.
  "\r": "&#xd;",
};

/** A text as content or attribute; characters that XML does not have are left out. */
export function escapeText(text: string): string {
  if (UNESCAPED.test(text)) return text;
  return text.replace(ILLEGAL, "").replace(MEANINGFUL, (found) => ESCAPES[found] as string);
}

const UNESCAPED_NAME = /^[A-Za-z][A-Za-z0-9.-]*$/;

/**
 * A key as an element's name, escaped as XStream does: `_` is `__`, `$` is `_-`, what no name may hold is `_.` and four
 * hexadecimal digits. XStream leaves letters beyond ASCII and ":" as they are; here they are escaped too, which it reads
 * all the same, and readers that know about namespaces do not trip over a prefix that nobody declared.
 */
export function toElementName(key: string): string {
  if (UNESCAPED_NAME.test(key)) return key;
  let name = "";
  for (let i = 0; i < key.length; i++) {
    const character = key.charAt(i);
    if (character === "_") name += "__";
    else if (character === "$") name += "_-";
    else if (/[A-Za-z]/.test(character) || (i > 0 && /[0-9.-]/.test(character))) name += character;
    else name += `_.${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
  return name;
}

/** The key that an element's name stands for. A lone "_" stands for itself: not everybody escapes. */
export function fromElementName(name: string): string {
  if (!name.includes("_")) return name;
  return name.replace(/__|_-|_\.([0-9a-fA-F]{4})/g, (found, digits: string | undefined) => {
    if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
    return found === "__" ? "_" : "$";
  });
}

const REFERENCE = /&(?:#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}))|(amp|lt|gt|quot|apos));/g;
const UNDEFINED = new RegExp(`&(?!${REFERENCE.source.slice(1)})`);
const REFERENCES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * A text with its references replaced; undefined when there is one that XML itself does not define. A character that XML
 * does not have is left out.
 */
export function resolveReferences(text: string): string | undefined {
  if (!text.includes("&")) return text;
  if (UNDEFINED.test(text)) return undefined;
  return text.replace(REFERENCE, (_, hex, decimal, name) => {
    if (name !== undefined) return REFERENCES[name] as string;
    return toCharacter(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}

function toCharacter(code: number): string {
  return code > 0x10ffff ? "" : String.fromCodePoint(code).replace(ILLEGAL, "");
}

/** True when a document may hold this text as it stands. */
export function isLegal(text: string): boolean {
  return text.search(ILLEGAL) < 0;
}
