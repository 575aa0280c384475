/** The `layouts` section of the file: where entries are registrations, and by which convention. */
import { isLegalAccount, LIMITS } from "../../core/index.ts";
import { TTL_MS_MAX } from "../../dialects/contract.ts";
import { refusePattern } from "../../layouts/pattern.ts";
import { type ConfiguredLayout, LAYOUT_KINDS } from "../layouts.ts";
import { knownKeys } from "./accounts.ts";
import type { Setting } from "./settings.ts";
import { readValue, show } from "./values.ts";

const PATTERN = "pattern";
type Rule = Pick<ConfiguredLayout, "rule">;
const LIFE: Setting = {
  key: "life",
  kind: "ms",
  default: undefined,
  meaning: "How long an entry is good that is not written again.",
  min: LIMITS.ttlMsMin,
  max: TTL_MS_MAX,
};
const PREFIX_LENGTH_MAX = 512;
/** Each is looked at with every change of its account. */
const LAYOUTS_MAX = 16;

/** Adds a sentence to `problems` for every mistake. */
export function readLayouts(raw: unknown, place: string, problems: string[]): readonly ConfiguredLayout[] {
  const layouts: ConfiguredLayout[] = [];
  if (!Array.isArray(raw) || raw.length > LAYOUTS_MAX) {
    problems.push(`${place}: layouts must be a list of at most ${LAYOUTS_MAX} layouts with account, prefix and kind`);
    return layouts;
  }
  for (const [index, one] of raw.entries()) {
    const at = `${place}: layouts[${index}]`;
    if (!knownKeys(one, ["account", "prefix", "kind", "pattern", "life"], at, problems)) continue;
    const { account = "default", prefix, kind } = one;
    if (typeof account !== "string" || !isLegalAccount(account))
      problems.push(`${at}.account: not a legal account name: ${show(account)}`);
    else if (typeof prefix !== "string" || prefix.length > PREFIX_LENGTH_MAX || prefix.startsWith("\0"))
      problems.push(`${at}.prefix: must be a text of at most ${PREFIX_LENGTH_MAX} characters, not ${show(prefix)}`);
    else if (typeof kind !== "string" || !LAYOUT_KINDS.includes(kind))
      problems.push(`${at}.kind: must be one of ${LAYOUT_KINDS.join(", ")}, not ${show(kind)}`);
    else {
      const rule = kind === PATTERN ? readRule(one, at, problems) : refuseRule(one, at, problems);
      if (rule === undefined) continue;
      const layout = { account, kind, prefix: `${prefix.replace(/\/+$/, "")}/`, ...rule };
      if (layouts.some((other) => overlap(other, layout)))
        problems.push(`${at}.prefix: lies within that of another layout of the account, or around it`);
      else layouts.push(layout);
    }
  }
  return layouts;
}

/** Undefined when something is wrong. */
function readRule({ pattern, life }: Record<string, unknown>, at: string, problems: string[]): Rule | undefined {
  const wrong = typeof pattern === "string" ? refusePattern(pattern) : "must be a text";
  if (wrong !== undefined) problems.push(`${at}.pattern: ${wrong}, as in <service>/<address>:<port>`);
  const read = life === undefined ? undefined : readValue(LIFE, life);
  if (read?.ok === false) problems.push(`${at}.life: ${read.problem}`);
  if (wrong !== undefined || read?.ok === false) return undefined;
  return { rule: read === undefined ? (pattern as string) : `${pattern} ${read.value}` };
}

function refuseRule(one: Record<string, unknown>, at: string, problems: string[]): Rule | undefined {
  const told = ["pattern", "life"].filter((key) => one[key] !== undefined);
  for (const key of told) problems.push(`${at}.${key}: only for the kind ${PATTERN}`);
  return told.length === 0 ? {} : undefined;
}

function overlap(a: ConfiguredLayout, b: ConfiguredLayout): boolean {
  return a.account === b.account && (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix));
}
