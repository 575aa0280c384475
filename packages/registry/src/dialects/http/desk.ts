/** @live What handlers share: the parts that they work with, and a request on its way to its answer. */
import type { Access, Account, Clock, Command, CommandOf, LeaseId, Refused, Registry } from "../../core/index.ts";
import type { Readers } from "../../native/follow/readers.ts";
import type { Surroundings } from "../../native/wire/commits.ts";
import type { Reply } from "../../net/http/reply.ts";
import { authorOf } from "../../net/routes/entry.ts";
import type { Mark } from "../../net/routes/position.ts";
import type { Call } from "../../net/routes/serve.ts";
import type { Visit } from "../../net/routes/visits.ts";
import type { House } from "../contract.ts";

/** All that the dialect keeps. One for each listener. */
export interface Desk {
  readonly house: House;
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly consumers: Consumers;
  readonly around: Surroundings;
  /** Of the order that revisions count in. */
  readonly mark: Mark;
  readonly lasting: Lasting;
  readonly sessions: Sessions;
  readonly readers: Readers;
}

/** A request, let in and read. */
export type Exchange<R extends Reply = Reply> = Call<Desk, R>;

/** Proposes what who asks has signed. */
export function signing(exchange: Exchange): Pick<Registry, "propose"> {
  const { registry } = exchange.desk;
  return { propose: (account, command, signal) => registry.propose(account, signed(exchange, command), signal) };
}

/** The command, signed by who asks. */
export function signed({ principal, request }: Exchange, command: Command): CommandOf<"signed"> {
  return { kind: "signed", by: authorOf(principal, "http", request.remoteAddress), command };
}

export interface Consumer {
  readonly consumer: string;
  readonly provider: string;
  readonly protocol: string;
  readonly sinceMs: number;
  /** By what it is known; missing in what older versions saved. */
  readonly source?: Source;
}

export type Source = "subscription" | "watch" | "lookup";

/** Who looks for which provider. */
export interface Consumers {
  /** Notes that this consumer looks for this provider, unless there are too many or a name is too long. */
  note(account: Account, consumer: string, provider: string, protocol: string, source?: Source): void;
  /** All of an account, sorted by provider; and when they were here last. */
  list(account: Account): readonly (Consumer & { readonly lastMs: number })[];
}

/** The visits that are open. */
export interface Lasting {
  /** True once the registry is about to stop: nobody comes in any more. */
  readonly draining: boolean;
  /** Returns its cancel. */
  enter(visit: Visit, exchange: Exchange): () => void;
  /** Why this client would not be let in again; undefined when it would. */
  findRevoked(exchange: Exchange): Refused | undefined;
}

/** A connection that keeps a lease alive. */
export interface Session {
  /** Says that the lease lives. */
  renew(): void;
}

/** The sessions that are open at this node. */
export interface Sessions {
  /** Returns what to call when it has ended: with its linger in ms, when that was without a word. */
  enter(account: Account, lease: LeaseId, session: Session): (lingerMs?: number) => void;
}
