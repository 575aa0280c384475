/** Columns by rank, callers left; the edges of the focus are drawn behind the names. */
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { setQuery } from "../../data/router.ts";
import { layOut } from "../../model/layout.ts";
import { plural } from "../../model/numbers.ts";
import { isTrouble, rankOf, shapeOf } from "../../model/verdict.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import type { Known } from "./map.tsx";

interface Drawn {
  readonly name: "calls" | "behind" | "needs";
  readonly path: string;
}

interface Props {
  readonly known: Known;
  readonly callers: { readonly direct: readonly string[]; readonly behind: readonly string[] };
  readonly needs: readonly string[];
}

export function Columns({ known, callers, needs }: Props): JSX.Element {
  const { names, edges, focus, services } = known;
  const columns = useMemo(() => toColumns(names, edges), [names, edges]);
  const place = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState<readonly Drawn[]>([]);
  const near = new Set([focus, ...callers.direct, ...callers.behind, ...needs]);
  useLayoutEffect(() => setDrawn(draw(place.current, known, callers, needs)), [columns, focus, callers, needs]);
  return (
    <Card
      bare
      title={plural(names.length, "service")}
      note="callers left, what they need right"
      side={
        <span class="legend">
          <Legend name="calls" text="calls it" />
          <Legend name="behind" text="through others" />
          <Legend name="needs" text="it calls" />
        </span>
      }
    >
      <div class="map" role="region" aria-label="Map" tabIndex={0}>
        <div class="map-inner" ref={place}>
          <svg class="edges" aria-hidden="true" width="100%" height="100%">
            {drawn.map(({ name, path }) => (
              <path key={path} class={name} d={path} />
            ))}
          </svg>
          <ol>
            {columns.map(({ title, names: column }) => (
              <li key={title}>
                <p class="level">{`${title} · ${column.length}`}</p>
                <ol>
                  {column.map((name) => {
                    const summary = services.get(name);
                    const isMarked = name === focus || (summary !== undefined && isTrouble(summary));
                    return (
                      <li key={name}>
                        <button
                          type="button"
                          class={`node ${name === focus ? "focus" : near.has(name) ? "near" : ""}`}
                          aria-pressed={name === focus}
                          title={name}
                          data-name={name}
                          onClick={() => setQuery({ focus: name }, false)}
                        >
                          {isMarked ? (
                            <Shape name={summary === undefined ? "unknown" : shapeOf(rankOf(summary))} said />
                          ) : (
                            <i class="dot" />
                          )}
                          <span>{name}</span>
                        </button>
                      </li>
                    );
                  })}
                </ol>
              </li>
            ))}
          </ol>
        </div>
      </div>
    </Card>
  );
}

/** Those without an edge stand in a column of their own at the end. */
function toColumns(
  names: readonly string[],
  edges: Known["edges"],
): { readonly title: string; readonly names: readonly string[] }[] {
  const linked = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const { columns } = layOut(
    names.filter((name) => linked.has(name)),
    edges,
  );
  const titleOf = (at: number) =>
    at === 0 ? "nobody calls these" : at === columns.length - 1 ? "deepest" : `level ${at + 1}`;
  const apart = names.filter((name) => !linked.has(name));
  return [
    ...columns.map((column, at) => ({ title: titleOf(at), names: column })),
    ...(apart.length > 0 ? [{ title: "no edges known", names: apart }] : []),
  ];
}

function Legend({ name, text }: { name: Drawn["name"]; text: string }): JSX.Element {
  return (
    <span>
      <svg class="edges" width="22" height="6" aria-hidden="true">
        <path class={name} d="M0 3h22" />
      </svg>
      {text}
    </span>
  );
}

/** Where the names stand is asked of the page: columns are as wide as their names. */
function draw(
  place: HTMLElement | null,
  { edges, focus }: Known,
  { direct, behind }: Props["callers"],
  needs: readonly string[],
): Drawn[] {
  if (place === null) return [];
  const origin = place.getBoundingClientRect();
  const boxes = new Map<string, DOMRect>();
  for (const node of place.querySelectorAll<HTMLElement>("[data-name]"))
    boxes.set(node.dataset.name ?? "", node.getBoundingClientRect());
  const toPath = (from: string, to: string): string | undefined => {
    const [one, other] = [boxes.get(from), boxes.get(to)];
    if (one === undefined || other === undefined) return undefined;
    const [x1, y1] = [one.right - origin.left, one.top + one.height / 2 - origin.top];
    const [x2, y2] = [other.left - origin.left, other.top + other.height / 2 - origin.top];
    const bend = Math.max(16, Math.abs(x2 - x1) / 2);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  };
  const close = new Set([...direct, ...behind]);
  return edges.flatMap(({ from, to }) => {
    const isDirect = to === focus && direct.includes(from);
    const isNeed = from === focus && needs.includes(to);
    if (!isDirect && !isNeed && !(behind.includes(from) && close.has(to))) return [];
    const path = toPath(from, to);
    return path === undefined
      ? []
      : [{ name: isDirect ? ("calls" as const) : isNeed ? ("needs" as const) : ("behind" as const), path }];
  });
}
