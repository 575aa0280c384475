/** The question before a change: what will happen, a command line of the same, and nothing lost when it fails. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { noteError } from "../data/session.ts";
import { Failure } from "../parts/card.tsx";
import { Copies } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";

export interface QuestionProps {
  readonly title: string;
  readonly deed: string;
  /** It cannot be undone: the focus begins at Cancel. */
  readonly danger?: boolean;
  /** Must be typed first. */
  readonly typed?: string | undefined;
  readonly command: string;
  readonly class?: string;
  readonly more?: ComponentChildren;
  readonly onDo: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Question(props: QuestionProps): JSX.Element {
  const { title, deed, danger, typed, command, onDo, onClose, children } = props;
  const [word, setWord] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (danger) cancel.current?.focus();
  }, []);
  async function run(event: Event): Promise<void> {
    event.preventDefault();
    if (typed !== undefined && word !== typed) return;
    setBusy(true);
    try {
      await onDo();
      onClose();
    } catch (thrown) {
      noteError(thrown);
      setError(thrown);
      setBusy(false);
    }
  }
  return (
    <Dialog title={title} onClose={onClose} {...(props.class === undefined ? {} : { class: props.class })}>
      <form class="spaced" onSubmit={(event) => void run(event)}>
        {children}
        {typed === undefined ? null : (
          <label>
            Type <b>{typed}</b> to go on
            <input
              value={word}
              style={{ width: "100%" }}
              autocomplete="off"
              onInput={(event) => setWord(event.currentTarget.value)}
            />
          </label>
        )}
        <div class="row">
          <button
            type="submit"
            class={`button ${danger ? "danger" : "primary"}`}
            disabled={isBusy || (typed !== undefined && word !== typed)}
          >
            {isBusy ? "Asked …" : deed}
          </button>
          {props.more}
          <button type="button" class="button plain" ref={cancel} onClick={onClose}>
            Cancel
          </button>
        </div>
        {error === undefined ? null : <Failure what="It was not done" error={error} />}
        <Copies rows={[["In a terminal", command]]} />
      </form>
    </Dialog>
  );
}
