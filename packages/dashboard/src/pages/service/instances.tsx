/** The instances of a service: failing ones first, with a strip of the last hour and what the failing check says. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { InstanceMenu } from "../../actions/menu.tsx";
import { isAskedFor } from "../../data/asked.ts";
import { registryNow } from "../../data/live.ts";
import { touchesService, useRead } from "../../data/reads.ts";
import { query } from "../../data/router.ts";
import { commonText, findCommon } from "../../model/alike.ts";
import { matchesInstance, toFilter } from "../../model/filter.ts";
import { count } from "../../model/numbers.ts";
import { type Span, toSpans } from "../../model/past/spans.ts";
import { instanceAt, pathTo } from "../../model/places.ts";
import { firstLine } from "../../model/reasons.ts";
import { compareLooks, countLooks, LOOKS, lookOf } from "../../model/status.ts";
import { compareNames } from "../../model/verdict.ts";
import { Strip } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";
import { FilterBar } from "../../parts/filters.tsx";
import { Shape } from "../../parts/shape.tsx";
import { useSteady } from "../../parts/steady.ts";
import { type Column, Table } from "../../parts/table.tsx";
import { Age, Time } from "../../parts/time.tsx";
import { Dependencies } from "./dependencies.tsx";
import { Gone } from "./gone.tsx";
import { Names } from "./names.tsx";
import { Versions } from "./versions.tsx";

interface Props {
  readonly account: string;
  readonly service: string;
  readonly instances: readonly InstanceBody[];
}

const HOUR_MS = 3_600_000;
const HISTORIES_MAX = 100;
const REFRESH_MS = 30_000;
const TALL_PX = 54;

export function ServiceInstances(props: Props): JSX.Element {
  const { account, service } = props;
  return (
    <div class="with-side">
      <div class="stack">
        <Common {...props} />
        <List {...props} />
        <Gone account={account} service={service} />
      </div>
      <div class="stack">
        <Versions {...props} />
        <Names account={account} service={service} />
        <Dependencies account={account} service={service} />
      </div>
    </div>
  );
}

function Common({ account, instances }: Props): JSX.Element | null {
  const found = useMemo(() => findCommon(instances), [instances]);
  const text = commonText(found, instances.length);
  if (text === null) return null;
  const since = found.failing.map(({ statusSince }) => statusSince).sort()[0];
  const from = since === undefined ? "-15m" : new Date(Date.parse(since) - 180_000).toISOString();
  return (
    <section class="card edge critical data" aria-label="What the failing ones have in common">
      <p class="in common">
        <span>
          <Shape name="critical" /> <b>{text.strong}</b>
          {text.rest}{" "}
          {since === undefined ? null : (
            <>
              It began at <Time at={since} />.{" "}
            </>
          )}
          <a href={`${pathTo(account, "changes")}?from=${encodeURIComponent(from)}`}>What changed then</a>
        </span>
      </p>
    </section>
  );
}

function compareInstances(one: InstanceBody, other: InstanceBody): number {
  return (
    Number(outputOf(other) !== "") - Number(outputOf(one) !== "") ||
    compareLooks(lookOf(one), lookOf(other)) ||
    compareNames(one.id, other.id)
  );
}

/** What the worst failing check says, in a line. */
export function outputOf({ checks }: InstanceBody): string {
  const bad = checks.find(({ status }) => status === "critical") ?? checks.find(({ status }) => status === "warning");
  const output = bad === undefined ? "" : firstLine(bad.output);
  return bad === undefined || output === "" ? "" : `${bad.id}: ${output}`;
}

function List({ account, service, instances }: Props): JSX.Element {
  const filter = toFilter((name) => query.value.get(name));
  const table = useRef<HTMLDivElement>(null);
  const matching = useMemo(
    () => instances.filter((one) => matchesInstance(one, filter)),
    [instances, JSON.stringify(filter)],
  );
  const { items } = useSteady(matching, ({ id }) => id, compareInstances, JSON.stringify(filter), table);
  const [menu, setMenu] = useState<InstanceBody | null>(null);
  const strips = useStrips(account, service, items);
  const counts = countLooks(instances);
  const of = (pick: (one: InstanceBody) => string) =>
    [...new Set(instances.map(pick))].filter((name) => name !== "").sort();
  const tall = items.filter((one) => outputOf(one) !== "").length;
  const isSteady = items.slice(0, tall).every((one) => outputOf(one) !== "");
  return (
    <Card
      title="Instances"
      note={
        matching.length === instances.length ? undefined : `${count(matching.length)} of ${count(instances.length)}`
      }
      bare
    >
      <FilterBar
        filter={filter}
        choices={{ zone: of(({ zone }) => zone), version: of(({ version }) => version), via: of(({ via }) => via) }}
        chips={[
          ["", "All", instances.length],
          ...LOOKS.filter((look) => counts[look]).map((look) => [look, look, counts[look] ?? 0] as const),
        ]}
        placeholder="Filter by id, address, tag, meta.k=v"
      />
      <div class="data" ref={table}>
        <Table
          label="Instances"
          class="instances"
          items={items}
          columns={columnsOf(account, strips, setMenu)}
          keyOf={({ id }) => id}
          classOf={(one) => (isAskedFor(service, one.id) ? "asked" : "") + (outputOf(one) === "" ? "" : " with-output")}
          hrefOf={({ id }) => instanceAt(account, service, id)}
          tall={{ count: isSteady ? tall : items.length, px: TALL_PX }}
        />
      </div>
      {items.length === 0 ? (
        <p class="in second">
          {instances.length === 0 ? "No instance is registered now." : "No instance matches the filter."}
        </p>
      ) : null}
      {menu === null ? null : <InstanceMenu instance={menu} siblings={instances} onClose={() => setMenu(null)} />}
    </Card>
  );
}

type Strips = { readonly fromMs: number; readonly toMs: number; readonly of: ReadonlyMap<string, readonly Span[]> };

function useStrips(account: string, service: string, items: readonly InstanceBody[]): Strips | undefined {
  const asked = items.slice(0, HISTORIES_MAX).map(({ id }) => ({ service, id }));
  const { data } = useRead(
    asked.length === 0 ? null : `strips ${account} ${service} ${asked.map(({ id }) => id).join("\n")}`,
    async (client) => {
      const toMs = registryNow();
      const fromMs = toMs - HOUR_MS;
      const { histories } = await client.histories({ instances: asked, from: new Date(fromMs).toISOString() });
      return { fromMs, toMs, of: new Map(histories.map(({ id, spans }) => [id, toSpans(spans, fromMs, toMs)])) };
    },
    { touches: touchesService(service), everyMs: REFRESH_MS, pauseMs: 1000 },
  );
  return data;
}

function columnsOf(
  account: string,
  strips: Strips | undefined,
  open: (instance: InstanceBody) => void,
): Column<InstanceBody>[] {
  return [
    {
      name: "id",
      label: "Instance",
      cell: (one) => (
        <span class="two-line">
          <span class="cut">
            <Shape name={lookOf(one)} said />{" "}
            <a class="name" tabIndex={-1} href={instanceAt(account, one.service, one.id)}>
              {one.id}
            </a>
            {one.override === null ? null : (
              <>
                {" "}
                <Shape name="override" said />
              </>
            )}
            {isAskedFor(one.service, one.id) ? <span class="tag">asked</span> : null}
          </span>
          {outputOf(one) === "" ? null : <code class="under">{outputOf(one)}</code>}
        </span>
      ),
    },
    { name: "address", label: "Address", cell: ({ address, port }) => <code>{`${address}:${port}`}</code> },
    { name: "version", label: "Version", class: "not-phone", cell: ({ version }) => version },
    { name: "zone", label: "Zone", class: "not-phone second", cell: ({ zone }) => zone },
    {
      name: "since",
      label: "Status for",
      class: "not-phone num second",
      cell: ({ statusSince }) => <Age at={statusSince} />,
    },
    {
      name: "strip",
      class: "not-phone strip-cell",
      label:
        strips === undefined ? (
          <span class="unseen">Last hour</span>
        ) : (
          <span class="axis-labels">
            <span>1 h ago</span>
            <span>now</span>
          </span>
        ),
      cell: (one) => (
        <>
          {strips === undefined ? null : (
            <Strip spans={strips.of.get(one.id) ?? []} fromMs={strips.fromMs} toMs={strips.toMs} />
          )}
          <button
            type="button"
            class="more"
            tabIndex={-1}
            aria-label={`What can be done with ${one.id}`}
            onClick={() => open(one)}
          >
            …
          </button>
        </>
      ),
    },
  ];
}
