/** @live DNS UPDATE (RFC 2136): registers and removes, each message whole or not at all, by the plan in plan.ts. */
import { byPlan, noteOf } from "../../../core/index.ts";
import type { Asked, Desk } from "../desk.ts";
import { RCODE_OF } from "../refusals.ts";
import { signAnswer } from "../signing/keys.ts";
import { emptyAnswer, type Message, RCODE, UDP_BYTES_MIN } from "../wire/message.ts";
import { encodeMessage } from "../wire/packet.ts";
import { admitUpdate, grantedLease, type UpdatePlan } from "./plan.ts";

export class Updates {
  readonly #desk: Desk;
  readonly #plan: UpdatePlan;

  constructor(desk: Desk, plan: UpdatePlan) {
    this.#desk = desk;
    this.#plan = plan;
  }

  /** The answer, signed. It comes when the change is durable. */
  async handle(asked: Asked): Promise<Buffer> {
    const rcode = await this.#update(asked);
    const answer = toAnswer(asked.message, rcode, this.#desk.settings.udpBytesMax);
    // A header and one question always fit.
    return signAnswer(encodeMessage(answer, UDP_BYTES_MIN)!, asked, this.#desk.clock);
  }

  async #update({ message, key, asker }: Asked): Promise<number> {
    const { log, access, registry, ground } = this.#desk;
    const admitted = this.#desk.read((world) => admitUpdate(message, key, world));
    if (!admitted.ok) {
      log.debug({ from: asker.address, rcode: admitted.rcode }, "update not taken");
      return admitted.rcode;
    }
    const account = admitted.value;
    const rate = access.admit(account);
    if (!rate.ok) return RCODE_OF[rate.refusal];
    const { questions, answers, authority } = message;
    const leaseS = grantedLease(message);
    const lease = leaseS === undefined ? {} : { leaseS };
    const wish = { message: { questions, answers, authority }, ...lease, ground: ground() };
    const outcome = await registry.propose(account, byPlan(this.#plan, wish));
    if (outcome.ok) return noteOf(this.#plan, outcome.value).rcode;
    log.debug({ account, refusal: outcome.refusal, detail: outcome.detail }, "update refused");
    return RCODE_OF[outcome.refusal];
  }
}

function toAnswer(message: Message, rcode: number, udpSize: number): Message {
  const bare = emptyAnswer(message, rcode);
  if (message.edns === undefined) return bare;
  const leaseS = rcode === RCODE.NOERROR ? grantedLease(message) : undefined;
  const edns = { version: 0, udpSize, dnssecOk: false };
  return { ...bare, edns: leaseS === undefined ? edns : { ...edns, leaseS } };
}
