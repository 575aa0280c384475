/** The layouts that there are: registrations by convention. */
import { type Account, type Bytes, type Layout, toBytes } from "../core/index.ts";
import { createServerset } from "../layouts/serverset.ts";

const LAYOUTS: Readonly<Record<string, (prefix: Bytes) => Layout>> = { serverset: createServerset };

export const LAYOUT_KINDS: readonly string[] = Object.keys(LAYOUTS);

/** As the configuration says it. The prefix ends with a slash. */
export interface ConfiguredLayout {
  readonly account: Account;
  readonly kind: string;
  readonly prefix: string;
}

/** Undefined for a kind that there is not. */
export function createLayout(kind: string, prefix: Bytes): Layout | undefined {
  return Object.hasOwn(LAYOUTS, kind) ? LAYOUTS[kind]?.(prefix) : undefined;
}

export function createLayouts(configured: readonly ConfiguredLayout[]): ReadonlyMap<Account, readonly Layout[]> {
  const layouts = new Map<Account, readonly Layout[]>();
  for (const { account, kind, prefix } of configured) {
    const layout = createLayout(kind, toBytes(prefix));
    if (layout !== undefined) layouts.set(account, [...(layouts.get(account) ?? []), layout]);
  }
  return layouts;
}
