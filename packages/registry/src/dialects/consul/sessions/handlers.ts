/** @live Sessions: begun, kept alive, shown and ended. */
import { type AccountView, byPlan, type KeyRecord, prefixEnd } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import { findSurely } from "../../../net/routes/catch-up.ts";
import type { Handle } from "../desk.ts";
import { toAnswer } from "../refusals.ts";
import { answerQuery, type Subject } from "../requests/blocking.ts";
import { jsonOf, show, text, toJson } from "../wire/answer.ts";
import { decodeBody } from "../wire/json.ts";
import { readSession } from "./body.ts";
import { CREATE, DESTROY } from "./plan.ts";
import { encodeSession, findSession, keyOf, SESSIONS, type SessionRecord, toSession } from "./record.ts";

/** `PUT /v1/session/create` */
export const create: Handle = async (desk, call) => {
  const { agent, registry, settings } = desk;
  const body = call.body.length === 0 ? undefined : decodeBody(call.body);
  if (body?.ok === false) return text(400, `Request decode failed: ${body.detail}`);
  const wanted = readSession(body?.value, agent.node, settings.sessionTtlMinMs);
  // Patroni asks for longer ones when it reads this status with these words.
  if (!wanted.ok) return text(wanted.detail.startsWith("Invalid Session TTL") ? 500 : 400, wanted.detail);
  const session = { id: desk.uuid(), ...wanted.value.said };
  const input = { session, ttlMs: wanted.value.ttlMs, agent };
  const proposed = await registry.propose(call.account, byPlan(CREATE, input));
  if (proposed.ok) return jsonOf({ ID: session.id });
  // Its clients know this status of what is not registered.
  return proposed.refusal === "not-found" ? text(500, `apply failed: ${proposed.detail}`) : toAnswer(proposed);
};

/** `PUT /v1/session/destroy/:id` */
export const destroy: Handle = async ({ agent, registry }, call) => {
  const input = { id: call.params[0] ?? "", agent, lostOnly: false };
  const proposed = await registry.propose(call.account, byPlan(DESTROY, input));
  return proposed.ok ? jsonOf(true) : toAnswer(proposed);
};

/** `PUT /v1/session/renew/:id` */
export const renew: Handle = async ({ registry }, call) => {
  const [id = ""] = call.params;
  const find = (): SessionRecord | null => registry.read((view) => findSession(view, call.account, id) ?? null);
  const gone = text(404, `Session id '${id.slice(0, 100)}' not found`);
  // It may have begun at another node a moment ago.
  const known = await findSurely(registry, () => find() ?? undefined);
  if (!known.ok) return toAnswer(known);
  if (known.value === undefined) return gone;
  const renewed = await registry.renew(call.account, id);
  if (!renewed.ok) return renewed.refusal === "not-found" ? gone : toAnswer(renewed);
  const session = find();
  return session === null ? gone : toJson(`[${encodeSession(session)}]`);
};

/** `GET /v1/session/info/:id` */
export const showOne: Handle = (desk, call) => {
  const key = keyOf(call.params[0] ?? "");
  return answerQuery(desk, call, {
    scope: { keys: { from: key } },
    look(account) {
      const record = account?.entry(key);
      if (record !== undefined) return { index: record.modRevision, exact: true, absent: false };
      return { index: account?.under(SESSIONS).revision ?? 0, exact: false, absent: true };
    },
    show(account) {
      const record = account?.entry(key);
      return show(record === undefined ? "[]" : `[${encodeSession(toSession(record))}]`);
    },
  });
};

/** `GET /v1/session/list` */
export const list: Handle = (desk, call) => answerQuery(desk, call, sessionsOf(undefined));

/** `GET /v1/session/node/:node` */
export const listOfNode: Handle = (desk, call) => answerQuery(desk, call, sessionsOf(call.params[0] ?? ""));

function sessionsOf(node: string | undefined): Subject {
  const keys = { from: SESSIONS, to: prefixEnd(SESSIONS) };
  return {
    scope: { keys },
    look: (account) => ({ index: account?.under(SESSIONS).revision ?? 0, exact: true, absent: false }),
    show(account: AccountView | undefined) {
      const records = account === undefined ? [] : Array.from(account.entries(keys.from, keys.to));
      return show(listParts("[", encodeAll(records, node), "]"));
    },
  };
}

function* encodeAll(records: readonly KeyRecord[], node: string | undefined): Iterable<string | undefined> {
  for (const record of records) {
    const session = toSession(record);
    yield node === undefined || session.node.toLowerCase() === node.toLowerCase() ? encodeSession(session) : undefined;
  }
}
