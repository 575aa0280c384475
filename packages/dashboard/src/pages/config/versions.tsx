/** All that a key was, from the event log: a list at the left, the difference of two at the right. */
import type { AuthorBody, KeyBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { PutBack } from "../../actions/keys.tsx";
import { useRead } from "../../data/reads.ts";
import { query, setQuery } from "../../data/router.ts";
import { may } from "../../data/session.ts";
import { count } from "../../model/numbers.ts";
import { authorText } from "../../model/past/events.ts";
import { Card } from "../../parts/card.tsx";
import { Diff } from "../../parts/diff.tsx";
import { Time } from "../../parts/time.tsx";

export interface Version {
  readonly revision: number;
  readonly at: string;
  readonly by: AuthorBody | null;
  readonly cause: string;
  /** Null: deleted. */
  readonly body: KeyBody | null;
}

const READ = 500;

/** Newest first; undefined before the answer. */
export function useVersions(account: string, name: string): readonly Version[] | undefined {
  const { data } = useRead(
    `versions ${account} ${name}`,
    async (client) => {
      const { events } = await client.eventsPage({ key: name, types: ["key.*"], limit: READ });
      return events
        .filter(({ key }) => key === name)
        .map(({ revision, at, by, type, after }) => ({
          revision,
          at,
          by,
          cause: type.slice(4),
          body: after as KeyBody | null,
        }))
        .reverse();
    },
    { touches: ({ changes }) => changes.some((one) => one.kind === "key" && one.key === name) },
  );
  return data;
}

export function textOf(body: KeyBody | null | undefined): string {
  return body == null ? "" : (body.value ?? `binary, base64: ${body.valueBase64 ?? ""}`);
}

interface Props {
  readonly name: string;
  readonly versions: readonly Version[] | undefined;
  readonly current: KeyBody | null;
}

export function Versions({ name, versions, current }: Props): JSX.Element | null {
  const [isPutting, setPutting] = useState(false);
  if (versions === undefined || versions.length === 0) return null;
  const byRevision = (parameter: string) =>
    versions.find(({ revision }) => String(revision) === query.value.get(parameter));
  const at = byRevision("at") ?? versions[0];
  const former = byRevision("with") ?? versions[versions.indexOf(at as Version) + 1];
  const isLatest = at === versions[0];
  return (
    <Card
      title="History"
      note={`${count(versions.length)} ${versions.length === 1 ? "version is" : "versions are"} remembered`}
    >
      <div class="versions data">
        <ol>
          {versions.map((one) => (
            <li key={one.revision}>
              <a href={hrefOf({ at: one.revision })} aria-current={one === at ? "true" : undefined}>
                <span>{one.body === null ? `${one.cause}` : `version ${one.body.version}`}</span>
                <span class="small second">
                  <Time at={one.at} revision={one.revision} />
                  {authorText(one.by) === "" ? "" : `, ${authorText(one.by)}`}
                </span>
              </a>
            </li>
          ))}
        </ol>
        <div class="spaced">
          <div class="row">
            <label class="row tight small second">
              compared with
              <select
                aria-label="Compared with"
                value={former?.revision ?? ""}
                onChange={(event) => setQuery({ with: event.currentTarget.value })}
              >
                <option value="">nothing</option>
                {versions.map((one) => (
                  <option key={one.revision} value={one.revision}>
                    {one.body === null
                      ? `${one.cause}, r ${one.revision}`
                      : `version ${one.body.version}, r ${one.revision}`}
                  </option>
                ))}
              </select>
            </label>
            {may("writer") && !isLatest && at?.body != null ? (
              <button type="button" class="button" onClick={() => setPutting(true)}>
                Put version {at.body.version} back…
              </button>
            ) : null}
          </div>
          <Diff before={textOf(former?.body)} after={textOf(at?.body)} />
        </div>
      </div>
      {isPutting && at?.body != null ? (
        <PutBack name={name} version={at.body} current={current} onClose={() => setPutting(false)} />
      ) : null}
    </Card>
  );
}

function hrefOf(changes: { at: number }): string {
  const next = new URLSearchParams(query.value);
  next.set("at", String(changes.at));
  next.delete("with");
  return `${location.pathname}?${next}`;
}
