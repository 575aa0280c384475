/** The layouts that there are: registrations by convention. */
import { type Account, type Bytes, type Layout, toBytes } from "../core/index.ts";
import { createCurator, PAYLOADS } from "../layouts/curator.ts";
import { createDubbo } from "../layouts/dubbo.ts";
import { createGoKit } from "../layouts/etcd/go-kit.ts";
import { createGoMicro } from "../layouts/etcd/go-micro.ts";
import { createGrpc } from "../layouts/etcd/grpc.ts";
import { createSkydns } from "../layouts/etcd/skydns.ts";
import { createNerve } from "../layouts/nerve.ts";
import { createPattern } from "../layouts/pattern.ts";
import { createServerset } from "../layouts/serverset.ts";

/** By a rule that is nothing where the kind has none. */
const LAYOUTS: Readonly<Record<string, (prefix: Bytes, rule: string) => Layout>> = {
  serverset: createServerset,
  nerve: createNerve,
  curator: (prefix) => createCurator(prefix),
  ...Object.fromEntries(Object.keys(PAYLOADS).map((kind) => [kind, (prefix: Bytes) => createCurator(prefix, kind)])),
  "dubbo-interfaces": createDubbo,
  "go-kit": createGoKit,
  "go-micro": createGoMicro,
  grpc: createGrpc,
  skydns: createSkydns,
  pattern(prefix, rule) {
    const [pattern = "", lifeMs] = rule.split(/ (?=\d+$)/);
    return createPattern(prefix, pattern, lifeMs === undefined ? undefined : Number(lifeMs));
  },
};

export const LAYOUT_KINDS: readonly string[] = Object.keys(LAYOUTS);

/** As the configuration says it. The prefix ends with a slash. */
export interface ConfiguredLayout {
  readonly account: Account;
  readonly kind: string;
  readonly prefix: string;
  /** Of the kind `pattern`, with the life in ms after a blank where it has one. */
  readonly rule?: string;
}

/** Undefined for a kind that there is not. */
export function createLayout(kind: string, prefix: Bytes, rule: string): Layout | undefined {
  return Object.hasOwn(LAYOUTS, kind) ? LAYOUTS[kind]?.(prefix, rule) : undefined;
}

export function createLayouts(configured: readonly ConfiguredLayout[]): ReadonlyMap<Account, readonly Layout[]> {
  const layouts = new Map<Account, readonly Layout[]>();
  for (const { account, kind, prefix, rule = "" } of configured) {
    const layout = createLayout(kind, toBytes(prefix), rule);
    if (layout !== undefined) layouts.set(account, [...(layouts.get(account) ?? []), layout]);
  }
  return layouts;
}
