/** @live Keys that are put, locked, released and deleted, one at a time. */
import { type Bytes, byPlan, fromBuffer, isReserved, noteOf, toBytes } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { toAnswer } from "../refusals.ts";
import { jsonOf, text } from "../wire/answer.ts";
import { readUint64 } from "../wire/fields.ts";
import { KV } from "./plan.ts";
import type { Operation, Verb } from "./verbs.ts";

/** The most that a value may hold. */
export const VALUE_BYTES_MAX = 512 * 1024;

/** `PUT /v1/kv/…` */
export const put: Handle = (desk, call) => {
  const key = toBytes(call.params[0] ?? "");
  const { query } = call;
  const wrong = refuseKey(key) ?? refuseConflict(query, ["cas", "acquire", "release"]);
  if (wrong !== undefined) return wrong;
  const numbers = readNumbers(query);
  if (numbers === undefined) return text(400, "Invalid cas or flags: an unsigned number of 64 bits is needed");
  const verb = query.has("cas") ? "cas" : query.has("acquire") ? "lock" : query.has("release") ? "unlock" : "set";
  const session = query.get("acquire") ?? query.get("release") ?? "";
  return carry(desk, call, { verb, key, value: fromBuffer(call.body), session, ...numbers });
};

/** `DELETE /v1/kv/…` */
export const remove: Handle = (desk, call) => {
  const key = toBytes(call.params[0] ?? "");
  const { query } = call;
  const wrong =
    (query.has("recurse") ? refuseReserved(key) : refuseKey(key)) ?? refuseConflict(query, ["recurse", "cas"]);
  if (wrong !== undefined) return wrong;
  const numbers = readNumbers(query);
  if (numbers === undefined) return text(400, "Invalid cas: an unsigned number of 64 bits is needed");
  const verb: Verb = query.has("recurse") ? "delete-tree" : query.has("cas") ? "delete-cas" : "delete";
  return carry(desk, call, { verb, key, value: "", session: "", ...numbers });
};

async function carry({ registry }: Desk, { account }: Call, operation: Operation): Promise<Answer> {
  const proposed = await registry.propose(account, byPlan(KV, operation));
  if (!proposed.ok) return toAnswer(proposed);
  const failure = noteOf(KV, proposed.value);
  if (failure === null) return jsonOf(true);
  return failure.refused ? jsonOf(false) : text(500, `raft apply failed: ${failure.what}`);
}

function refuseReserved(key: Bytes): Answer | undefined {
  return isReserved(key) ? text(400, "Invalid key name") : undefined;
}

function refuseKey(key: Bytes): Answer | undefined {
  return key === "" ? text(400, "Missing key name") : refuseReserved(key);
}

/** Those that cannot be had together. */
function refuseConflict(query: Query, names: readonly string[]): Answer | undefined {
  const given = names.filter((name) => query.has(name)).sort();
  if (given.length < 2) return undefined;
  return text(
    400,
    `Conflicting flags: ${given.map((name) => `${name}=${query.get(name)?.slice(0, 100)}`).join("&")}\n`,
  );
}

function readNumbers(query: Query): Pick<Operation, "flags" | "index"> | undefined {
  const flags = readUint64(query.get("flags") ?? "0");
  const index = readUint64(query.get("cas") ?? "0");
  return flags === undefined || index === undefined ? undefined : { flags, index: Number(index) };
}
