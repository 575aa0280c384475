/** Editing: nothing is written before the difference was looked at, nor over what somebody else wrote meanwhile. */
import { type KeyBody, RollcallError } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { putCommand } from "../../actions/keys.tsx";
import { Question } from "../../actions/question.tsx";
import { api } from "../../data/session.ts";
import { authorText } from "../../model/past/events.ts";
import { prettyJson } from "../../model/tree.ts";
import { Card, Failure } from "../../parts/card.tsx";
import { note } from "../../parts/copy.tsx";
import { Diff } from "../../parts/diff.tsx";
import { Shape } from "../../parts/shape.tsx";
import { textOf, type Version } from "./versions.tsx";

interface Props {
  readonly name: string;
  /** Null: it is not there. */
  readonly current: KeyBody | null;
  /** Its latest version, with who wrote it. */
  readonly by: Version | undefined;
  readonly onDone: () => void;
}

export function Editor({ name, current, by, onDone }: Props): JSX.Element {
  /** What was read as the editing began: that is what is replaced. */
  const [base, setBase] = useState(current);
  const [text, setText] = useState(current?.value ?? "");
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const isBehind = (current?.modRevision ?? 0) !== (base?.modRevision ?? 0);
  const looksLikeJson = /^\s*[[{]/.test(text);
  async function save(): Promise<void> {
    const before = base;
    try {
      const { revision } = await api.value.config.put(name, text, { ifRevision: before?.modRevision ?? 0 });
      note(`${name} is written`, () => void undo(name, before, revision));
      onDone();
    } catch (thrown) {
      if (!(thrown instanceof RollcallError) || thrown.status !== 412) throw thrown;
      setError(thrown);
    }
  }
  if (isBehind)
    return (
      <Conflict
        {...{ name, base, current, text, by }}
        onTop={() => setBase(current)}
        onTheirs={() => {
          setBase(current);
          setText(current?.value ?? "");
        }}
      />
    );
  return (
    <Card
      title={
        <span>
          Editing <span class="mono">{name}</span>
        </span>
      }
      note={base === null ? "new" : `on top of version ${base.version}`}
    >
      <textarea
        aria-label={`Value of ${name}`}
        rows={Math.min(30, Math.max(6, text.split("\n").length + 1))}
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {looksLikeJson && prettyJson(text) === null ? (
        <p class="warning-text">
          <Shape name="warning" /> It looks like JSON and is none.
        </p>
      ) : null}
      {error === undefined ? null : <Failure what="It was not written: somebody was faster" error={error} />}
      <div class="row">
        <button
          type="button"
          class="button primary"
          disabled={base !== null && text === base.value}
          onClick={() => setAsking(true)}
        >
          Look at the difference, then save…
        </button>
        <button type="button" class="button plain" onClick={onDone}>
          Cancel
        </button>
      </div>
      {isAsking ? (
        <Question
          title={`Write ${name}?`}
          deed="Save"
          class="wide"
          command={putCommand(name, text, base)}
          onClose={() => setAsking(false)}
          onDo={save}
        >
          <Diff before={textOf(base)} after={text} />
          <p class="second">
            {base === null ? "Only if it is not there yet." : `Only if it is still at revision ${base.modRevision}.`}{" "}
            Who watches it hears of it within a second.
          </p>
        </Question>
      ) : null}
    </Card>
  );
}

interface ConflictProps extends Omit<Props, "onDone"> {
  readonly base: KeyBody | null;
  readonly text: string;
  readonly onTop: () => void;
  readonly onTheirs: () => void;
}

function Conflict({ name, base, current, text, by, onTop, onTheirs }: ConflictProps): JSX.Element {
  const who = by === undefined ? "" : authorText(by.by);
  return (
    <Card title={<span class="mono">{name}</span>}>
      <p role="alert">
        <Shape name="warning" /> <b>Somebody was faster.</b> {who === "" ? "Somebody" : who}{" "}
        {current === null ? "deleted it" : `wrote version ${current.version}`}
        {base === null ? "" : ` while you edited version ${base.version}`}. Nothing was lost or overwritten.
      </p>
      <div class="sides">
        <div class="spaced">
          <h3>Theirs{current === null ? "" : `, version ${current.version}`}</h3>
          <Diff before={textOf(base)} after={textOf(current)} />
        </div>
        <div class="spaced">
          <h3>Yours</h3>
          <Diff before={textOf(base)} after={text} />
        </div>
      </div>
      <div class="row">
        <button type="button" class="button primary" onClick={onTop}>
          Edit mine on top of theirs
        </button>
        <button type="button" class="button" onClick={onTheirs}>
          Take theirs
        </button>
      </div>
    </Card>
  );
}

/** Only while nobody wrote after us. */
async function undo(name: string, before: KeyBody | null, revision: number): Promise<void> {
  const { config } = api.value;
  try {
    if (before === null) await config.delete(name, { ifRevision: revision });
    else
      await config.put(
        name,
        before.value ?? Uint8Array.from(atob(before.valueBase64 ?? ""), (one) => one.charCodeAt(0)),
        { ifRevision: revision },
      );
    note(`${name} is as it was before`);
  } catch (error) {
    note(`It could not be undone: ${(error as Error).message}`);
  }
}
