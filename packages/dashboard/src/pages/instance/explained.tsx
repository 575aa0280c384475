/** Why it is shown, held or gone: a sentence, then five facts. */
import type { ExplainBody, InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { registryNow, tick } from "../../data/live.ts";
import { age, count, duration } from "../../model/numbers.ts";
import { showTimes } from "../../model/past/events.ts";
import { lookOf } from "../../model/status.ts";
import { readClock, Time } from "../../parts/time.tsx";

export function Explained({ data }: { data: ExplainBody }): JSX.Element {
  const record = data.instance ?? data.last;
  const look = data.instance === null ? "" : lookOf(data.instance);
  return (
    <section class={`card edge data ${look}`} aria-label="Why">
      <div class="explained">
        <p>{showTimes(data.summary, readClock())}</p>
        <dl class="facts tall">
          {data.came === null ? null : (
            <>
              <dt>Came</dt>
              <dd>
                <Time at={data.came.at} revision={data.came.revision} />, through {data.came.via}, with revision{" "}
                {count(data.came.revision)}
              </dd>
            </>
          )}
          {data.gone === null ? null : (
            <>
              <dt>Went</dt>
              <dd>
                <Time at={data.gone.at} revision={data.gone.revision} />, {data.gone.cause}:{" "}
                {showTimes(data.gone.reason, readClock())}
              </dd>
            </>
          )}
          {data.present ? (
            <>
              <dt>Kept alive by</dt>
              <dd>{data.keptAliveBy === null ? "nothing: it is permanent" : <Alive alive={data.keptAliveBy} />}</dd>
            </>
          ) : null}
          {record === null ? null : <Words record={record} isPresent={data.present} />}
        </dl>
      </div>
    </section>
  );
}

function Words({ record, isPresent }: { record: InstanceBody; isPresent: boolean }): JSX.Element {
  const { checks, declaredStatus, override, held } = record;
  return (
    <>
      <dt>{isPresent ? "Says of itself" : "Said of itself"}</dt>
      <dd>{declaredStatus}</dd>
      <dt>{isPresent ? "Checks say" : "Checks said"}</dt>
      <dd>
        {checks.length === 0 ? "nothing (it has none)" : checks.map(({ id, status }) => `${id} ${status}`).join(", ")}
      </dd>
      <dt>Operators say</dt>
      <dd>
        {override === null ? (
          "nothing (no override)"
        ) : (
          <>
            {override.status}
            {override.reason === "" ? "" : `: ${override.reason}`}
            {override.by === null ? "" : `, by ${override.by}`}
            {override.since === null ? null : (
              <>
                , since <Time at={override.since} />
              </>
            )}
            {override.until === null ? null : (
              <>
                , until <Time at={override.until} />
              </>
            )}
          </>
        )}
      </dd>
      {held === null ? null : (
        <>
          <dt>Held</dt>
          <dd>
            since <Time at={held.since} />
            {held.until === null ? null : (
              <>
                , until <Time at={held.until} />
              </>
            )}
            : {held.reason}
          </dd>
        </>
      )}
    </>
  );
}

function Alive({ alive }: { alive: NonNullable<ExplainBody["keptAliveBy"]> }): JSX.Element {
  void tick.value;
  const { lease, ttlMs, lastBeatAt, beatIntervalMs, expiresAt, beats, beatsTooRare, keptBy } = alive;
  const silentMs = lastBeatAt === null ? null : Math.max(0, registryNow() - Date.parse(lastBeatAt));
  return (
    <>
      lease <code>{lease}</code>
      {ttlMs === null ? ", without time" : `, ttl ${duration(ttlMs)}`}
      {silentMs === null ? "; no heartbeat yet" : `; last beat ${age(silentMs)} ago, ${count(beats)} so far`}
      {beatIntervalMs === null ? "" : `, every ${duration(beatIntervalMs)} on average`}
      {expiresAt === null ? null : (
        <>
          ; without another gone at <Time at={expiresAt} />
        </>
      )}
      {keptBy === undefined ? "" : `; kept by node ${keptBy}`}
      {beatsTooRare
        ? ". The heartbeats come so rarely that protection may notice too late when many fall silent together"
        : ""}
    </>
  );
}
