/** Copying, and the note that says what became of something. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";

export interface Note {
  readonly id: number;
  readonly text: string;
  readonly undo?: (() => void) | undefined;
}

export const notes = signal<readonly Note[]>([]);
let ids = 0;

const SHOWN_MS = 4000;
const UNDO_MS = 10_000;

export function note(text: string, undo?: () => void): void {
  const made: Note = { id: ++ids, text, undo };
  notes.value = [...notes.value.slice(-3), made];
  setTimeout(() => dismiss(made.id), undo === undefined ? SHOWN_MS : UNDO_MS);
}

export function dismiss(id: number): void {
  notes.value = notes.value.filter((one) => one.id !== id);
}

/** Pages that do not come over TLS have no clipboard of their own. */
export function copy(text: string): void {
  const done = () => note("Copied");
  if (navigator.clipboard !== undefined) {
    void navigator.clipboard.writeText(text).then(done, () => copyOldWay(text, done));
    return;
  }
  copyOldWay(text, done);
}

function copyOldWay(text: string, done: () => void): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  if (document.execCommand("copy")) done();
  area.remove();
}

export function Copies({ rows }: { rows: readonly (readonly [label: string, text: string])[] }): JSX.Element {
  return (
    <div class="copies">
      {rows.map(([label, text]) => (
        <div key={`${label} ${text}`}>
          <span class="quiet">{label}</span>
          <code>{text}</code>
          <button type="button" class="small-button" onClick={() => copy(text)} aria-label={`copy: ${text}`}>
            copy
          </button>
        </div>
      ))}
    </div>
  );
}

export function Notes(): JSX.Element {
  return (
    <div class="notes" role="status">
      {notes.value.map(({ id, text, undo }) => (
        <div key={id} class="note">
          <span>{text}</span>
          {undo === undefined ? null : (
            <button
              type="button"
              onClick={() => {
                dismiss(id);
                undo();
              }}
            >
              undo
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
