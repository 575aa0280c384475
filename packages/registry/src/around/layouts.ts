/**
 * @live Layouts that are turned on or off: what is there when a registry starts gets its other face, or loses it. Which
 * layouts an account had is remembered in reserved keys; a start that is cut off begins again.
 */
import {
  type Account,
  type AccountView,
  type Bytes,
  backsUnder,
  type Command,
  fromBytes,
  type InstanceKey,
  type Layout,
  linksOf,
  ownLease,
  prefixEnd,
  type Registry,
  readBack,
  toBytes,
} from "../core/index.ts";

/** Which layout lies at a prefix: the key says where, the value which kind, and after a blank by which rule. */
const ON: Bytes = "\0rollcall/layouts/";
/** Faces that are brought to the same state at once. */
const CHUNK = 200;

export interface LayoutsParts {
  readonly registry: Registry;
  /** By account: what is configured. */
  readonly layouts: ReadonlyMap<Account, readonly Layout[]>;
  /** Makes a layout that was configured before; undefined for a kind that is not known. */
  make(kind: string, prefix: Bytes, rule: string): Layout | undefined;
  /** Told once for each layout that is new or gone. `refused`: faces that were left out, and why the first was. */
  tell(done: Settled): void;
}

export interface Settled {
  readonly account: Account;
  readonly kind: string;
  readonly prefix: Bytes;
  readonly on: boolean;
  readonly refused: number;
  readonly why: string;
}

/** Resolves when all faces are as the configuration says. To be called before anybody else changes anything. */
export async function settleLayouts(parts: LayoutsParts): Promise<void> {
  for (const { account, name, prefix } of gone(parts)) {
    const [kind = "", rule = ""] = name.split(/ (.*)/s);
    const layout = parts.make(kind, prefix, rule);
    const left = layout === undefined ? NOTHING_LEFT : await takeDown(parts, account, layout);
    await parts.registry.propose(account, { kind: "delete", from: ON + prefix });
    parts.tell({ account, kind, prefix, on: false, ...left });
  }
  for (const [account, layouts] of parts.layouts)
    for (const layout of layouts) {
      const { kind, prefix } = layout;
      if (parts.registry.read((view) => view.entry(account, ON + prefix)?.value) === nameOf(layout)) continue;
      const left = await putUp(parts, account, layout);
      await parts.registry.propose(account, { kind: "put", key: ON + prefix, value: nameOf(layout) });
      parts.tell({ account, kind, prefix, on: true, ...left });
    }
}

interface Left {
  readonly refused: number;
  readonly why: string;
}

const NOTHING_LEFT: Left = { refused: 0, why: "" };

function nameOf({ kind, rule }: Layout): Bytes {
  return toBytes(rule === undefined ? kind : `${kind} ${rule}`);
}

/** The layouts that were there at the last start and are no more, or are others. */
function gone({ registry, layouts }: LayoutsParts): { account: Account; name: string; prefix: Bytes }[] {
  return registry.read((view) =>
    [...view.accounts()].flatMap((account) =>
      [...account.entries(ON, prefixEnd(ON))]
        .filter(
          ({ key, value }) =>
            !layouts.get(account.name)?.some((one) => ON + one.prefix === key && nameOf(one) === value),
        )
        .map(({ key, value }) => ({ account: account.name, name: fromBytes(value), prefix: key.slice(ON.length) })),
    ),
  );
}

/** Entries become instances, and instances entries. */
async function putUp({ registry }: LayoutsParts, account: Account, { prefix }: Layout): Promise<Left> {
  const all = (read: (view: AccountView) => Command[]): Command[] =>
    registry.read((view) => {
      const found = view.account(account);
      return found === undefined ? [] : read(found);
    });
  const entries = all((view) =>
    [...view.entries(prefix, prefixEnd(prefix))].map(({ key }) => ({ kind: "mirror", keys: [key], instances: [] })),
  );
  const first = await proposeAll(registry, account, entries);
  const instances = all((view) =>
    [...view.instances()].map(({ service, id }) => ({ kind: "mirror", keys: [], instances: [{ service, id }] })),
  );
  const then = await proposeAll(registry, account, instances);
  return { refused: first.refused + then.refused, why: first.why || then.why };
}

/** Entries that came of instances go, and instances that came of entries. */
async function takeDown({ registry }: LayoutsParts, account: Account, layout: Layout): Promise<Left> {
  const { prefix } = layout;
  const commands = registry.read((view) => {
    const backs = view.entries(account, backsUnder(prefix), prefixEnd(backsUnder(prefix)));
    const remembered = [...backs].map((record) => readBack(record));
    // The others are named by their entries, in a way that has to be remembered.
    const made = remembered.filter(({ entry, instance }) => {
      const said = layout.toInstance(entry, view.entry(account, entry)?.value ?? "", null);
      return said?.service !== instance.service || said.id !== instance.id;
    });
    const own = new Set(made.map(({ entry }) => entry));
    const links = remembered.flatMap(({ entry, instance }) => linksOf(layout, instance, entry));
    const keys = [...own, ...links];
    const said: InstanceKey[] = [];
    const free: Bytes[] = [];
    for (const { key, value, lease } of view.entries(account, prefix, prefixEnd(prefix))) {
      const instance = own.has(key) ? null : layout.toInstance(key, value, null);
      if (instance === null) continue;
      if (view.instance(account, instance.service, instance.id)?.via === layout.kind)
        said.push({ service: instance.service, id: instance.id });
      // It lived as long as its instance was heard of.
      if (lease === ownLease(instance)) free.push(key);
    }
    return [
      ...keys.map((from): Command => ({ kind: "delete", from })),
      ...free.map((key): Command => ({ kind: "put", key, value: "", keepValue: true, lease: null })),
      ...said.map((instance): Command => ({ kind: "deregister", instance })),
    ];
  });
  return proposeAll(registry, account, commands);
}

/** Many at once; where that is refused, one by one. What is gone meanwhile needs nothing. */
async function proposeAll(registry: Registry, account: Account, commands: readonly Command[]): Promise<Left> {
  let left = NOTHING_LEFT;
  for (let at = 0; at < commands.length; at += CHUNK) {
    const chunk = commands.slice(at, at + CHUNK);
    const together = await registry.propose(account, { kind: "when", guards: [], then: chunk, otherwise: [] });
    for (const command of together.ok ? [] : chunk) {
      const outcome = await registry.propose(account, command);
      if (!outcome.ok && outcome.refusal !== "not-found")
        left = { refused: left.refused + 1, why: left.why || outcome.detail };
    }
  }
  return left;
}
