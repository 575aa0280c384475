/** Two texts side by side, by lines and, within changed lines, by words. */
import { diffLines, diffWordsWithSpace } from "diff";

export interface Line {
  readonly sign: " " | "+" | "−";
  readonly parts: readonly { readonly text: string; readonly isChanged: boolean }[];
}

const CONTEXT = 3;
/** Longer texts are compared by lines alone, and very long ones not at all. */
const WORDS_MAX = 20_000;
const LINES_MAX = 400_000;

/** Lines that are equal and far from a change are left out; `null` stands for them. */
export function diffTexts(before: string, after: string): (Line | null)[] {
  if (before.length + after.length > LINES_MAX)
    return [{ sign: " ", parts: [{ text: "Too long to be compared here.", isChanged: false }] }];
  const lines: Line[] = [];
  const pieces = diffLines(before, after);
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as (typeof pieces)[number];
    const next = pieces[i + 1];
    if (piece.removed && next?.added && piece.value.length + next.value.length < WORDS_MAX) {
      lines.push(...byWords(piece.value, next.value));
      i++;
    } else lines.push(...plain(piece.value, piece.added ? "+" : piece.removed ? "−" : " "));
  }
  return nearChanges(lines);
}

function plain(text: string, sign: Line["sign"]): Line[] {
  return linesOf(text).map((line) => ({ sign, parts: [{ text: line, isChanged: false }] }));
}

function linesOf(text: string): string[] {
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

function byWords(before: string, after: string): Line[] {
  const words = diffWordsWithSpace(before, after);
  const side = (sign: "+" | "−"): Line[] => {
    const lines: { text: string; isChanged: boolean }[][] = [[]];
    for (const { value, added, removed } of words) {
      if (sign === "+" ? removed : added) continue;
      for (const [index, text] of value.split("\n").entries()) {
        if (index > 0) lines.push([]);
        if (text !== "") lines.at(-1)?.push({ text, isChanged: (added || removed) ?? false });
      }
    }
    if (lines.length > 1 && lines.at(-1)?.length === 0) lines.pop();
    return lines.map((parts) => ({ sign, parts }));
  };
  return [...side("−"), ...side("+")];
}

function nearChanges(lines: readonly Line[]): (Line | null)[] {
  const near = new Set<number>();
  for (const [at, { sign }] of lines.entries())
    if (sign !== " ") for (let i = at - CONTEXT; i <= at + CONTEXT; i++) near.add(i);
  const shown: (Line | null)[] = [];
  for (const [at, line] of lines.entries()) {
    if (near.has(at)) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  }
  return shown;
}
