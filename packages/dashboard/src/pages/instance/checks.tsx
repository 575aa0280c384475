/** Its checks with what they say; the worst one counts. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { duration } from "../../model/numbers.ts";
import { compareLooks } from "../../model/status.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Age } from "../../parts/time.tsx";

export function Checks({ instance, isPresent }: { instance: InstanceBody; isPresent: boolean }): JSX.Element | null {
  const checks = [...instance.checks].sort((one, other) => compareLooks(one.status, other.status));
  if (checks.length === 0) return null;
  return (
    <Card
      title={isPresent ? "Checks" : "Checks, as they were last"}
      note={checks.length === 1 ? undefined : `${checks.length}, the worst one counts`}
    >
      {checks.map(({ id, name, status, kind, output, reportedAt, intervalMs, target, since }) => (
        <div key={id} class="check data">
          <h3>
            <Shape name={status} /> <b>{name === "" ? id : name}</b> <span class={`${status}-text`}>{status}</span>
            <span class="second small">
              for <Age at={since} />
            </span>
            <span class="push">
              {kind === "reported" ? "" : `${kind}${target === "" ? "" : ` ${target}`}, `}
              {reportedAt === null ? (
                "not reported yet"
              ) : (
                <>
                  reported <Age at={reportedAt} ago />
                </>
              )}
              {kind === "reported" ? "" : `, every ${duration(intervalMs)}`}
            </span>
          </h3>
          {output === "" ? null : (
            <pre class="box" tabIndex={0}>
              {output}
            </pre>
          )}
        </div>
      ))}
    </Card>
  );
}
