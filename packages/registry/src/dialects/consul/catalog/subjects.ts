/** What queries of the catalog wait for: changes of one service, of one node, or of all. */
import {
  type AccountView,
  type Change,
  type Commit,
  type InstanceRecord,
  type KeyRecord,
  prefixEnd,
  type Scope,
  subjectOf,
} from "../../../core/index.ts";
import type { Seen, Subject } from "../requests/blocking.ts";
import { checksOf, encodeCheck, nodeChecksOf, type ShownCheck } from "./checks.ts";
import { find, findView, type Lens, nodeOf, servicesOf } from "./listing.ts";
import { NODES, nodeKey, nodesRevision, toStored } from "./nodes.ts";
import { placeOf, sameNode } from "./place.ts";

const NODE_KEYS = { from: NODES, to: prefixEnd(NODES) };
const ALL: Omit<Scope, "account"> = { anyService: true, keys: NODE_KEYS };

type Show = Subject["show"];

/** Changes of a service's instances, and of the nodes that they stand on. `account` as it is now. */
export function aboutService(account: AccountView | undefined, name: string, lens: Lens, show: Show): Subject {
  const actual = (account && findView(account, name)?.name) ?? name;
  return { scope: { services: [actual], keys: NODE_KEYS }, look: (now) => lookAtService(now, actual, lens), show };
}

function lookAtService(account: AccountView | undefined, name: string, lens: Lens): Seen {
  const service = account?.service(name);
  const listed = find(account, name, lens);
  if (account === undefined || (service === undefined && listed.length === 0))
    // Nobody has heard of it: what others did counts in this number.
    return { index: account?.catalogRevision ?? 0, exact: false, absent: true };
  let index = service?.revision ?? 1;
  if (nodesRevision(account) > index)
    for (const one of service === undefined ? listed : servicesOf(service, lens))
      index = Math.max(index, nodeOf(account, one, lens).modifyIndex);
  return { index, exact: true, absent: listed.length === 0 };
}

/** Checks in this state (or in `any`), of services and nodes: what else is said of them is none of it. */
export function aboutState(state: string, lens: Lens, show: Show): Subject {
  return {
    scope: ALL,
    look: (account) => ({ ...lookAtAll(account), exact: false }),
    concerns: (commit) => {
      const states = touchedStates(commit, lens);
      return state === "any" ? states.size > 0 : states.has(state);
    },
    show,
  };
}

/** Worked out once for all that wait. */
const touched = new WeakMap<Commit, ReadonlySet<string>>();

/** The states that checks left, came to, or changed in otherwise. */
function touchedStates(commit: Commit, lens: Lens): ReadonlySet<string> {
  const known = touched.get(commit);
  if (known !== undefined) return known;
  const states = new Set<string>();
  for (const change of commit.changes) {
    if (change.kind === "lease") continue;
    const [before, after] =
      change.kind === "instance"
        ? [checksAt(change.before, lens), checksAt(change.after, lens)]
        : subjectOf(change).key.startsWith(NODES)
          ? [checksIn(change.before), checksIn(change.after)]
          : [NO_CHECKS, NO_CHECKS];
    for (const [check, state] of before) if (!after.has(check)) states.add(state);
    for (const [check, state] of after) if (!before.has(check)) states.add(state);
  }
  touched.set(commit, states);
  return states;
}

type States = ReadonlyMap<string, string>;

const NO_CHECKS: States = new Map();

/** Each with its state, as it is shown but for its indexes. */
function statesOf(checks: readonly ShownCheck[]): States {
  return new Map(checks.map((check) => [encodeCheck({ ...check, createIndex: 0, modifyIndex: 0 }), check.status]));
}

function checksAt(record: InstanceRecord | null, { agent }: Lens): States {
  return record === null ? NO_CHECKS : statesOf(checksOf(record, placeOf(record, agent.node)));
}

function checksIn(record: KeyRecord | null): States {
  return record === null ? NO_CHECKS : statesOf(nodeChecksOf({ ...toStored(record), createIndex: 0, modifyIndex: 0 }));
}

/** Services that come, go, or change their tags: a check's result is none of it. */
export function aboutNames(isFiltered: boolean, show: Show): Subject {
  return {
    scope: { anyService: true },
    look: (account) => ({ index: account?.catalogRevision ?? 0, exact: false, absent: false }),
    // A filter may ask for anything.
    concerns: (commit) => isFiltered || hasInstance(commit, isRenamed),
    show,
  };
}

/** Nodes that come, go or change. The agent's is always there, whatever comes and goes on it. */
export function aboutNodes(lens: Lens, show: Show): Subject {
  const own = lens.agent.node;
  const isElsewhere = (record: InstanceRecord | null): boolean =>
    record !== null && !sameNode(placeOf(record, own).node, own);
  return {
    scope: ALL,
    look: (account) => ({ ...lookAtAll(account), exact: false }),
    concerns: (commit) =>
      commit.changes.some((change) => change.kind === "key" && subjectOf(change).key.startsWith(NODES)) ||
      hasInstance(commit, (change) => isMoved(change) && (isElsewhere(change.before) || isElsewhere(change.after))),
    show,
  };
}

/** A node, its checks, and what stands on it. */
export function aboutNode(node: string, lens: Lens, show: Show): Subject {
  const key = nodeKey(node);
  const isOn = (record: InstanceRecord | null): boolean =>
    record !== null && sameNode(placeOf(record, lens.agent.node).node, node);
  return {
    scope: ALL,
    look: (account) => ({ ...lookAtAll(account), exact: false }),
    concerns: (commit) =>
      commit.changes.some((change) => change.kind === "key" && subjectOf(change).key === key) ||
      hasInstance(commit, ({ before, after }) => isOn(before) || isOn(after)),
    show,
  };
}

function lookAtAll(account: AccountView | undefined): Seen {
  const index = account === undefined ? 0 : Math.max(account.catalogRevision, nodesRevision(account));
  return { index, exact: true, absent: false };
}

type InstanceChange = Extract<Change, { readonly kind: "instance" }>;

function hasInstance(commit: Commit, test: (change: InstanceChange) => boolean): boolean {
  return commit.changes.some((change) => change.kind === "instance" && test(change));
}

function isRenamed({ before, after }: InstanceChange): boolean {
  if (before === null || after === null || before.service !== after.service) return true;
  return before.tags !== after.tags && before.tags.join("\n") !== after.tags.join("\n");
}

function isMoved({ before, after }: InstanceChange): boolean {
  if (before === null || after === null) return true;
  return before.address !== after.address || before.meta !== after.meta;
}
