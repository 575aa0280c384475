/** @live How a client comes to a session: a new one, or the one that it had on another connection. */
import type { Desk, Guest } from "../desk.ts";
import type { Realm } from "../sessions/realm.ts";
import type { Begun } from "../sessions/sessions.ts";
import type { ConnectRequest, Granted } from "../wire/connect.ts";
import { admit } from "./verbs.ts";

/** A connection that is let in. */
export interface Arrival extends Pick<Guest, "at" | "token"> {
  begin(begun: Begun, realm: Realm | undefined): void;
}

/** Undefined when the session is over, or not the client's; `unfit` when this node cannot serve the client. */
export async function receive(
  desk: Desk,
  arrival: Arrival,
  asked: ConnectRequest,
): Promise<Granted | "unfit" | undefined> {
  if (!(await isCaughtUp(desk, asked.lastZxidSeen))) return "unfit";
  const begun = await (asked.session === 0n ? beginNew(desk, arrival, asked) : takeOver(desk, arrival, asked));
  return begun === "unfit" || begun === undefined ? begun : { ...begun, session: BigInt(begun.session) };
}

/** What a client has seen it must find here: no node shows it an older state. */
async function isCaughtUp({ registry }: Desk, seen: bigint): Promise<boolean> {
  const isHere = (): boolean => seen <= BigInt(registry.read((view) => view.revision));
  if (isHere()) return true;
  await registry.barrier();
  return isHere();
}

async function beginNew(desk: Desk, arrival: Arrival, { timeoutMs }: ConnectRequest): Promise<Begun | "unfit"> {
  const { sessions, realms, settings } = desk;
  const draft = sessions.draft(timeoutMs);
  const realm = realms.of(settings.account);
  if (!admit(desk, arrival, realm, "reader").ok) {
    // It may still show a token.
    arrival.begin(draft, undefined);
    return draft;
  }
  const begun = await sessions.begin(settings.account, draft, arrival.at);
  if (!begun.ok) return "unfit";
  arrival.begin(begun.value, realm);
  return begun.value;
}

async function takeOver(desk: Desk, arrival: Arrival, asked: ConnectRequest): Promise<Begun | "unfit" | undefined> {
  const { sessions, realms, settings } = desk;
  const session = asked.session.toString();
  const account = sessions.find(settings.account, session);
  if (account === undefined) return undefined;
  const begun = await sessions.move(account, session, asked.password, asked.timeoutMs, arrival.at);
  if (!begun.ok) return begun.refusal === "not-found" ? undefined : "unfit";
  arrival.begin(begun.value, realms.of(account));
  return begun.value;
}
