/** Who depends on whom: names in columns, edges of the focus alone, and tables with all of them. */
import type { ConsumersBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { catalog } from "../../data/catalog.ts";
import { useRead } from "../../data/reads.ts";
import { query, setQuery } from "../../data/router.ts";
import { type Edge, reach } from "../../model/layout.ts";
import { count, listed, plural } from "../../model/numbers.ts";
import { serviceAt } from "../../model/places.ts";
import type { Summary } from "../../model/summary.ts";
import { compareServices, isTrouble, rankOf, shapeOf } from "../../model/verdict.ts";
import { Card, Chip, Failure, Loading, Tabs } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { NamedServices } from "../service/dependencies.tsx";
import { Columns } from "./columns.tsx";
import { EdgeTable, Matrix } from "./tables.tsx";

const COLUMNS_MAX = 400;
const REFRESH_MS = 15_000;
const LIST_MAX = 12;
const VIEWS = { columns: "Columns", matrix: "Matrix", table: "Table" } as const;
type View = keyof typeof VIEWS;

export interface KnownEdge extends Edge {
  /** By what it is known. */
  readonly sources: readonly string[];
  /** When it was seen last. */
  readonly seenAt: string;
}

export interface Known {
  readonly account: string;
  readonly names: readonly string[];
  readonly edges: readonly KnownEdge[];
  readonly services: ReadonlyMap<string, Summary>;
  readonly focus: string;
}

export function MapPage({ account }: { account: string }): JSX.Element {
  const { data, error, again } = useRead(`consumers ${account}`, (client) => client.consumers(), {
    everyMs: REFRESH_MS,
  });
  const services = catalog.value?.services;
  const known = useMemo(
    () => (data === undefined || services === undefined ? undefined : toKnown(account, services, data.consumers)),
    [data, services],
  );
  const focus = query.value.get("focus") ?? known?.focus ?? "";
  const asked = query.value.get("view") ?? "columns";
  const view: View = asked in VIEWS ? (asked as View) : "columns";
  return (
    <>
      <div class="head">
        <div class="title">
          <h1>Who depends on whom</h1>
          {known === undefined ? null : (
            <p class="second">
              {plural(known.names.length, "service")}, {plural(known.edges.length, "edge")}, from{" "}
              {listed([...new Set(known.edges.flatMap(({ sources }) => sources))].sort(), 6) || "nobody that asks yet"}
            </p>
          )}
        </div>
        <Tabs
          label="Views"
          tabs={(Object.keys(VIEWS) as View[]).map((name) => ({
            href: hrefOf(name),
            label: VIEWS[name],
            isHere: name === view,
          }))}
        />
      </div>
      {known === undefined ? (
        <Card>
          {error === undefined ? (
            <Loading />
          ) : (
            <Failure what="Who depends on whom could not be read" error={error} again={again} />
          )}
        </Card>
      ) : known.names.length === 0 ? (
        <Card>
          <p>
            Nobody is known to look for a service yet. Subscriptions, and watches that say who asks (`consumer`), draw
            this map.
          </p>
        </Card>
      ) : (
        <Whole known={{ ...known, focus }} view={view} />
      )}
    </>
  );
}

function hrefOf(view: View): string {
  const next = new URLSearchParams(query.value);
  if (view === "columns") next.delete("view");
  else next.set("view", view);
  const text = next.toString();
  return location.pathname + (text === "" ? "" : `?${text}`);
}

function toKnown(account: string, services: readonly Summary[], consumers: ConsumersBody["consumers"]): Known {
  const edges = new Map<string, KnownEdge>();
  for (const { consumer, provider, source, lastSeenAt } of consumers) {
    const key = `${consumer}\0${provider}`;
    const { sources = [], seenAt = "" } = edges.get(key) ?? {};
    edges.set(key, {
      from: consumer,
      to: provider,
      sources: sources.includes(source) ? sources : [...sources, source],
      seenAt: seenAt > lastSeenAt ? seenAt : lastSeenAt,
    });
  }
  const byName = new Map(services.map((one) => [one.service, one]));
  const linked = new Set([...edges.values()].flatMap(({ from, to }) => [from, to]));
  const names = edges.size === 0 ? [] : [...new Set([...linked, ...byName.keys()])].sort();
  const worst = [...services].sort(compareServices).find(({ service }) => linked.has(service));
  return { account, names, edges: [...edges.values()], services: byName, focus: worst?.service ?? names[0] ?? "" };
}

function Whole({ known, view }: { known: Known; view: View }): JSX.Element {
  const { account, focus, edges, services, names } = known;
  const callers = useMemo(() => reach(focus, edges, "callers"), [focus, edges]);
  const needs = useMemo(() => reach(focus, edges, "providers"), [focus, edges]);
  const show = query.value.get("show") ?? "";
  const near = new Set([focus, ...callers.direct, ...callers.behind, ...needs.direct]);
  const shown =
    show === "near"
      ? names.filter((name) => near.has(name))
      : show === "trouble"
        ? names.filter((name) => name === focus || isBad(services.get(name)))
        : names;
  const hasColumns = view === "columns" && shown.length <= COLUMNS_MAX;
  return (
    <>
      <Said known={known} direct={callers.direct} behind={callers.behind.length} />
      <div class="with-side data map-page">
        <div class={hasColumns ? "not-phone-map" : ""}>
          {hasColumns ? (
            <Columns known={{ ...known, names: shown }} callers={callers} needs={needs.direct} />
          ) : view === "matrix" ? (
            <Matrix known={{ ...known, names: shown }} />
          ) : (
            <EdgeTable known={known} />
          )}
        </div>
        <div class="stack">
          <Focus
            known={known}
            near={near.size}
            trouble={names.filter((name) => isBad(services.get(name))).length}
            show={show}
          />
          <Card title="Call it" note={count(callers.direct.length)}>
            <NamedServices account={account} names={callers.direct} max={LIST_MAX} none="Nobody is known to." />
          </Card>
          <Card title="It calls" note={count(needs.direct.length)}>
            <NamedServices account={account} names={needs.direct} max={LIST_MAX} none="Nothing is known." />
          </Card>
          <Card title="Stand behind" note={count(callers.behind.length)}>
            <NamedServices account={account} names={callers.behind} max={LIST_MAX} none="Nobody else." />
          </Card>
        </div>
      </div>
    </>
  );
}

function isBad(summary: Summary | undefined): boolean {
  return summary !== undefined && isTrouble(summary);
}

function Said({ known, direct, behind }: { known: Known; direct: readonly string[]; behind: number }): JSX.Element {
  const { focus, services } = known;
  const summary = services.get(focus);
  const bad = direct.filter((name) => isBad(services.get(name)));
  const state =
    summary === undefined
      ? "is not registered here"
      : summary.usable === 0
        ? "is down"
        : isTrouble(summary)
          ? "is in trouble"
          : "is fine";
  return (
    <section class="card" aria-label="Who is hit">
      <p class="in said">
        <span>
          <Shape name={summary === undefined ? "unknown" : shapeOf(rankOf(summary))} />{" "}
          <b>
            {focus} {state}:{" "}
            {direct.length === 0
              ? "nobody is known to call it"
              : `${plural(direct.length, "service calls", "services call")} it`}
            {behind > 0 ? `, and ${behind} more stand behind those` : ""}.
          </b>{" "}
          <span class="second">
            {bad.length === 0
              ? direct.length === 0
                ? ""
                : "The direct callers are fine so far."
              : `Of the direct callers ${bad.slice(0, 3).join(", ")} ${bad.length === 1 ? "is" : "are"} in trouble already.`}
          </span>
        </span>
      </p>
    </section>
  );
}

function Focus({
  known,
  near,
  trouble,
  show,
}: {
  known: Known;
  near: number;
  trouble: number;
  show: string;
}): JSX.Element {
  const { focus, services, names, account } = known;
  const summary = services.get(focus);
  return (
    <Card>
      <input
        type="search"
        list="map-names"
        data-filter
        aria-label="Service in focus"
        value={focus}
        onChange={(event) =>
          names.includes(event.currentTarget.value) && setQuery({ focus: event.currentTarget.value }, false)
        }
      />
      <datalist id="map-names">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <p class="row">
        <Shape name={summary === undefined ? "unknown" : shapeOf(rankOf(summary))} />
        <b>{focus}</b>
        {summary === undefined ? null : (
          <>
            <span class="second">
              {summary.usable} of {summary.all} usable
            </span>
            <a class="push" href={serviceAt(account, focus)}>
              Open
            </a>
          </>
        )}
      </p>
      <div class="chips">
        <Chip isOn={show === ""} n={names.length} onPick={() => setQuery({ show: null })}>
          All
        </Chip>
        <Chip isOn={show === "near"} n={near} onPick={() => setQuery({ show: "near" })}>
          Only these
        </Chip>
        <Chip isOn={show === "trouble"} n={trouble} onPick={() => setQuery({ show: "trouble" })}>
          In trouble
        </Chip>
      </div>
    </Card>
  );
}
