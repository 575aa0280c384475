/** The `layouts` section of the file: where entries are registrations, and by which convention. */
import { isLegalAccount } from "../../core/index.ts";
import { type ConfiguredLayout, LAYOUT_KINDS } from "../layouts.ts";
import { knownKeys } from "./accounts.ts";
import { show } from "./values.ts";

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
    if (!knownKeys(one, ["account", "prefix", "kind"], at, problems)) continue;
    const { account = "default", prefix, kind } = one;
    if (typeof account !== "string" || !isLegalAccount(account))
      problems.push(`${at}.account: not a legal account name: ${show(account)}`);
    else if (typeof prefix !== "string" || prefix.length > PREFIX_LENGTH_MAX || prefix.startsWith("\0"))
      problems.push(`${at}.prefix: must be a text of at most ${PREFIX_LENGTH_MAX} characters, not ${show(prefix)}`);
    else if (typeof kind !== "string" || !LAYOUT_KINDS.includes(kind))
      problems.push(`${at}.kind: must be one of ${LAYOUT_KINDS.join(", ")}, not ${show(kind)}`);
    else {
      const layout = { account, kind, prefix: `${prefix.replace(/\/+$/, "")}/` };
      if (layouts.some((other) => overlap(other, layout)))
        problems.push(`${at}.prefix: lies within that of another layout of the account, or around it`);
      else layouts.push(layout);
    }
  }
  return layouts;
}

function overlap(a: ConfiguredLayout, b: ConfiguredLayout): boolean {
  return a.account === b.account && (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix));
}
