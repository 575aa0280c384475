/** Who signed a message, and the signing of its answer: TSIG, RFC 8945. */
import type { Bytes, Clock } from "../../../core/index.ts";
import type { Settings, TsigKey } from "../settings/model.ts";
import { emptyAnswer, type Message, RCODE } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { encodeMessage } from "../wire/packet.ts";
import { refuseTsig, signTsig, TSIG_ERROR, TsigStream, tsigBytes, verifyTsig } from "./tsig.ts";

const TSIG_ERROR_NAMES = new Map<number, string>(Object.entries(TSIG_ERROR).map(([name, error]) => [error, name]));

export type Checked =
  /** Nobody signed it. */
  | { readonly kind: "unsigned" }
  /** Verified. Answers are signed by `sign`, which adds at most `signBytes(key)`. */
  | { readonly kind: "signed"; readonly key: TsigKey }
  /** The signature does not hold: this is the whole answer. */
  | { readonly kind: "refused"; readonly answer: Buffer };

/** What the signature of an answer rests on; `Asked` has it. */
export interface Signee {
  readonly message: Message;
  readonly key: TsigKey | undefined;
}

export interface Keys {
  check(packet: Buffer, message: Message): Checked;
}

/** The configured keys. A key that is not among them is as good as none, but is told so. */
export function openKeys(settings: Settings, clock: Clock): Keys {
  const keys = new Map(settings.keys.map((key) => [keyOf(key.name), key]));
  return {
    check(packet, message) {
      const { tsig } = message;
      if (tsig === undefined) return { kind: "unsigned" };
      const nowS = toSeconds(clock.now());
      const key = keys.get(keyOf(tsig.key));
      if (key === undefined) {
        const answer = encodeBare(message, RCODE.NOTAUTH);
        return { kind: "refused", answer: refuseTsig(answer, tsig, { error: TSIG_ERROR.BADKEY }, nowS) };
      }
      const verdict = verifyTsig(packet, tsig, key, nowS);
      if (verdict.ok) return { kind: "signed", key };
      if (verdict.error === "format") return { kind: "refused", answer: encodeBare(message, RCODE.FORMERR) };
      const answer = encodeBare(message, RCODE.NOTAUTH);
      const { error } = verdict;
      const refusal = error === TSIG_ERROR.BADTIME ? { error, key } : { error };
      return { kind: "refused", answer: refuseTsig(answer, tsig, refusal, nowS) };
    },
  };
}

/** The answer as it goes out: signed when the message that it answers was (RFC 8945 §5.3). */
export function signAnswer(answer: Buffer, { message, key }: Signee, clock: Clock): Buffer {
  if (key === undefined || message.tsig === undefined) return answer;
  return signTsig(answer, key, toSeconds(clock.now()), { requestMac: message.tsig.mac }).packet;
}

/** How many bytes `signAnswer` and `signStream` add to a message. */
export function signBytes(key: TsigKey | undefined): number {
  return key === undefined ? 0 : tsigBytes(key);
}

/** Signs one message after the other of an answer that has many (RFC 8945 §5.3.1). */
export function signStream({ message, key }: Signee, clock: Clock): (answer: Buffer) => Buffer {
  if (key === undefined || message.tsig === undefined) return (answer) => answer;
  const stream = new TsigStream(key, message.tsig.mac);
  return (answer) => stream.sign(answer, toSeconds(clock.now()));
}

/** A request of our own, and what its answer's signature rests on. */
export interface SignedRequest {
  readonly packet: Buffer;
  readonly key: TsigKey;
  readonly mac: Bytes;
}

export function signRequest(request: Buffer, key: TsigKey, clock: Clock): SignedRequest {
  return { ...signTsig(request, key, toSeconds(clock.now())), key };
}

/**
 * Why an answer to our request proves nothing: its signature does not hold, or it says that ours did not (RFC 8945
 * §5.4). Undefined when all is well.
 */
export function answerFault(
  answer: Buffer,
  { tsig }: Message,
  request: SignedRequest,
  clock: Clock,
): string | undefined {
  if (tsig === undefined) return "not signed";
  if (tsig.error !== 0) return TSIG_ERROR_NAMES.get(tsig.error) ?? `error ${tsig.error}`;
  const verdict = verifyTsig(answer, tsig, request.key, toSeconds(clock.now()), { requestMac: request.mac });
  return verdict.ok ? undefined : "wrongly signed";
}

function encodeBare(message: Message, rcode: number): Buffer {
  // A header and one question always fit.
  return encodeMessage(emptyAnswer(message, rcode), 512)!;
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
