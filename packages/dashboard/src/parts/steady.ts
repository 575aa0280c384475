/** Rows that do not move under the pointer or the focus: a new order waits until both are gone for two seconds. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

const AWAY_MS = 2000;

export interface Steady<T> {
  readonly items: readonly T[];
  /** How many rows would be elsewhere in the new order. */
  readonly waiting: number;
  readonly apply: () => void;
}

/** Begins with the order of before: what is nearly sorted is sorted in one pass. */
function useSorted<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  compare: (one: T, other: T) => number,
  kind: string,
): readonly T[] {
  const former = useRef<readonly string[]>([]);
  return useMemo(() => {
    const rest = new Map(items.map((item) => [keyOf(item), item]));
    const order: T[] = [];
    for (const key of former.current) {
      const item = rest.get(key);
      if (item === undefined) continue;
      order.push(item);
      rest.delete(key);
    }
    order.push(...rest.values());
    order.sort(compare);
    former.current = order.map(keyOf);
    return order;
  }, [items, kind]);
}

/** `kind`: another one sorts at once (another filter, another order). */
export function useSteady<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  compare: (one: T, other: T) => number,
  kind: string,
  place: { readonly current: HTMLElement | null },
): Steady<T> {
  const sorted = useSorted(items, keyOf, compare, kind);
  const shown = useRef<{ kind: string; keys: readonly string[] }>({ kind: "", keys: [] });
  const [, again] = useState(0);
  const awayMs = useRef(0);
  const isNear = (): boolean => {
    const table = place.current;
    const near = table !== null && (table.matches(":hover") || table.contains(document.activeElement));
    if (near) awayMs.current = performance.now() + AWAY_MS;
    return performance.now() < awayMs.current;
  };
  const mustWait = shown.current.kind === kind && isNear();
  const keys = sorted.map(keyOf);
  let result: readonly T[] = sorted;
  let waiting = 0;
  if (mustWait) {
    const byKey = new Map(sorted.map((item) => [keyOf(item), item]));
    const former = shown.current.keys.filter((key) => byKey.has(key));
    const known = new Set(former);
    const order = [...former, ...keys.filter((key) => !known.has(key))];
    waiting = order.filter((key, index) => keys[index] !== key).length;
    result = order.map((key) => byKey.get(key) as T);
    shown.current = { kind, keys: order };
  } else shown.current = { kind, keys };
  useEffect(() => {
    if (waiting === 0) return undefined;
    const timer = setInterval(() => again((turn) => turn + 1), 500);
    return () => clearInterval(timer);
  }, [waiting > 0]);
  const apply = (): void => {
    awayMs.current = 0;
    shown.current = { kind: "", keys: [] };
    again((turn) => turn + 1);
  };
  return { items: result, waiting, apply };
}
