/** Two texts, what is different between them. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { diffTexts } from "../model/lines.ts";

const NAMES = { "+": "plus", "−": "minus", " ": "" } as const;
const WORDS = { "+": "added", "−": "removed", " ": "" } as const;

export function Diff({ before, after }: { before: string; after: string }): JSX.Element {
  const lines = useMemo(() => diffTexts(before, after), [before, after]);
  if (lines.every((line) => line === null || line.sign === " ")) return <p class="second">The two are the same.</p>;
  return (
    <div class="diff" role="group" aria-label="Difference" tabIndex={0}>
      {lines.map((line, index) =>
        line === null ? (
          <div key={index} class="skip-lines">
            …
          </div>
        ) : (
          <div key={index} class={NAMES[line.sign]}>
            {line.sign === " " ? null : <span class="unseen">{WORDS[line.sign]}: </span>}
            <span aria-hidden="true">{line.sign} </span>
            {line.parts.map(({ text, isChanged }) => (isChanged ? <mark key={text}>{text}</mark> : text))}
          </div>
        ),
      )}
    </div>
  );
}
