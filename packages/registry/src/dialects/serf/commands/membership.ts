/** @live Members, seen and given up; and what a registry has no part in: joining, leaving and tags of its own. */
import { statusOf } from "../../../core/index.ts";
import type { Call, Reply, Run } from "../desk.ts";
import { toFilter } from "../members/filter.ts";
import { memberStatusOf, toWire } from "../members/member.ts";
import { toText } from "../refusals.ts";
import { flagOf, textMapOf, textOf, textsOf } from "../wire/frames.ts";

/** An answer holds them all: beyond this a client has to ask for fewer. */
const MEMBERS_MAX = 20_000;
const TOO_MANY = `more than ${MEMBERS_MAX} members: ask for fewer by a filter`;

export const members: Run = (desk, call) => list(desk, call, () => true);

export const membersFiltered: Run = (desk, call) => {
  const { fields } = call;
  const spec = { name: textOf(fields, "Name"), status: textOf(fields, "Status"), tags: textMapOf(fields, "Tags") };
  const filter = toFilter(spec);
  // The original drops the connection without a word.
  return filter === undefined ? { error: "Failed to compile regex", body: { Members: [] } } : list(desk, call, filter);
};

function list({ members: all }: Parameters<Run>[0], { account }: Call, fits: Parameters<typeof all.list>[1]): Reply {
  const found = all.list(account, fits, MEMBERS_MAX + 1);
  if (found.length > MEMBERS_MAX) return { error: TOO_MANY, body: { Members: [] } };
  return { body: { Members: found.map(toWire) } };
}

/** One that failed counts as left: its instance goes. Others refute that, as nodes of Serf that are alive do. */
export const forceLeave: Run = async ({ registry, bus, members: all }, { account, fields }) => {
  const name = textOf(fields, "Node");
  const record = all.recordOf(account, name);
  if (record !== undefined && memberStatusOf(record) === "failed") {
    const { service, id } = record;
    const outcome = await registry.propose(account, { kind: "deregister", instance: { service, id } });
    if (!outcome.ok && outcome.refusal !== "not-found") return { error: toText(outcome) };
  }
  if (record === undefined || statusOf(record) === "critical" || record.held !== null) {
    const prune = flagOf(fields, "Prune");
    all.giveUp(account, name, prune);
    bus.giveUp(account, name, prune);
  }
  return {};
};

export const join: Run = (_, { fields }) => ({
  error: `this registry joins no cluster (${textsOf(fields, "Existing").join(", ")}); its setting serf.mirror follows one`,
  body: { Num: 0 },
});

/** The client may think so: the registry stays. */
export const leave: Run = () => ({});

export const tags: Run = () => ({ error: "this registry is no member; its members' tags are the meta of instances" });
