/** All services: windowed, worst first, and in an order that does not move under the pointer. */
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { touched } from "../../data/catalog.ts";
import { query, setQuery } from "../../data/router.ts";
import { type Filter, filterText, isFiltered, matchesService, toFilter } from "../../model/filter.ts";
import { count, plural } from "../../model/numbers.ts";
import { serviceAt } from "../../model/places.ts";
import type { Summary, Tally } from "../../model/summary.ts";
import { compareNames, compareServices, rankOf, shapeOf } from "../../model/verdict.ts";
import { Bar } from "../../parts/bar.tsx";
import { Card } from "../../parts/card.tsx";
import { type Choices, FilterBar } from "../../parts/filters.tsx";
import { Shape } from "../../parts/shape.tsx";
import { useSteady } from "../../parts/steady.ts";
import { type Column, Table } from "../../parts/table.tsx";
import { Age } from "../../parts/time.tsx";

interface Props {
  readonly account: string;
  readonly services: readonly Summary[];
}

const ORDERS: Readonly<Record<string, (one: Summary, other: Summary) => number>> = {
  worst: compareServices,
  name: (one, other) => compareNames(one.service, other.service),
  usable: (one, other) => one.usable / (one.all || 1) - other.usable / (other.all || 1) || compareServices(one, other),
  all: (one, other) => other.all - one.all || compareServices(one, other),
  changed: (one, other) => compareNames(other.changedAt ?? "", one.changedAt ?? "") || compareServices(one, other),
  consumers: (one, other) => other.consumers - one.consumers || compareServices(one, other),
};

export function Services({ account, services }: Props): JSX.Element {
  const filter = toFilter((name) => query.value.get(name));
  const order = query.value.get("sort") ?? "worst";
  const compare = ORDERS[order] ?? compareServices;
  const table = useRef<HTMLDivElement>(null);
  const matching = useMemo(
    () => services.filter((one) => matchesService(one, filter)),
    [services, JSON.stringify(filter)],
  );
  const { items, waiting, apply } = useSteady(matching, keyOf, compare, `${order} ${JSON.stringify(filter)}`, table);
  const instances = matching.reduce((sum, { all }) => sum + all, 0);
  return (
    <Card
      bare
      title="Services"
      note={
        isFiltered(filter)
          ? `${count(matching.length)} of ${count(services.length)}`
          : `${count(services.length)} · ${plural(instances, "instance")}`
      }
    >
      <FilterBar
        filter={filter}
        choices={choicesOf(services)}
        chips={chipsOf(services)}
        placeholder="Filter by name or tag"
      />
      {waiting > 0 ? (
        <div class="sort-note">
          <button type="button" class="small-button" onClick={apply}>
            {plural(waiting, "change")}, sort again
          </button>
        </div>
      ) : null}
      {matching.length === 0 ? (
        <NoMatch filter={filter} all={services.length} />
      ) : (
        <div class="data" ref={table}>
          <Table
            label="Services"
            class="services"
            items={items}
            columns={columnsOf(account, order)}
            keyOf={keyOf}
            hrefOf={(one) => serviceAt(account, one.service)}
            classOf={(one) => (touched.value.has(one.service) ? "touched" : "")}
          />
        </div>
      )}
    </Card>
  );
}

function keyOf({ service }: Summary): string {
  return service;
}

function NoMatch({ filter, all }: { filter: Filter; all: number }): JSX.Element {
  return (
    <div class="in spaced" role="status">
      <p>
        No service matches <b>{filterText(filter)}</b>. There are {count(all)} without this filter.
      </p>
      <div class="row">
        <button
          type="button"
          class="button"
          onClick={() => setQuery({ q: null, status: null, zone: null, version: null, via: null, tag: null })}
        >
          Take the filter off
        </button>
      </div>
    </div>
  );
}

function namesOf(services: readonly Summary[], pick: (one: Summary) => Tally): string[] {
  return [...new Set(services.flatMap((one) => Object.keys(pick(one))))].sort();
}

function choicesOf(services: readonly Summary[]): Choices {
  return {
    zone: namesOf(services, ({ zones }) => zones),
    version: namesOf(services, ({ versions }) => versions),
    via: namesOf(services, ({ via }) => via),
    tag: [...new Set(services.flatMap(({ tags }) => tags))].sort(),
  };
}

function chipsOf(services: readonly Summary[]): readonly (readonly [status: string, label: string, n: number])[] {
  const of = (status: string) =>
    services.filter((one) => matchesService(one, { q: "", zone: "", version: "", via: "", tag: "", status })).length;
  return [
    ["", "All", services.length],
    ["trouble", "In trouble", of("trouble")],
    ["unusable", "No usable", of("unusable")],
    ["held", "Held", of("held")],
    ["changing", "Changing", of("changing")],
  ];
}

/** `eu-1a, eu-1c`, or `3 zones`. */
function few(tally: Tally, word: string): string {
  const names = Object.keys(tally);
  return names.length <= 2 ? names.join(", ") : `${names.length} ${word}`;
}

function columnsOf(account: string, order: string): Column<Summary>[] {
  const sort = (name: string, direction: "ascending" | "descending") => ({
    onSort: () => setQuery({ sort: order === name || name === "worst" ? null : name }),
    sorted: order === name ? direction : undefined,
  });
  return [
    {
      name: "service",
      label: "Service",
      ...sort("name", "ascending"),
      cell: (one) => (
        <>
          <Shape name={shapeOf(rankOf(one))} said />{" "}
          <a class="name" tabIndex={-1} href={serviceAt(account, one.service)}>
            {one.service}
          </a>
          {one.overrides > 0 ? (
            <>
              {" "}
              <Shape name="override" said />
            </>
          ) : null}
        </>
      ),
    },
    {
      name: "usable",
      label: "Usable",
      class: "num",
      ...sort("usable", "ascending"),
      cell: (one) => (
        <>
          <b class={one.usable === 0 ? "critical-text" : ""}>{count(one.usable)}</b>{" "}
          <span class="second">of {count(one.all)}</span>
        </>
      ),
    },
    { name: "bar", label: "By status", cell: (one) => <Bar counts={one.counts} /> },
    { name: "zones", label: "Zones", class: "wide-only second", cell: (one) => few(one.zones, "zones") },
    { name: "versions", label: "Versions", class: "not-phone second", cell: (one) => few(one.versions, "versions") },
    { name: "via", class: "not-phone second", label: "Via", cell: (one) => few(one.via, "dialects") },
    {
      name: "consumers",
      class: "num wide-only",
      label: "Consumers",
      ...sort("consumers", "descending"),
      cell: (one) => count(one.consumers),
    },
    {
      name: "changed",
      class: "num not-phone second",
      label: "Changed",
      ...sort("changed", "descending"),
      cell: (one) => (one.changedAt === null ? "" : <Age at={one.changedAt} />),
    },
  ];
}
