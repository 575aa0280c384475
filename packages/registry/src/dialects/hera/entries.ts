/** @live Entries: put, shown, deleted and listed; and what other nodes ask for. */
import { type Account, type InstanceRecord, type Outcome, refuse } from "../../core/index.ts";
import { listParts } from "../../net/answers/parts.ts";
import { parseQuery } from "../../net/http/query.ts";
import { findSurely } from "../../net/routes/catch-up.ts";
import type { Desk, Handle } from "./desk.ts";
import { blobOfOther, contentOfRecord, isFindable, nodeOf, storedBlob, toInstance } from "./instances.ts";
import { json, NO_CONTENT } from "./wire/answer.ts";
import { contentOf, readBlob } from "./wire/blob.ts";
import { EXTRA, readCursors, writeTold } from "./wire/deltas.ts";
import { layOut, quote } from "./wire/text.ts";

export const putEntry: Handle = async (desk, { account, service, id, body }) => {
  const read = readBlob(body);
  if (!read.ok) return read;
  const blob = read.value;
  const known = desk.registry.read((view) => view.instance(account, service, id));
  if (known !== undefined && isBeat(desk, known, blob)) {
    const renewed = await renew(desk, account, known);
    if (renewed.ok) {
      desk.beats.note(account, known, blob);
      if (account === desk.settings.account) desk.gossip.beat(known);
      return NO_CONTENT;
    }
    if (renewed.refusal !== "not-found") return renewed;
  }
  const instance = toInstance({ service, id, blob, node: desk.own });
  const { livenessMs: ttlMs } = desk.settings;
  const outcome = await desk.registry.propose(account, { kind: "register", instance, life: { ttlMs } });
  return outcome.ok ? NO_CONTENT : outcome;
};

/** Whether it says again what this node knows of it, but for the time. It may have come by another node of this store. */
function isBeat({ gossip, own }: Desk, record: InstanceRecord, blob: string): boolean {
  const isHere = nodeOf(record) !== undefined && gossip.ownerOf(record) === own;
  return isHere && record.lease !== null && contentOfRecord(record) === contentOf(blob);
}

/** `not-found` also where the entry lives otherwise than by a heartbeat in each `liveness`. */
async function renew(
  { registry, settings }: Desk,
  account: Account,
  record: InstanceRecord,
): Promise<Outcome<unknown>> {
  const lease = registry.read((view) => (record.lease === null ? undefined : view.lease(account, record.lease)));
  if (lease === undefined || !lease.own || lease.ttlMs !== settings.livenessMs)
    return refuse("not-found", "the entry has no lease of this kind");
  return registry.renew(account, lease.id);
}

export const getEntry: Handle = async (desk, { account, service, id, request }) => {
  const query = parseQuery(request.search);
  if (!query.ok) return query;
  const { registry } = desk;
  const found = await findSurely(registry, () => registry.read((view) => view.instance(account, service, id)));
  if (!found.ok) return found;
  if (found.value === undefined) return refuse("not-found", `there is no instance ${id} of ${service}`);
  const blob = (await showAll(desk, account, [found.value]))(found.value);
  return json(layOut(blob, query.value.has("pretty")));
};

export const deleteEntry: Handle = async ({ registry }, { account, service, id }) => {
  const outcome = await registry.propose(account, { kind: "deregister", instance: { service, id } });
  return outcome.ok ? NO_CONTENT : outcome;
};

/** Entries that clients may use, at one revision. A service that nobody knows has none. */
export const listEntries: Handle = async (desk, { account, service, request }) => {
  const query = parseQuery(request.search);
  if (!query.ok) return query;
  const records = desk.registry.read((view) => {
    const found = view.account(account)?.service(service)?.instances.values() ?? [];
    return [...found].filter(isFindable);
  });
  if (records.length === 0) return json("{}");
  const pretty = query.value.has("pretty");
  const show = await showAll(desk, account, records);
  const items = writeEntries(records, show, pretty);
  return json(pretty ? listParts("{\n  ", items, "\n}", ", \n  ") : listParts("{", items, "}", ", "));
};

function* writeEntries(
  records: readonly InstanceRecord[],
  show: (record: InstanceRecord) => string,
  pretty: boolean,
): Iterable<string> {
  for (const record of records) yield `${quote(record.id)}: ${layOut(show(record), pretty, 1)}`;
}

/** The entries of these records: those of clients as they wrote them, of others with the time of the last sign of life. */
async function showAll(
  { registry, beats }: Desk,
  account: Account,
  records: readonly InstanceRecord[],
): Promise<(record: InstanceRecord) => string> {
  const pulses = new Map<string, number>();
  const elsewhere = new Set<string>();
  for (const record of records) {
    if (record.lease === null || storedBlob(record) !== undefined) continue;
    const pulse = registry.pulse(account, record.lease);
    if (pulse === undefined) elsewhere.add(record.lease);
    else pulses.set(record.lease, pulse.lastBeatMs);
  }
  if (elsewhere.size > 0) {
    const leases = [...elsewhere];
    for (const [index, pulse] of (await registry.pulses(account, leases)).entries())
      pulses.set(leases[index] as string, pulse?.lastBeatMs ?? 0);
  }
  return (record) => {
    const stored = storedBlob(record);
    if (stored !== undefined) return beats.of(record) ?? stored;
    return blobOfOther(record, Math.max(record.stampMs, pulses.get(record.lease ?? "") ?? 0));
  };
}

/** Nodes tell one another of one account alone, whoever asks. */
export const tellDeltas: Handle = ({ gossip, settings }, { account, request }) => {
  if (account !== settings.account) return refuse("forbidden", `nodes tell one another of ${settings.account} alone`);
  const query = parseQuery(request.search);
  if (!query.ok) return query;
  const cursors = readCursors(query.value, (node) => gossip.ledger.knows(node));
  if (!cursors.ok) return cursors;
  return json(writeTold(gossip.answer(cursors.value), query.value.has(EXTRA)));
};
