/** @live Members, seen and given up; and what a registry has no part in: joining, leaving and tags of its own. */
import { statusOf } from "../../../core/index.ts";
import type { Call, Desk, Reply, Run } from "../desk.ts";
import { type Filter, toFilter } from "../members/filter.ts";
import { memberStatusOf, toWire } from "../members/member.ts";
import { toText } from "../refusals.ts";
import { flagOf, textMapOf, textOf, textsOf } from "../wire/frames.ts";
import { Encoded, write } from "../wire/msgpack.ts";

/** An answer holds them all: beyond this a client has to ask for fewer. */
const MEMBERS_MAX = 20_000;
const TOO_HARD = "the expressions take too long: ask by simpler ones";
/** Tags may be long. */
const BYTES_MAX = 16 * 1024 * 1024;
const TOO_LONG = `more than ${BYTES_MAX} bytes of members: ask for fewer by a filter`;
const TOO_MANY = `more than ${MEMBERS_MAX} members: ask for fewer by a filter`;

export const members: Run = (desk, call) => list(desk, call, () => true);

export const membersFiltered: Run = (desk, call) => {
  const { fields } = call;
  const spec = { name: textOf(fields, "Name"), status: textOf(fields, "Status"), tags: textMapOf(fields, "Tags") };
  const filter = toFilter(spec);
  // The original drops the connection without a word.
  return filter === undefined ? refused("Failed to compile regex") : list(desk, call, filter);
};

async function list({ members: all }: Desk, { account }: Call, fits: Filter): Promise<Reply> {
  const found: Encoded[] = [];
  let [error, bytes] = ["", 0];
  await all.each(account, (member) => {
    const fit = fits(member);
    if (fit === undefined) error = TOO_HARD;
    if (fit !== true) return error === "";
    const one = write(toWire(member));
    bytes += one.length;
    if (bytes > BYTES_MAX) error = TOO_LONG;
    else if (found.push(new Encoded(one)) > MEMBERS_MAX) error = TOO_MANY;
    return error === "";
  });
  return error === "" ? { body: { Members: found } } : refused(error);
}

function refused(error: string): Reply {
  return { error, body: { Members: [] } };
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
