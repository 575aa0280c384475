/** Routes as data: a table that the dispatch, descriptions of the API, and tests read. */

export interface Pattern {
  readonly method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** Segments that begin with ":" are parameters; a last segment "*" takes the raw rest, slashes and all. */
  readonly pattern: string;
}

/** Where a path leads. */
export interface Match<R> {
  /** By method. */
  readonly routes: ReadonlyMap<string, R>;
  /** Still percent-encoded. */
  readonly params: readonly string[];
  readonly tail: string;
}

/** One step of a path. */
class Junction<R> {
  readonly literals = new Map<string, Junction<R>>();
  parameter: Junction<R> | undefined = undefined;
  /** Routes that end here. */
  readonly routes = new Map<string, R>();
  /** Routes that take the rest of the path. */
  readonly tails = new Map<string, R>();
}

export class Table<R extends Pattern> {
  readonly #root = new Junction<R>();

  constructor(routes: readonly R[]) {
    for (const route of routes) this.#add(route);
  }

  #add(route: R): void {
    let at = this.#root;
    const segments = route.pattern.slice(1).split("/");
    const tail = segments.at(-1) === "*";
    for (const segment of tail ? segments.slice(0, -1) : segments) {
      if (segment.startsWith(":")) {
        at.parameter ??= new Junction();
        at = at.parameter;
      } else {
        const next = at.literals.get(segment) ?? new Junction();
        at.literals.set(segment, next);
        at = next;
      }
    }
    (tail ? at.tails : at.routes).set(route.method, route);
  }

  /** Walks the raw path. A literal goes before a parameter. */
  match(path: string): Match<R> | undefined {
    const params: string[] = [];
    let at = this.#root;
    let from = 1;
    for (;;) {
      const slash = path.indexOf("/", from);
      const segment = slash < 0 ? path.slice(from) : path.slice(from, slash);
      const literal = at.literals.get(segment);
      if (literal !== undefined) at = literal;
      else if (at.parameter !== undefined && segment !== "") {
        params.push(segment);
        at = at.parameter;
      } else return undefined;
      if (slash < 0) return at.routes.size === 0 ? undefined : { routes: at.routes, params, tail: "" };
      from = slash + 1;
      if (at.tails.size > 0) return { routes: at.tails, params, tail: path.slice(from) };
    }
  }
}

/** These methods as an Allow header. HEAD goes with GET, and OPTIONS with any. */
export function allowOf(methods: Iterable<string>): string {
  const all = [...methods];
  return [...all, ...(all.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
}

/** The methods for an Allow header. */
export function allowIn({ routes }: Match<unknown>): string {
  return allowOf(routes.keys());
}
