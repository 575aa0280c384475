/**
 * A table of which only the rows in sight are in the page: all rows are equally high, so nothing is measured. One tab stop;
 * the focus roves over the rows, and the focused row stays.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { navigate } from "../data/router.ts";
import { rows as density } from "../data/wishes.ts";

export interface Column<T> {
  readonly name: string;
  readonly label: ComponentChildren;
  readonly cell: (item: T) => ComponentChildren;
  /** A class of the cells: widths, and on which screens they are left out. */
  readonly class?: string;
  readonly onSort?: (() => void) | undefined;
  readonly sorted?: "ascending" | "descending" | undefined;
}

export interface TableProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (item: T) => string;
  readonly hrefOf?: (item: T) => string;
  /** How high a row is, in px; of the wish when left out. */
  readonly rowPx?: number;
  readonly classOf?: (item: T) => string;
  /** So many rows at the top are higher. */
  readonly tall?: { readonly count: number; readonly px: number };
  readonly class: string;
}

const BEYOND = 8;
/** Before it is known how many are in sight. */
const FIRST = 10;

function wishedRowPx(): number {
  void density.value;
  return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
}

/** Where rows lie: the tall ones first, all others below. */
interface Heights {
  readonly count: number;
  readonly px: number;
  readonly rowPx: number;
}

function topOf(index: number, { count, px, rowPx }: Heights): number {
  return index < count ? index * px : count * px + (index - count) * rowPx;
}

function rowAt(y: number, { count, px, rowPx }: Heights): number {
  return y < count * px ? y / px : count + (y - count * px) / rowPx;
}

/** First and last row in sight. */
function useWindow(count: number, heights: Heights, body: { current: HTMLElement | null }): readonly [number, number] {
  const [range, setRange] = useState<readonly [number, number]>([0, FIRST]);
  useLayoutEffect(() => {
    let frame = 0;
    const look = (): void => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(rowAt(-top, heights)) - BEYOND);
      const last = Math.min(count, Math.ceil(rowAt(innerHeight - top, heights)) + BEYOND);
      setRange((former) => (former[0] === first && former[1] === last ? former : [first, last]));
    };
    const soon = (): void => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    const watched = new ResizeObserver(soon);
    watched.observe(document.body);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
      watched.disconnect();
    };
  }, [count, heights.count, heights.px, heights.rowPx]);
  return range;
}

export function Table<T>(props: TableProps<T>): JSX.Element {
  const { label, items, columns, keyOf, hrefOf } = props;
  const body = useRef<HTMLDivElement>(null);
  const rowPx = props.rowPx ?? wishedRowPx();
  const heights: Heights = { count: props.tall?.count ?? 0, px: props.tall?.px ?? rowPx, rowPx };
  const [first, last] = useWindow(items.length, heights, body);
  const [focused, setFocused] = useState<string | null>(null);
  const at = useMemo(
    () => (focused === null ? -1 : items.findIndex((item) => keyOf(item) === focused)),
    [items, focused],
  );
  useRowKeys(props, at, setFocused, rowPx, body);
  const shown = items.slice(first, last).map((item, index) => [item, first + index] as const);
  const own = items[at];
  if (own !== undefined && (at < first || at >= last)) shown.push([own, at]);
  return (
    <div class={`table ${props.class}`} role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div role="rowgroup">
        <div class="tr head-row" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <span key={column.name} role="columnheader" class={column.class} aria-sort={column.sorted}>
              {column.onSort === undefined ? column.label : <SortButton column={column} />}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" ref={body} style={{ height: `${topOf(items.length, heights)}px` }}>
        {shown.map(([item, index]) => {
          const key = keyOf(item);
          const isTab = at === -1 ? index === 0 : index === at;
          return (
            <div
              key={key}
              class={`tr ${props.classOf?.(item) ?? ""}${hrefOf === undefined ? "" : " goes"}`}
              role="row"
              aria-rowindex={index + 2}
              tabIndex={isTab ? 0 : -1}
              data-row={key}
              style={{
                transform: `translateY(${topOf(index, heights)}px)`,
                height: `${index < heights.count ? heights.px : rowPx}px`,
              }}
              onFocus={() => setFocused(key)}
            >
              {columns.map((column) => (
                <span key={column.name} role="cell" class={column.class}>
                  {column.cell(item)}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function SortButton<T>({ column }: { column: Column<T> }): JSX.Element {
  const arrow = column.sorted === undefined ? "" : column.sorted === "ascending" ? " ↑" : " ↓";
  return (
    <button type="button" class="sort" onClick={column.onSort}>
      {column.label}
      <span aria-hidden="true">{arrow}</span>
    </button>
  );
}

/** `j` and `k` come from the page's shortcuts as events; arrows, Home and End are the table's own. */
function useRowKeys<T>(
  { items, keyOf, hrefOf }: TableProps<T>,
  at: number,
  setFocused: (key: string) => void,
  rowPx: number,
  body: { current: HTMLElement | null },
): void {
  // Keys come faster than the page is drawn: the next step goes on from the last one.
  const now = useRef(at);
  now.current = at;
  useEffect(() => {
    const table = body.current;
    if (table === null) return undefined;
    const go = (to: number): void => {
      const next = Math.max(0, Math.min(items.length - 1, to));
      const item = items[next];
      if (item === undefined) return;
      now.current = next;
      const key = keyOf(item);
      setFocused(key);
      requestAnimationFrame(() => {
        const row = [...table.children].find((one) => (one as HTMLElement).dataset.row === key) as
          | HTMLElement
          | undefined;
        row?.focus({ preventScroll: true });
        row?.scrollIntoView({ block: "nearest" });
      });
    };
    const onMove = (event: Event): void => go(now.current + (event as CustomEvent<number>).detail);
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.target as HTMLElement).dataset.row) return;
      const page = Math.floor(innerHeight / rowPx) - 2;
      const steps: Readonly<Record<string, number>> = {
        ArrowDown: 1,
        ArrowUp: -1,
        PageDown: page,
        PageUp: -page,
        Home: -now.current,
        End: items.length,
      };
      const step = steps[event.key];
      const item = items[now.current];
      if (event.key === "Enter" && hrefOf !== undefined && item !== undefined) navigate(hrefOf(item));
      else if (step === undefined) return;
      else go(now.current + step);
      event.preventDefault();
    };
    const onClick = (event: MouseEvent): void => {
      const target = event.target as Element;
      const key = target.closest<HTMLElement>("[data-row]")?.dataset.row;
      const item = target.closest("a, button, input") ? undefined : items.find((one) => keyOf(one) === key);
      if (item !== undefined && hrefOf !== undefined) navigate(hrefOf(item));
    };
    addEventListener("rollcall:row", onMove);
    table.addEventListener("keydown", onKey);
    table.addEventListener("click", onClick);
    return () => {
      removeEventListener("rollcall:row", onMove);
      table.removeEventListener("keydown", onKey);
      table.removeEventListener("click", onClick);
    };
  }, [items, at, rowPx]);
}
