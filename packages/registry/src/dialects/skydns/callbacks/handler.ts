/** @live PUT of a callback: which services it watches, and whether it may go where it is to go. */
import { isLegalName, refuse, succeeded } from "../../../core/index.ts";
import type { Heard } from "../../../net/routes/heard.ts";
import type { Handle } from "../desk.ts";
import { toAddress } from "../hosts.ts";
import { NOT_EXISTS } from "../instances.ts";
import { showService } from "../services.ts";
import { empty, line } from "../wire/answer.ts";
import { decodeCallback } from "../wire/bodies.ts";
import { mayCall } from "./call.ts";
import { findWanted, MATCHES_MAX, toWatch, UUID_LENGTH_MAX } from "./keys.ts";

export const addCallback: Handle = async (desk, { request, account, uuid, bytes }) => {
  const decoded = decodeCallback(bytes);
  if (!decoded.ok) return line(500, decoded.detail);
  const wanted = decoded.value;
  if (!isLegalName(uuid, UUID_LENGTH_MAX))
    return refuse("invalid", `UUID must be 1 to ${UUID_LENGTH_MAX} printable characters`);
  if (wanted.Reply === "" || wanted.Port === 0) return refuse("invalid", "Reply and Port required");
  const { registry, settings, calls } = desk;
  const asker = toAddress(request.remoteAddress) ?? "";
  if (!(await mayCall(wanted.Reply, asker, settings.callbackHosts, calls)))
    return refuse("forbidden", "Reply is neither the address of this request nor among callbackHosts");
  const heard: Heard = (lease) => registry.pulse(account, lease);
  const watched = registry.read((view) => {
    const owner = view.account(account);
    const found = owner === undefined ? [] : findWanted(owner, wanted, settings.environment);
    if (found.length > MATCHES_MAX) return undefined;
    return found.map((record) => ({ record, body: showService(desk, view, account, record, heard) }));
  });
  if (watched === undefined) return refuse("invalid", `more than ${MATCHES_MAX} services match`);
  if (watched.length === 0) return refuse("not-found", NOT_EXISTS);
  const target = { uuid, reply: wanted.Reply, port: wanted.Port, asker };
  const outcome = await registry.propose(account, toWatch(target, watched, settings.callbacksMax));
  if (!outcome.ok) return outcome;
  if (succeeded(outcome.value)) return empty(201);
  return refuse("limit", `the account may have ${settings.callbacksMax} services watched`);
};
