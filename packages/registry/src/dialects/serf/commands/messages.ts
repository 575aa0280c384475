/** @live User events and queries. */
import type { Desk, Run } from "../desk.ts";
import { ERRORS } from "../refusals.ts";
import { bytesOf, flagOf, numberOf, textMapOf, textOf, textsOf } from "../wire/frames.ts";

/** Of name and payload: the original's own bound for events, and its default for queries and answers. */
const EVENT_BYTES_MAX = 9 * 1024;
const QUERY_BYTES_MAX = 1024;
const TIMEOUT_MS_MAX = 60_000;
/** What the original waits unless told: sixteen rounds of gossip, times the digits of the number of members. */
const ROUNDS_MS = 16 * 200;
const QUERIES_OPEN_MAX = 64;
/** Asked by Serf's own tools, and answered by each agent. */
const INTERNAL = "_serf_";
const PING = "_serf_ping";

export const event: Run = ({ bus }, { account, fields }) => {
  const [name, payload] = [textOf(fields, "Name"), bytesOf(fields, "Payload")];
  if (Buffer.byteLength(name) + payload.length > EVENT_BYTES_MAX)
    return { error: `user event exceeds sane limit of ${EVENT_BYTES_MAX} bytes before encoding` };
  bus.fire({ account, name, payload, coalesce: flagOf(fields, "Coalesce") });
  return {};
};

export const query: Run = (desk, { account, fields, seq, talk }) => {
  const [name, payload] = [textOf(fields, "Name"), bytesOf(fields, "Payload")];
  if (Buffer.byteLength(name) + payload.length > QUERY_BYTES_MAX)
    return { error: `query exceeds limit of ${QUERY_BYTES_MAX} bytes` };
  if (talk.subscriptions.has(seq)) return { error: ERRORS.streamTwice };
  if (talk.subscriptions.size >= QUERIES_OPEN_MAX) return { error: "too many streams and queries on this connection" };
  const timeoutMs = timeoutOf(desk, account, numberOf(fields, "Timeout"));
  const wantsAck = flagOf(fields, "RequestAck");
  const tell = (Type: string, From: string, Payload: Buffer | null): void =>
    talk.send(seq, "", { Type, From, Payload });
  const done = (): void => {
    talk.subscriptions.delete(seq);
    tell("done", "", null);
  };
  const ask = (): void => {
    const nodes = textsOf(fields, "FilterNodes");
    const asking = { account, name, payload, timeoutMs, wantsAck, nodes, tags: textMapOf(fields, "FilterTags") };
    const end = name.startsWith(INTERNAL)
      ? later(done, timeoutMs)
      : desk.bus.ask(
          asking,
          ({ kind, from, payload: said }) => tell(kind, from, said.length === 0 ? null : said),
          done,
        );
    if (end === undefined) return done();
    talk.subscriptions.set(seq, { close: end });
    // Every member that is alive would answer: the registry vouches for them.
    if (name === PING && wantsAck)
      void desk.members.each(account, (member) => {
        if (member.status === "alive") tell("ack", member.name, null);
        return talk.subscriptions.has(seq);
      });
  };
  return { afterwards: ask };
};

function later(done: () => void, ms: number): () => void {
  const timer = setTimeout(done, ms);
  return () => clearTimeout(timer);
}

function timeoutOf({ registry }: Desk, account: string, ns: number): number {
  if (ns > 0) return Math.min(Math.max(1, Math.ceil(ns / 1e6)), TIMEOUT_MS_MAX);
  const instances = registry.read((view) => view.account(account)?.counts.instances ?? 0);
  return ROUNDS_MS * Math.max(1, Math.ceil(Math.log10(instances + 2)));
}

export const respond: Run = ({ bus, clock }, { fields, talk }) => {
  const number = numberOf(fields, "ID");
  const pending = talk.pending.get(number);
  talk.pending.delete(number);
  if (pending === undefined || pending.untilMs < clock.monotonic()) return { error: ERRORS.noQuery };
  const payload = bytesOf(fields, "Payload");
  if (payload.length > QUERY_BYTES_MAX) return { error: `response exceeds limit of ${QUERY_BYTES_MAX} bytes` };
  bus.answer(pending.id, { kind: "response", from: talk.name, payload });
  return {};
};
