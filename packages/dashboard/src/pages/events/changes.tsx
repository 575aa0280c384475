/** What is different between two moments. */
import { type NetChangesBody, RollcallError } from "@rollcall/client";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { registryNow, tick } from "../../data/live.ts";
import { useRead } from "../../data/reads.ts";
import { query, setQuery } from "../../data/router.ts";
import { count, duration, listed, plural } from "../../model/numbers.ts";
import { type Group, toGroups, writersOf } from "../../model/past/difference.ts";
import { LOOKS, type Look } from "../../model/status.ts";
import { Card, Failure, Loading } from "../../parts/card.tsx";
import { Shape, Status } from "../../parts/shape.tsx";
import { Time } from "../../parts/time.tsx";
import { EventTabs } from "./events.tsx";
import { Groups } from "./groups.tsx";
import { EventList } from "./list.tsx";
import { Range, toMoment } from "./range.tsx";

const LIMIT = 1000;
const PAUSE_MS = 1000;

export function Changes({ account }: { account: string }): JSX.Element {
  const from = query.value.get("from") ?? "-15m";
  const to = query.value.get("to") ?? "";
  const isOpen = to === "";
  const { data, error, again } = useRead(
    `changes ${account} ${from} ${to}`,
    (client) => client.changes({ from: toMoment(from), limit: LIMIT, ...(isOpen ? {} : { to: toMoment(to) }) }),
    isOpen ? { touches: () => true, pauseMs: PAUSE_MS } : {},
  );
  return (
    <>
      <div class="head">
        <h1 class="title">What changed</h1>
        <EventTabs account={account} here="changes" />
      </div>
      <Range from={from} to={to} known={data} />
      {error === undefined ? null : (
        <Card>
          <TooOld error={error} again={again} />
        </Card>
      )}
      {data === undefined ? (
        error === undefined ? (
          <Card>
            <Loading lines={5} />
          </Card>
        ) : null
      ) : (
        <Whole account={account} data={data} />
      )}
    </>
  );
}

function TooOld({ error, again }: { error: unknown; again: () => void }): JSX.Element {
  const isOld = error instanceof RollcallError && error.status === 410;
  return (
    <Failure what="The difference could not be read" error={error} again={again}>
      {isOld ? (
        <button type="button" class="button primary" onClick={() => setQuery({ from: "0" })}>
          Begin where history begins
        </button>
      ) : null}
    </Failure>
  );
}

function Whole({ account, data }: { account: string; data: NetChangesBody }): JSX.Element {
  const groups = useMemo(() => toGroups(data.changes), [data]);
  return (
    <>
      <Said data={data} groups={groups} />
      <div class="with-side data">
        <Card title="The difference" note="what came first is first; what went and came back is left out" bare>
          <Groups account={account} groups={groups} />
          {data.next === null ? null : (
            <p class="in second">Only the first {count(data.changes.length)} are shown: choose a shorter range.</p>
          )}
        </Card>
        <div class="stack">
          <Counts data={data} />
          <Writers data={data} />
        </div>
      </div>
      <EventList
        account={account}
        title="Every event in between"
        {...(data.from.at === null ? {} : { since: data.from.at })}
        {...(data.to.at === null || query.value.get("to") === null ? {} : { until: data.to.at })}
      />
    </>
  );
}

function Said({ data, groups }: { data: NetChangesBody; groups: readonly Group[] }): JSX.Element {
  void tick.value;
  const services = groups.filter((group) => group.kind === "service");
  const worse = services.filter(({ isWorse }) => isWorse).map(({ service }) => service);
  const held = groups.reduce((sum, group) => sum + (group.kind === "held" ? group.instances : 0), 0);
  const fromMs = data.from.at === null ? undefined : Date.parse(data.from.at);
  const untilMs = query.value.get("to") === null || data.to.at === null ? registryNow() : Date.parse(data.to.at);
  const strong = `${fromMs === undefined ? "" : `In ${duration(untilMs - fromMs)}, `}${plural(data.keys, "key")} and ${plural(services.length, "service")} changed${worse.length > 0 ? `; ${listed(worse)} got worse` : ""}.`;
  return (
    <section class="card" aria-label="In short">
      <p class="in said">
        <span>
          <Shape name={worse.length > 0 ? "critical" : "passing"} /> <b>{strong}</b>{" "}
          <span class="second">
            {plural(data.came, "instance")} came, {data.left} left, {data.changed} changed
            {held > 0 ? `, ${held} of them held` : ""}. Revision {count(data.from.revision)} to{" "}
            {count(data.to.revision)}.
          </span>
        </span>
      </p>
    </section>
  );
}

function Counts({ data }: { data: NetChangesBody }): JSX.Element {
  const { from, to } = data.counts;
  const looks: readonly Exclude<Look, "gone">[] = LOOKS;
  return (
    <Card title="Before and after" bare>
      <table class="flat">
        <thead>
          <tr>
            <th scope="col">Instances</th>
            <th scope="col" class="num">
              {data.from.at === null ? "then" : <Time at={data.from.at} />}
            </th>
            <th scope="col" class="num">
              {query.value.get("to") === null || data.to.at === null ? "now" : <Time at={data.to.at} />}
            </th>
            <th scope="col" class="num">
              <span class="unseen">Difference</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {looks.map((look) => {
            const more = to[look] - from[look];
            return (
              <tr key={look}>
                <td>
                  <Status name={look} />
                </td>
                <td class="num second">{count(from[look])}</td>
                <td class="num">{count(to[look])}</td>
                <td class={`num ${more === 0 ? "quiet" : "strong"}`}>
                  {more === 0 ? "=" : more > 0 ? `+${more}` : `−${-more}`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

function Writers({ data }: { data: NetChangesBody }): JSX.Element | null {
  const writers = writersOf(data.changes);
  if (writers.length === 0) return null;
  return (
    <Card title="Who wrote">
      <ul class="deps">
        {writers.slice(0, 10).map(({ who, instances, keys }) => (
          <li key={who}>
            {who}
            <span class="n">
              {[
                ...(instances > 0 ? [plural(instances, "instance")] : []),
                ...(keys > 0 ? [plural(keys, "key")] : []),
              ].join(", ")}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
