/** The same edges as a matrix, and as a table of all of them. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { setQuery } from "../../data/router.ts";
import { plural } from "../../model/numbers.ts";
import { serviceAt } from "../../model/places.ts";
import { compareNames, rankOf, shapeOf } from "../../model/verdict.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Age } from "../../parts/time.tsx";
import type { Known, KnownEdge } from "./map.tsx";

const MATRIX_MAX = 120;

export function Matrix({ known: { names, edges, focus } }: { known: Known }): JSX.Element {
  const linked = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const shown = names.filter((name) => linked.has(name)).slice(0, MATRIX_MAX);
  const has = new Set(edges.map(({ from, to }) => `${from}\0${to}`));
  return (
    <Card
      bare
      title="Matrix"
      note={linked.size > shown.length ? `the first ${MATRIX_MAX}; narrow it at the side` : "rows call columns"}
    >
      <div class="matrix" role="region" aria-label="Matrix" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td />
              {shown.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((from) => (
              <tr key={from}>
                <th scope="row">
                  <button
                    type="button"
                    class={`small-button ${from === focus ? "strong" : ""}`}
                    onClick={() => setQuery({ focus: from }, false)}
                  >
                    {from}
                  </button>
                </th>
                {shown.map((to) =>
                  has.has(`${from}\0${to}`) ? (
                    <td key={to} class="on" title={`${from} calls ${to}`}>
                      <span class="unseen">calls</span>
                    </td>
                  ) : (
                    <td key={to} />
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

export function EdgeTable({ known }: { known: Known }): JSX.Element {
  const { account, edges, focus, services } = known;
  const sorted = useMemo(
    () =>
      [...edges].sort(
        (one, other) =>
          Number(other.from === focus || other.to === focus) - Number(one.from === focus || one.to === focus) ||
          compareNames(one.from, other.from) ||
          compareNames(one.to, other.to),
      ),
    [edges, focus],
  );
  const name = (service: string): JSX.Element => {
    const summary = services.get(service);
    return (
      <>
        <Shape name={summary === undefined ? "unknown" : shapeOf(rankOf(summary))} said />{" "}
        <a class="name" tabIndex={-1} href={serviceAt(account, service)}>
          {service}
        </a>
      </>
    );
  };
  const columns: Column<KnownEdge>[] = [
    { name: "from", label: "Who", cell: ({ from }) => name(from) },
    { name: "to", label: "calls", cell: ({ to }) => name(to) },
    {
      name: "sources",
      label: "Known by",
      class: "not-phone second",
      cell: ({ sources }) => sources.join(", "),
    },
    { name: "seen", label: "Seen", class: "not-phone num second", cell: ({ seenAt }) => <Age at={seenAt} ago /> },
  ];
  return (
    <Card bare title="All edges" note={plural(edges.length, "edge")}>
      <Table
        label="All edges"
        class="edges-table"
        items={sorted}
        columns={columns}
        keyOf={({ from, to }) => `${from}\0${to}`}
        hrefOf={({ to }) => serviceAt(account, to)}
      />
    </Card>
  );
}
