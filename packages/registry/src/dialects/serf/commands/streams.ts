/** @live Streams of events, and of lines as an agent would log them. */
import type { UserEvent } from "../bus/bus.ts";
import type { Call, Desk, Reply, Run } from "../desk.ts";
import type { Happened } from "../members/events.ts";
import { fromAddress, toWire } from "../members/member.ts";
import { ERRORS } from "../refusals.ts";
import { numberOf, textOf } from "../wire/frames.ts";
import { type Interest, readInterest } from "../wire/interest.ts";
import { Encoded, write } from "../wire/msgpack.ts";

const SUBSCRIPTIONS_MAX = 64;
/** Queries that a client has not answered yet; older ones are forgotten. */
const PENDING_MAX = 1024;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERR"];

export const stream: Run = (desk, call) => {
  const interest = readInterest(textOf(call.fields, "Type"));
  if (interest === undefined) return { error: ERRORS.filter };
  return open(call, () => subscribe(desk, call, interest));
};

function open({ talk, seq }: Call, begin: () => () => void): Reply {
  if (talk.subscriptions.has(seq)) return { error: ERRORS.streamTwice };
  if (talk.subscriptions.size >= SUBSCRIPTIONS_MAX) return { error: "too many streams and queries on this connection" };
  return { afterwards: () => void talk.subscriptions.set(seq, { close: begin() }) };
}

function subscribe({ members, bus }: Desk, { talk, seq, account }: Call, interest: Interest): () => void {
  const { wants } = interest;
  const ends = [
    members.on((where, happened) => {
      if (where === account)
        for (const [event, bytes] of recordsOf(happened)) if (wants(event)) talk.send(seq, "", bytes);
    }),
    bus.on({
      onEvent(event) {
        if (event.account !== account || !wants("user", event.name)) return;
        const { lTime, name, payload, coalesce } = event;
        talk.send(seq, "", { Event: "user", LTime: lTime, Name: name, Payload: payload, Coalesce: coalesce });
      },
      onQuery({ id, account: where, lTime, name, payload }, untilMs) {
        if (where !== account || !wants("query", name)) return;
        const number = ++talk.lastQuery;
        talk.pending.set(number, { id, untilMs });
        const [oldest] = talk.pending.keys();
        if (talk.pending.size > PENDING_MAX && oldest !== undefined) talk.pending.delete(oldest);
        talk.send(seq, "", { Event: "query", ID: number, LTime: lTime, Name: name, Payload: payload });
      },
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

const encoded = new WeakMap<readonly Happened[], readonly (readonly [event: string, bytes: Encoded])[]>();

/** A record for all members to whom the same happened at once; made once for all streams. */
function recordsOf(happened: readonly Happened[]): readonly (readonly [string, Encoded])[] {
  const known = encoded.get(happened);
  if (known !== undefined) return known;
  const events = new Map<string, Happened[]>();
  for (const one of happened) events.set(one.event, [...(events.get(one.event) ?? []), one]);
  const records = [...events].map(([event, all]) => {
    const bytes = write({ Event: event, Members: all.map(({ member }) => toWire(member)) });
    return [event, new Encoded(bytes)] as const;
  });
  encoded.set(happened, records);
  return records;
}

/** The lines are those of an agent about its members and events; nothing of this program's own log. */
export const monitor: Run = (desk, call) => {
  const { talk, seq, fields } = call;
  const level = textOf(fields, "LogLevel");
  if (!LEVELS.includes(level.toUpperCase())) return { error: `Unknown log level: ${level.toUpperCase()}` };
  if (talk.monitor !== undefined) return { error: ERRORS.monitorTwice };
  const isTold = LEVELS.indexOf(level.toUpperCase()) <= LEVELS.indexOf("INFO");
  const line = (text: string): void => {
    if (isTold) talk.send(seq, "", { Log: `${toTime(desk.clock.now())} [INFO] serf: ${text}` });
  };
  return open(call, () => {
    talk.monitor = seq;
    line(`rollcall ${desk.version}: node ${desk.node}`);
    const ends = [
      desk.members.on((account, happened) => {
        if (account !== call.account) return;
        for (const { event, member } of happened)
          line(`${NAMES[event]}: ${member.name} ${fromAddress(member.address)}`);
      }),
      desk.bus.on({
        onEvent: ({ account, name }: UserEvent) => {
          if (account === call.account) line(`EventUser: ${name}`);
        },
        onQuery: () => {},
      }),
    ];
    return () => {
      talk.monitor = undefined;
      for (const end of ends) end();
    };
  });
};

const NAMES: Readonly<Record<Happened["event"], string>> = {
  "member-join": "EventMemberJoin",
  "member-leave": "EventMemberLeave",
  "member-failed": "EventMemberFailed",
  "member-update": "EventMemberUpdate",
  "member-reap": "EventMemberReap",
};

/** `2026/11/30 12:00:00`, as Go's log has it. */
function toTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll("-", "/").replace("T", " ");
}

export const stop: Run = (_, { talk, fields }) => {
  const seq = numberOf(fields, "Stop");
  talk.subscriptions.get(seq)?.close();
  talk.subscriptions.delete(seq);
  return {};
};
