/** One key: looked at first, edited on purpose, with all that it was. */
import type { KeyBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { DeleteKey } from "../../actions/keys.tsx";
import { useRead } from "../../data/reads.ts";
import { query, setQuery } from "../../data/router.ts";
import { may } from "../../data/session.ts";
import { bytes, count } from "../../model/numbers.ts";
import { authorText } from "../../model/past/events.ts";
import { type Form, prettyJson, showValue } from "../../model/tree.ts";
import { Card, Failure, Loading, Segments } from "../../parts/card.tsx";
import { copy } from "../../parts/copy.tsx";
import { Time } from "../../parts/time.tsx";
import { Editor } from "./editor.tsx";
import { useVersions, type Version, Versions } from "./versions.tsx";

const FORMS: readonly { readonly value: Form; readonly label: string }[] = [
  { value: "text", label: "text" },
  { value: "json", label: "JSON" },
  { value: "base64", label: "base64" },
  { value: "hex", label: "hex" },
];

export function KeyPage({ account, name }: { account: string; name: string }): JSX.Element {
  const { data, error, again } = useRead(`key ${account} ${name}`, (client) => client.config.get(name), {
    touches: ({ changes }) => changes.some((one) => one.kind === "key" && one.key === name),
  });
  const versions = useVersions(account, name);
  const isEditing = query.value.get("edit") !== null && may("writer");
  useEffect(() => {
    const edit = (event: Event): void => {
      if ((event as CustomEvent<string>).detail === "e" && may("writer")) setQuery({ edit: "1" });
    };
    addEventListener("rollcall:key", edit);
    return () => removeEventListener("rollcall:key", edit);
  }, []);
  if (data === undefined)
    return (
      <Card title={name}>
        {error === undefined ? <Loading /> : <Failure what={`${name} could not be read`} error={error} again={again} />}
      </Card>
    );
  return (
    <div class="stack">
      {isEditing ? (
        <Editor key={name} name={name} current={data} by={versions?.[0]} onDone={() => setQuery({ edit: null })} />
      ) : data === null ? (
        <Absent name={name} />
      ) : (
        <Shown current={data} latest={versions?.find(({ revision }) => revision === data.modRevision)} />
      )}
      <Versions name={name} versions={versions} current={data} />
    </div>
  );
}

function Absent({ name }: { name: string }): JSX.Element {
  return (
    <Card title={name}>
      <p>This key is not there{may("writer") ? "." : "; your role may not write it."}</p>
      {may("writer") ? (
        <div class="row">
          <button type="button" class="button" onClick={() => setQuery({ edit: "1" })}>
            Write it…
          </button>
        </div>
      ) : null}
    </Card>
  );
}

function Shown({ current, latest }: { current: KeyBody; latest: Version | undefined }): JSX.Element {
  const { key, value, valueBase64, version, modRevision, lease } = current;
  const [wish, setWish] = useState<Form | null>(null);
  const [isDeleting, setDeleting] = useState(false);
  const form: Form =
    wish ?? (value === null ? "hex" : prettyJson(value) !== null && /^\s*[[{]/.test(value) ? "json" : "text");
  const shown = showValue(value, valueBase64, form);
  const size =
    value === null
      ? Math.floor(((valueBase64?.replace(/=+$/, "").length ?? 0) * 3) / 4)
      : new TextEncoder().encode(value).length;
  return (
    <Card
      title={<span class="mono">{key}</span>}
      side={
        <>
          <Segments label="Shown as" value={form} choices={FORMS} onPick={setWish} />
          <button type="button" class="button" onClick={() => copy(value ?? valueBase64 ?? "")}>
            Copy
          </button>
          {may("writer") ? (
            <>
              {value === null ? null : (
                <button type="button" class="button primary" onClick={() => setQuery({ edit: "1" })}>
                  Edit
                </button>
              )}
              <button type="button" class="button danger" onClick={() => setDeleting(true)}>
                Delete…
              </button>
            </>
          ) : null}
        </>
      }
    >
      <p class="facts-line data">
        <span>{bytes(size)}</span>
        <span>version {count(version)}</span>
        <span>revision {count(modRevision)}</span>
        {latest === undefined ? null : (
          <span>
            written <Time at={latest.at} />
            {authorText(latest.by) === "" ? "" : `, by ${authorText(latest.by)}`}
          </span>
        )}
        {lease === null ? null : (
          <span>
            goes with lease <code>{lease}</code>
          </span>
        )}
      </p>
      <pre class="box data" tabIndex={0}>
        {shown ?? (form === "json" ? "This is no JSON." : "These bytes are no text.")}
      </pre>
      {isDeleting ? <DeleteKey current={current} onClose={() => setDeleting(false)} /> : null}
    </Card>
  );
}
