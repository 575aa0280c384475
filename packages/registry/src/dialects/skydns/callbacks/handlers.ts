/** @live PUT of a callback: whose end is to be told, and whether the callback may go there. */
import { type Account, isLegalName, succeeded } from "../../../core/index.ts";
import type { Answer, Desk } from "../desk.ts";
import { toAddress } from "../hosts.ts";
import { NOT_EXISTS, toWord } from "../refusals.ts";
import { showService } from "../services.ts";
import { decodeCallback } from "../wire/bodies.ts";
import { resolveReply } from "./call.ts";
import { findWanted, MATCHES_MAX, toWatch, UUID_LENGTH_MAX } from "./keys.ts";

export interface Asked {
  readonly account: Account;
  /** The callback's own. */
  readonly uuid: string;
  readonly bytes: string;
  /** The address that the request came from. */
  readonly from: string;
}

export async function addCallback(desk: Desk, { account, uuid, bytes, from }: Asked): Promise<Answer> {
  const decoded = decodeCallback(bytes);
  if (!decoded.ok) return { kind: "word", status: 500, text: decoded.detail };
  const wanted = decoded.value;
  if (!isLegalName(uuid, UUID_LENGTH_MAX)) return bad(`UUID must be 1 to ${UUID_LENGTH_MAX} printable characters`);
  if (wanted.Reply === "" || wanted.Port === 0) return bad("Reply and Port required");
  const { registry, settings } = desk;
  const asker = toAddress(from) ?? "";
  if ((await resolveReply(wanted.Reply, asker, settings.callbackHosts)) === undefined) {
    return { kind: "word", status: 403, text: "Reply is neither the address of this request nor among callbackHosts" };
  }
  const watched = registry.read((view) => {
    const owner = view.account(account);
    const found = owner === undefined ? [] : findWanted(owner, wanted, settings.environment);
    if (found.length > MATCHES_MAX) return undefined;
    return found.map((record) => ({ record, body: showService(desk, view, account, record) }));
  });
  if (watched === undefined) return bad(`more than ${MATCHES_MAX} services match`);
  if (watched.length === 0) return { kind: "word", status: 404, text: NOT_EXISTS };
  const target = { uuid, reply: wanted.Reply, port: wanted.Port, asker };
  const outcome = await registry.propose(account, toWatch(target, watched, settings.callbacksMax));
  if (!outcome.ok) return { kind: "word", ...toWord(outcome) };
  if (succeeded(outcome.value)) return { kind: "empty", status: 201 };
  return { kind: "word", status: 429, text: `the account may have ${settings.callbacksMax} services watched` };
}

function bad(text: string): Answer {
  return { kind: "word", status: 400, text };
}
