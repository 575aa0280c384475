/**
 * The map's columns: callers left, providers right. Circles count as one (strongly connected components), a column is the
 * longest way from the left, and eight sweeps by the mean place of neighbours bring those that belong together near.
 */
export interface Edge {
  /** Who calls. */
  readonly from: string;
  readonly to: string;
}

export interface Columns {
  /** Names, top to bottom, in columns from left to right. */
  readonly columns: readonly (readonly string[])[];
  readonly placeOf: ReadonlyMap<string, { readonly column: number; readonly row: number }>;
}

const SWEEPS = 8;

export function layOut(names: readonly string[], edges: readonly Edge[]): Columns {
  const out = neighbours(names, edges, "from", "to");
  const into = neighbours(names, edges, "to", "from");
  const components = findComponents(names, out);
  const columnOf = longestWays(components, edges, names);
  const columns: string[][] = [];
  for (const name of names) {
    const column = columnOf.get(name) ?? 0;
    columns[column] ??= [];
    (columns[column] as string[]).push(name);
  }
  for (let i = 0; i < columns.length; i++) columns[i] ??= [];
  for (let sweep = 0; sweep < SWEEPS; sweep++) arrange(columns, sweep % 2 === 0 ? into : out, sweep % 2 === 0);
  const placeOf = new Map(columns.flatMap((all, column) => all.map((name, row) => [name, { column, row }] as const)));
  return { columns, placeOf };
}

function neighbours(names: readonly string[], edges: readonly Edge[], from: keyof Edge, to: keyof Edge) {
  const map = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const edge of edges) if (edge.from !== edge.to && map.has(edge[to])) map.get(edge[from])?.push(edge[to]);
  return map;
}

/** Tarjan's algorithm, without recursion: name -> number of its component; a component's number is greater than those it leads to. */
function findComponents(names: readonly string[], out: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const component = new Map<string, number>();
  const stack: string[] = [];
  let found = 0;
  for (const start of names) {
    if (index.has(start)) continue;
    const way: { name: string; next: number }[] = [];
    const enter = (name: string): void => {
      index.set(name, index.size);
      low.set(name, index.get(name) as number);
      stack.push(name);
      way.push({ name, next: 0 });
    };
    enter(start);
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      const to = out.get(top.name)?.[top.next++];
      if (to === undefined) {
        way.pop();
        const lowest = low.get(top.name) as number;
        const above = way.at(-1);
        if (above !== undefined) low.set(above.name, Math.min(low.get(above.name) as number, lowest));
        if (lowest === index.get(top.name)) {
          for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
            component.set(name, found);
            if (name === top.name) break;
          }
          found++;
        }
      } else if (!index.has(to)) enter(to);
      else if (!component.has(to)) low.set(top.name, Math.min(low.get(top.name) as number, index.get(to) as number));
    }
  }
  return component;
}

function longestWays(component: ReadonlyMap<string, number>, edges: readonly Edge[], names: readonly string[]) {
  const count = Math.max(-1, ...component.values()) + 1;
  const into: Set<number>[] = Array.from({ length: count }, () => new Set());
  for (const { from, to } of edges) {
    const [one, other] = [component.get(from), component.get(to)];
    if (one !== undefined && other !== undefined && one !== other) into[other]?.add(one);
  }
  const depth = new Array<number>(count).fill(0);
  // Callers have greater numbers than what they call.
  for (let at = count - 1; at >= 0; at--)
    for (const caller of into[at] as Set<number>)
      depth[at] = Math.max(depth[at] as number, (depth[caller] as number) + 1);
  return new Map(names.map((name) => [name, depth[component.get(name) as number] as number]));
}

function arrange(columns: string[][], near: ReadonlyMap<string, readonly string[]>, forward: boolean): void {
  const order = forward ? columns.keys() : [...columns.keys()].reverse();
  for (const at of order) {
    const rows = new Map(columns.flatMap((names) => names.map((name, row) => [name, row] as const)));
    const mean = (name: string): number => {
      const places = (near.get(name) ?? []).map((one) => rows.get(one) ?? 0);
      return places.length === 0
        ? (rows.get(name) as number)
        : places.reduce((sum, one) => sum + one, 0) / places.length;
    };
    const means = new Map((columns[at] as string[]).map((name) => [name, mean(name)]));
    (columns[at] as string[]).sort((one, other) => (means.get(one) as number) - (means.get(other) as number));
  }
}

/** All that lead to `focus` over others, or that it leads to, without the direct ones. */
export function reach(focus: string, edges: readonly Edge[], way: "callers" | "providers") {
  const [near, far] = way === "callers" ? (["to", "from"] as const) : (["from", "to"] as const);
  const next = new Map<string, string[]>();
  for (const edge of edges) next.set(edge[near], [...(next.get(edge[near]) ?? []), edge[far]]);
  const direct = [...new Set(next.get(focus) ?? [])].filter((name) => name !== focus);
  const seen = new Set([focus, ...direct]);
  const queue = [...direct];
  for (let name = queue.pop(); name !== undefined; name = queue.pop())
    for (const other of next.get(name) ?? []) {
      if (seen.has(other)) continue;
      seen.add(other);
      queue.push(other);
    }
  const behind = [...seen].filter((name) => name !== focus && !direct.includes(name));
  return { direct, behind };
}
