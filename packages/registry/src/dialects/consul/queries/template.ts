/** Templates: one query for all names that begin alike. `${name.full}`, `${match(1)}` and the like stand for parts of the name. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { type Asked, type Definition, isTemplate } from "./record.ts";

export const TEMPLATE_TYPE = "name_prefix_match";

/** Finds what a pattern's first match and its groups took; undefined for what is no pattern. */
export type CompileGroups = (pattern: string) => ((text: string) => readonly string[] | undefined) | undefined;

const REGEXP_LENGTH_MAX = 1024;

/** What a `${…}` stands for. */
type Part = (names: Names) => string;

interface Names {
  readonly full: string;
  readonly prefix: string;
  readonly suffix: string;
  /** The groups of the pattern. */
  readonly match: readonly string[];
}

const VARIABLES: Readonly<Record<string, Part>> = {
  "name.full": ({ full }) => full,
  "name.prefix": ({ prefix }) => prefix,
  "name.suffix": ({ suffix }) => suffix,
  // There are none of these.
  "agent.segment": () => "",
};

const EXPRESSION = /^\s*(?:([a-z.]+)|match\(\s*([0-9]{1,4})\s*\))\s*$/;

/** A text with what stands in it for parts of the name. */
function parse(text: string): Outcome<readonly (string | Part)[]> {
  const parts: (string | Part)[] = [];
  let at = 0;
  for (let open = text.indexOf("${"); open >= 0; open = text.indexOf("${", at)) {
    if (text[open - 1] === "$") {
      // `$${` is `${` by itself.
      parts.push(`${text.slice(at, open)}{`);
      at = open + 2;
      continue;
    }
    const close = text.indexOf("}", open);
    if (close < 0) return refuse("invalid", "expected closing brace");
    const inner = text.slice(open + 2, close);
    const [, name, nth] = EXPRESSION.exec(inner) ?? [];
    const part =
      nth !== undefined
        ? ({ match }: Names) => match[Number(nth)] ?? ""
        : name !== undefined && Object.hasOwn(VARIABLES, name)
          ? VARIABLES[name]
          : undefined;
    if (part === undefined) return refuse("invalid", `unknown variable accessed: ${inner.slice(0, 100)}`);
    parts.push(text.slice(at, open), part);
    at = close + 1;
  }
  parts.push(text.slice(at));
  return ok(parts);
}

/** What is wrong with a query's template, in the original's words. */
export function refuseTemplate(definition: Definition): string | undefined {
  const why = whyNot(definition);
  return why === undefined ? undefined : `failed compiling template: ${why}`;
}

function whyNot({ Template, Service }: Definition): string | undefined {
  const { Type } = Template;
  if (Type === "") return undefined;
  if (Type !== TEMPLATE_TYPE) return `Bad Template.Type '${Type.slice(0, 100)}'`;
  let wrong: string | undefined;
  walk(Service, (text) => {
    const parsed = parse(text);
    if (!parsed.ok) wrong ??= `Bad format '${text.slice(0, 100)}' in Service: ${parsed.detail}`;
    return text;
  });
  return wrong;
}

/** The same of its pattern. */
export function refuseRegexp({ Template }: Definition, compile: CompileGroups): string | undefined {
  const { Regexp } = Template;
  const isGood = Regexp.length <= REGEXP_LENGTH_MAX && (Regexp === "" || compile(Regexp) !== undefined);
  return isGood ? undefined : `failed compiling template: Bad Regexp: error parsing regexp: ${Regexp.slice(0, 100)}`;
}

/** All texts of it, other than names of members, made anew. */
function walk(value: Asked, change: (text: string) => string): Asked {
  const go = (one: unknown): unknown => {
    if (typeof one === "string") return change(one);
    if (Array.isArray(one)) return one.map(go);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [name, go(inner)]));
  };
  return go(value) as Asked;
}

/** The query as it is meant for this name. */
export function render(definition: Definition, name: string, compile: CompileGroups): Definition {
  if (!isTemplate(definition)) return definition;
  const { Template, Name: prefix, Service } = definition;
  const match = Template.Regexp === "" ? [] : (compile(Template.Regexp)?.(name) ?? []);
  const suffix = name.toLowerCase().startsWith(prefix.toLowerCase()) ? name.slice(prefix.length) : name;
  const names: Names = { full: name, prefix, suffix, match };
  const rendered = walk(Service, (text) => {
    const parsed = parse(text);
    return parsed.ok ? parsed.value.map((part) => (typeof part === "string" ? part : part(names))).join("") : text;
  });
  const { Tags } = rendered;
  const kept = Template.RemoveEmptyTags && Tags !== null ? Tags.filter((tag) => tag !== "") : Tags;
  return { ...definition, Service: { ...rendered, Tags: kept } };
}
