/** `$GENERATE`: a record for each number of a range, as BIND has it. */

/** "1-20/2". */
export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

const RANGE = /^([0-9]{1,10})-([0-9]{1,10})(?:\/([0-9]{1,10}))?$/;
/** `{offset[,width[,base]]}`. */
const MODIFIER = /^\{(-?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?\}/;
const NUMBER_MAX = 2 ** 31 - 1;
const WIDTH_MAX = 255;

export function parseRange(text: string): Range | undefined {
  const [found, first, last, by = "1"] = RANGE.exec(text) ?? [];
  const range = { start: Number(first), stop: Number(last), step: Number(by) };
  const good = found !== undefined && range.start <= range.stop && range.stop <= NUMBER_MAX && range.step > 0;
  return good ? range : undefined;
}

/** How many numbers there are in the range. */
export function countOf({ start, stop, step }: Range): number {
  return Math.floor((stop - start) / step) + 1;
}

/**
 * The text for one number: `$` stands for the number, `${…}` for it in another form, `$$` for a dollar sign; a character
 * behind a backslash stays as it is. Undefined when a form is wrong.
 */
export function expand(text: string, number: number): string | undefined {
  let out = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "\\") out += character + text.charAt(++at);
    else if (character !== "$") out += character;
    else if (text.charAt(at + 1) === "$") {
      out += "$";
      at++;
    } else if (text.charAt(at + 1) === "{") {
      const [modifier, offset, width = "0", base = "d"] = MODIFIER.exec(text.slice(at + 1, at + 40)) ?? [];
      const shown = modifier && showNumber(number + Number(offset), Number(width), base);
      if (shown === undefined) return undefined;
      out += shown;
      at += modifier?.length ?? 0;
    } else out += String(number);
  }
  return out;
}

function showNumber(value: number, width: number, base: string): string | undefined {
  if (value < 0 || value > NUMBER_MAX || width > WIDTH_MAX) return undefined;
  switch (base) {
    case "o":
      return value.toString(8).padStart(width, "0");
    case "x":
      return value.toString(16).padStart(width, "0");
    case "X":
      return value.toString(16).toUpperCase().padStart(width, "0");
    case "n":
      return showNibbles(value, width);
    case "N":
      return showNibbles(value, width).toUpperCase();
    default:
      return String(value).padStart(width, "0");
  }
}

/** Hexadecimal digits from the lowest, with dots between them; the width counts the dots (for `ip6.arpa`). */
function showNibbles(value: number, width: number): string {
  let out = "";
  let rest = value;
  do {
    out += (rest & 0xf).toString(16);
    rest >>>= 4;
    if (rest !== 0 || width > out.length) out += ".";
  } while (rest !== 0 || width > out.length);
  return out;
}
