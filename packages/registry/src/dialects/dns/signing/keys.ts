/** @live Who signed a message, and the signing of its answer: TSIG, RFC 8945. */
import type { Bytes, Clock } from "../../../core/index.ts";
import type { Settings, TsigKey } from "../settings/model.ts";
import { emptyAnswer, type Message, RCODE, UDP_BYTES_MIN } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { encodeMessage } from "../wire/packet.ts";
import { refuseTsig, signTsig, TSIG_ERROR, TsigStream, tsigBytes, verifyTsig } from "./tsig.ts";

const TSIG_ERROR_NAMES = new Map<number, string>(Object.entries(TSIG_ERROR).map(([name, error]) => [error, name]));

export type Checked =
  | { readonly kind: "unsigned" }
  /** The signature holds. */
  | { readonly kind: "signed"; readonly key: TsigKey }
  /** The signature does not hold: `answer` is all that the message gets. */
  | { readonly kind: "refused"; readonly answer: Buffer };

/** The part of `Asked` that the signature of its answer needs. */
export interface Signee {
  readonly message: Message;
  readonly key: TsigKey | undefined;
}

export interface Keys {
  check(packet: Buffer, message: Message): Checked;
}

/** The keys of the settings. */
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
      const verified = verifyTsig(packet, tsig, key, nowS);
      if (verified.ok) return { kind: "signed", key };
      if (verified.error === "format") return { kind: "refused", answer: encodeBare(message, RCODE.FORMERR) };
      const answer = encodeBare(message, RCODE.NOTAUTH);
      const { error } = verified;
      const refusal = error === TSIG_ERROR.BADTIME ? { error, key } : { error };
      return { kind: "refused", answer: refuseTsig(answer, tsig, refusal, nowS) };
    },
  };
}

/** Signs the answer if the message that it answers was signed (RFC 8945 §5.3). */
export function signAnswer(answer: Buffer, { message, key }: Signee, clock: Clock): Buffer {
  if (key === undefined || message.tsig === undefined) return answer;
  return signTsig(answer, key, toSeconds(clock.now()), { requestMac: message.tsig.mac }).packet;
}

/** The bytes that `signAnswer` and `signStream` add to a message, at most. */
export function signBytes(key: TsigKey | undefined): number {
  return key === undefined ? 0 : tsigBytes(key);
}

/** Signs the messages of an answer, one after the other (RFC 8945 §5.3.1). */
export function signStream({ message, key }: Signee, clock: Clock): (answer: Buffer) => Buffer {
  if (key === undefined || message.tsig === undefined) return (answer) => answer;
  const stream = new TsigStream(key, message.tsig.mac);
  return (answer) => stream.sign(answer, toSeconds(clock.now()));
}

/** A request of our own, with what is needed to check the signature of its answer. */
export interface SignedRequest {
  readonly packet: Buffer;
  readonly key: TsigKey;
  readonly mac: Bytes;
}

export function signRequest(request: Buffer, key: TsigKey, clock: Clock): SignedRequest {
  return { ...signTsig(request, key, toSeconds(clock.now())), key };
}

/**
 * What is wrong with an answer to our request: it is not signed, its signature does not hold, or it tells that ours did
 * not (RFC 8945 §5.4). Undefined when nothing is.
 */
export function answerFault(
  answer: Buffer,
  { tsig }: Message,
  request: SignedRequest,
  clock: Clock,
): string | undefined {
  if (tsig === undefined) return "not signed";
  if (tsig.error !== 0) return TSIG_ERROR_NAMES.get(tsig.error) ?? `error ${tsig.error}`;
  const verified = verifyTsig(answer, tsig, request.key, toSeconds(clock.now()), { requestMac: request.mac });
  return verified.ok ? undefined : "wrongly signed";
}

function encodeBare(message: Message, rcode: number): Buffer {
  // A header and one question always fit.
  return encodeMessage(emptyAnswer(message, rcode), UDP_BYTES_MIN)!;
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
