/** @live DNS UPDATE (RFC 2136): registers and removes, one message after the other, each whole or not at all. */
import { type Account, type InstanceRecord, ok, succeeded, untilDecided } from "../../../core/index.ts";
import type { Asked, Desk } from "../desk.ts";
import { RCODE_OF } from "../refusals.ts";
import { signAnswer } from "../signing/keys.ts";
import { emptyAnswer, type Message, RCODE, UDP_BYTES_MIN } from "../wire/message.ts";
import { encodeMessage } from "../wire/packet.ts";
import { admitUpdate, grantedLease, planUpdate } from "./plan.ts";

/** Updates of an account that wait for those before them, at most. */
const WAITING_MAX = 256;

export class Updates {
  readonly #desk: Desk;
  /** The last update of each account that has updates under way: the conditions of each hold until it is done. */
  readonly #queues = new Map<Account, { last: Promise<number>; length: number }>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The answer, signed. It comes when the change is durable. */
  async handle(asked: Asked): Promise<Buffer> {
    const rcode = await this.#update(asked);
    const answer = toAnswer(asked.message, rcode, this.#desk.settings.udpBytesMax);
    // A header and one question always fit.
    return signAnswer(encodeMessage(answer, UDP_BYTES_MIN)!, asked, this.#desk.clock);
  }

  #update({ message, key, asker }: Asked): number | Promise<number> {
    const admitted = this.#desk.read((world) => admitUpdate(message, key, world));
    if (!admitted.ok) {
      this.#desk.log.debug({ from: asker.address, rcode: admitted.rcode }, "update not taken");
      return admitted.rcode;
    }
    const account = admitted.value;
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

  /**
   * No plan, as it rests on more than the catalog: on zones, their files and settings. The others of this account have
   * been carried out, so only changes by way of other protocols can make it try again.
   */
  async #carryOut(message: Message, account: Account): Promise<number> {
    const outcome = await untilDecided(async () => {
      const planned = this.#desk.read((world) => planUpdate(message, world));
      if (!planned.ok) return ok(planned.rcode);
      const { command, refreshed } = planned.value;
      // Before proposing, so that no lease runs out meanwhile.
      this.#renew(account, refreshed);
      if (command === undefined) return ok(RCODE.NOERROR);
      const proposed = await this.#desk.registry.propose(account, command);
      if (!proposed.ok) return proposed;
      return succeeded(proposed.value) ? ok(RCODE.NOERROR) : null;
    });
    if (outcome.ok) return outcome.value;
    this.#desk.log.debug({ account, refusal: outcome.refusal, detail: outcome.detail }, "update refused");
    return RCODE_OF[outcome.refusal];
  }

  /** Renews the leases that instances have alone; shared leases are their owner's to renew. */
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
