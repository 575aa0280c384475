/** What a route says of its query. */
import type { Query } from "../http/query.ts";

/**
 * A parameter that a route knows: `name` has one value, `name+` may be given several times, `name.*` stands for all
 * that begin so, and may be given several times.
 */
export type Parameter = string;

/** Its name, without what is said of it. */
export function nameOf(parameter: Parameter): string {
  return parameter.replace(/\+$/, "");
}

export function isRepeatable(parameter: Parameter): boolean {
  return /[+*]$/.test(parameter);
}

/** Why a query is refused, in words: two readers could take different ones of a value given twice. */
export function findMisuse(query: Query, known: readonly Parameter[]): string | undefined {
  for (const name of query.names()) {
    const parameter = known.find((one) => fits(one, name));
    if (parameter === undefined) {
      const all = known.length === 0 ? "none is known here" : `known are ${known.map(nameOf).join(", ")}`;
      return `unknown query parameter ${JSON.stringify(name.slice(0, 100))}; ${all}`;
    }
    if (!isRepeatable(parameter) && query.all(name).length > 1)
      return `query parameter ${name} is there more than once`;
  }
  return undefined;
}

function fits(parameter: Parameter, name: string): boolean {
  return parameter.endsWith("*") ? name.startsWith(parameter.slice(0, -1)) : name === nameOf(parameter);
}
