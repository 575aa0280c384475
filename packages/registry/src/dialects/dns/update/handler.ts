/** DNS UPDATE (RFC 2136): registers and removes, one message after the other, each whole or not at all. */
import type { Account, InstanceRecord } from "../../../core/index.ts";
import type { Asked, Desk } from "../desk.ts";
import { RCODE_OF } from "../refusals.ts";
import { signAnswer } from "../signing/keys.ts";
import { emptyAnswer, type Message, RCODE } from "../wire/message.ts";
import { encodeMessage } from "../wire/packet.ts";
import { admitUpdate, grantedLease, planUpdate } from "./plan.ts";

/** Somebody else changes what we read: read again, so often. */
const TRIES_MAX = 5;
/** Updates of one account that wait for those before them. */
const WAITING_MAX = 256;
const MESSAGE_BYTES = 512;

export interface Updates {
  /** The answer, signed; given once what it says is durable. */
  handle(asked: Asked): Promise<Buffer>;
}

export function openUpdates(desk: Desk): Updates {
  return new OpenUpdates(desk);
}

class OpenUpdates implements Updates {
  readonly #desk: Desk;
  /** The last update of each account, while there are any: conditions of one hold until it is done. */
  readonly #queues = new Map<Account, { last: Promise<number>; length: number }>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async handle(asked: Asked): Promise<Buffer> {
    const rcode = await this.#update(asked);
    const answer = toAnswer(asked.message, rcode, this.#desk.settings.udpBytesMax);
    // A header and one question always fit.
    return signAnswer(encodeMessage(answer, MESSAGE_BYTES)!, asked, this.#desk.clock);
  }

  #update({ message, key, asker }: Asked): number | Promise<number> {
    const admitted = this.#desk.read((world) => admitUpdate(message, key, world));
    if (!admitted.ok) {
      this.#desk.log.debug({ from: asker.address, rcode: admitted.rcode }, "update not taken");
      return admitted.rcode;
    }
    const { account } = admitted;
    const rate = this.#desk.access.admit(account);
    if (!rate.ok) return RCODE_OF[rate.refusal];
    const queue = this.#queues.get(account) ?? { last: Promise.resolve(0), length: 0 };
    if (queue.length >= WAITING_MAX) return RCODE.SERVFAIL;
    this.#queues.set(account, queue);
    queue.length++;
    const done = queue.last.then(() => this.#carryOut(message, account));
    queue.last = done
      .catch(() => RCODE.SERVFAIL)
      .finally(() => {
        if (--queue.length === 0) this.#queues.delete(account);
      });
    return done;
  }

  async #carryOut(message: Message, account: Account): Promise<number> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const planned = this.#desk.read((world) => planUpdate(message, world));
      if (!planned.ok) return planned.rcode;
      const { command, refreshed } = planned;
      // Said before proposing, so that no lease can run out on the way.
      this.#renew(account, refreshed);
      if (command === undefined) return RCODE.NOERROR;
      const outcome = await this.#desk.registry.propose(account, command);
      if (!outcome.ok) {
        this.#desk.log.debug({ account, refusal: outcome.refusal, detail: outcome.detail }, "update refused");
        return RCODE_OF[outcome.refusal];
      }
      const { result } = outcome.value;
      if (result.kind !== "when" || result.succeeded) return RCODE.NOERROR;
    }
    return RCODE.SERVFAIL;
  }

  /** Leases that the instances share with others are their owner's to renew. */
  #renew(account: Account, records: readonly InstanceRecord[]): void {
    const { registry } = this.#desk;
    const leases = registry.read((view) =>
      records.flatMap(({ lease }) => (lease !== null && view.lease(account, lease)?.own === true ? [lease] : [])),
    );
    if (leases.length > 0) void registry.renewMany(account, leases);
  }
}

function toAnswer(message: Message, rcode: number, udpSize: number): Message {
  const bare = emptyAnswer(message, rcode);
  if (message.edns === undefined) return bare;
  const leaseS = rcode === RCODE.NOERROR ? grantedLease(message) : undefined;
  const edns = { version: 0, udpSize, dnssecOk: false };
  return { ...bare, edns: leaseS === undefined ? edns : { ...edns, leaseS } };
}
