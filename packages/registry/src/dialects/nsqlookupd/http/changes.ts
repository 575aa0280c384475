/** @live What nsqadmin changes: topics, channels, tombstones. */
import { byPlan, type Outcome } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import { CREATE, DELETE, TOMBSTONE, UNKNOWN_CHANNEL } from "../changes.ts";
import type { Call, Desk, Handle, Mistake, Result } from "../desk.ts";
import { DONE } from "../wire/answer.ts";
import { isLegal } from "../wire/names.ts";
import { NO_TOPIC } from "./lookups.ts";

function bad(message: string): Mistake {
  return { status: 400, message };
}

export const createTopic: Handle = async (desk, call) => {
  const topic = call.query.get("topic");
  if (topic === undefined) return NO_TOPIC;
  if (!isLegal(topic)) return bad("INVALID_ARG_TOPIC");
  return done(await propose(desk, call, CREATE, { topic, channel: "" }));
};

/** One that is not there is deleted already. */
export const deleteTopic: Handle = async (desk, call) => {
  const topic = call.query.get("topic");
  if (topic === undefined) return NO_TOPIC;
  return isLegal(topic) ? done(await propose(desk, call, DELETE, { topic, channel: "" })) : DONE;
};

export const createChannel: Handle = async (desk, call) => {
  const named = readNamed(call.query);
  return "message" in named ? named : done(await propose(desk, call, CREATE, named));
};

export const deleteChannel: Handle = async (desk, call) => {
  const named = readNamed(call.query);
  if ("message" in named) return named;
  const outcome = await propose(desk, call, DELETE, named);
  if (!outcome.ok && outcome.refusal === "not-found") return { status: 404, message: UNKNOWN_CHANNEL };
  return done(outcome);
};

export const tombstone: Handle = async ({ registry }, { account, query }) => {
  const [topic, node] = [query.get("topic"), query.get("node")];
  if (topic === undefined) return NO_TOPIC;
  if (node === undefined) return bad("MISSING_ARG_NODE");
  return done(await registry.propose(account, byPlan(TOMBSTONE, { topic, node })));
};

function propose(
  { registry }: Desk,
  { account }: Call,
  plan: typeof CREATE,
  named: { readonly topic: string; readonly channel: string },
): Promise<Outcome<unknown>> {
  return registry.propose(account, byPlan(plan, named));
}

function readNamed(query: Query): { readonly topic: string; readonly channel: string } | Mistake {
  const [topic, channel] = [query.get("topic"), query.get("channel")];
  if (topic === undefined) return NO_TOPIC;
  if (!isLegal(topic)) return bad("INVALID_ARG_TOPIC");
  if (channel === undefined) return bad("MISSING_ARG_CHANNEL");
  return isLegal(channel) ? { topic, channel } : bad("INVALID_ARG_CHANNEL");
}

function done(outcome: Outcome<unknown>): Result {
  return outcome.ok ? DONE : outcome;
}
