/** Changes of keys: deleted, put back, deleted by prefix. Always with the revision that was read. */
import type { KeyBody } from "@rollcall/client";
import type { JSX } from "preact";
import { api, ownName } from "../data/session.ts";
import { count, plural } from "../model/numbers.ts";
import { note } from "../parts/copy.tsx";
import { Diff } from "../parts/diff.tsx";
import { command, flag } from "./command.ts";
import { Question } from "./question.tsx";

const SHOWN = 10;

export function putCommand(name: string, text: string, base: KeyBody | null): string {
  const value = text.length > 200 ? "@FILE" : text;
  return command("config", "put", name, value, ...flag("--if-revision", base === null ? "" : String(base.modRevision)));
}

function bytesOf({ value, valueBase64 }: KeyBody): string | Uint8Array {
  return value ?? Uint8Array.from(atob(valueBase64 ?? ""), (one) => one.charCodeAt(0));
}

function said(body: KeyBody | null): string {
  return body === null ? "" : (body.value ?? `binary, base64: ${body.valueBase64 ?? ""}`);
}

export function DeleteKey({ current, onClose }: { current: KeyBody; onClose: () => void }): JSX.Element {
  const { key, version, modRevision } = current;
  return (
    <Question
      title={`Delete ${key}?`}
      deed="Delete"
      danger
      command={command("config", "delete", key)}
      onClose={onClose}
      onDo={async () => {
        await api.value.config.delete(key, { ifRevision: modRevision });
        note(`${key} is deleted`, () => void api.value.config.put(key, bytesOf(current), { ifRevision: 0 }));
      }}
    >
      <p>
        Version {version} goes, and who watches the key hears of it within a second. Its history stays as long as the
        registry remembers, and any version can be put back.
      </p>
      <p class="second">
        Only if it is still at revision {count(modRevision)}. Recorded under {ownName()}.
      </p>
    </Question>
  );
}

export function PutBack(props: {
  name: string;
  version: KeyBody;
  current: KeyBody | null;
  onClose: () => void;
}): JSX.Element {
  const { name, version, current, onClose } = props;
  return (
    <Question
      title={`Put version ${version.version} of ${name} back?`}
      deed={`Put version ${version.version} back`}
      class="wide"
      command={putCommand(name, version.value ?? "", current)}
      onClose={onClose}
      onDo={async () => {
        const { revision } = await api.value.config.put(name, bytesOf(version), {
          ifRevision: current?.modRevision ?? 0,
        });
        note(
          `${name} has the value of version ${version.version} again`,
          current === null
            ? undefined
            : () => void api.value.config.put(name, bytesOf(current), { ifRevision: revision }),
        );
      }}
    >
      <p>
        The value of version {version.version} is written as a new version
        {current === null ? "" : ` after ${current.version}`}; nothing is deleted.
      </p>
      <Diff before={said(current)} after={said(version)} />
      <p class="second">Recorded under {ownName()}.</p>
    </Question>
  );
}

export function DeletePrefix(props: {
  prefix: string;
  keys: readonly string[];
  isPart: boolean;
  onClose: () => void;
}): JSX.Element {
  const { prefix, keys, isPart, onClose } = props;
  return (
    <Question
      title={`Delete ${isPart ? "more than " : ""}${plural(keys.length, "key")}?`}
      deed="Delete them all"
      danger
      typed={prefix}
      command={command("config", "delete", prefix, "--prefix")}
      onClose={onClose}
      onDo={async () => {
        const { deleted } = await api.value.config.deletePrefix(prefix);
        note(`${plural(deleted, "key")} deleted`);
      }}
    >
      <p>
        All keys that begin with <code>{prefix}</code> go at once. This cannot be undone in one step; single keys can be
        put back from their history.
      </p>
      <ul class="tree">
        {keys.slice(0, SHOWN).map((key) => (
          <li key={key} class="mono">
            {key}
          </li>
        ))}
        {keys.length > SHOWN ? <li class="second">and {count(keys.length - SHOWN)} more</li> : null}
      </ul>
    </Question>
  );
}
