/** Lines of the log of requests: one for each message that is picked, when its answer is known. */
import type { RequestLog } from "../../../net/log.ts";
import type { Asker, Desk } from "../desk.ts";
import { OPCODE, TYPE } from "../wire/message.ts";
import { showName } from "../wire/name.ts";
import { decodeMessage } from "../wire/packet.ts";
import type { Given } from "./answerer.ts";

const TYPE_NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, code]) => [code, name]));

/** Passes what is given on, and tells how it ended. `outcomeOf` names the code of an answer. */
export function tellOf(
  requests: RequestLog,
  { read, nowMs }: Pick<Desk, "read"> & { nowMs(): number },
  packet: Buffer,
  asker: Asker,
  outcomeOf: (answer: Buffer) => string,
): (given: Given) => Given {
  const startMs = nowMs();
  // The buffer of a packet may be used again.
  const asked = describe(read, packet);
  const tell = (outcome: string): void => {
    const ms = nowMs() - startMs;
    requests.write({ dialect: "dns", who: "", from: asker.address, ...asked, outcome, ms });
  };
  const tellAnswer = (answer: Buffer | undefined): Buffer | undefined => {
    tell(answer === undefined ? "dropped" : outcomeOf(answer));
    return answer;
  };
  return (given) => {
    if (given instanceof Promise) return given.then(tellAnswer);
    if (given === undefined || Buffer.isBuffer(given)) return tellAnswer(given);
    return { ...given, messages: toldAtEnd(given.messages, tell) };
  };
}

async function* toldAtEnd(messages: AsyncIterable<Buffer>, tell: (outcome: string) => void): AsyncGenerator<Buffer> {
  let outcome = "broken off";
  try {
    yield* messages;
    outcome = "NOERROR";
  } finally {
    tell(outcome);
  }
}

/** `A www.example.test.`, and the account that the name's zone belongs to. */
function describe(read: Desk["read"], packet: Buffer): { readonly asked: string; readonly account: string } {
  const decoded = decodeMessage(packet);
  const question = decoded.ok ? decoded.value.questions[0] : undefined;
  if (!decoded.ok || question === undefined) return { asked: "malformed", account: "" };
  const { name, type } = question;
  const verb = decoded.value.opcode === OPCODE.UPDATE ? "UPDATE" : (TYPE_NAMES.get(type) ?? `TYPE${type}`);
  const zone = read((world) => world.zoneOf(name));
  return { asked: `${verb} ${showName(name)}`, account: zone !== undefined && "account" in zone ? zone.account : "" };
}
