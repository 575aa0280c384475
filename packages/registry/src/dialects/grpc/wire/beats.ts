/** Heartbeats, read and written by hand: they come by the thousand. */
import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { Message, scanFields } from "../../../net/grpc/protobuf.ts";
import { CODES, Status } from "../../../net/grpc/status.ts";

/** A KeepAliveRequest. */
export interface Beats {
  readonly account: string;
  readonly leases: readonly string[];
  readonly hold: boolean;
  readonly release: readonly string[];
}

/** Leases in one request. */
const LEASES_MAX = 10_000;

/** Throws a `Status` when there are too many, and a `RangeError` when it is no message. */
export function readBeats(message: Buffer): Beats {
  let account = "";
  let hold = false;
  const leases: string[] = [];
  const release: string[] = [];
  scanFields(message, 0, message.length, (field, number, start, end) => {
    if (number !== undefined) {
      if (field === 3) hold = number !== 0;
      return;
    }
    const text = message.toString("utf8", start, end);
    if (field === 1) account = text;
    else if (field === 2) leases.push(text);
    else if (field === 4) release.push(text);
    if (leases.length + release.length > LEASES_MAX)
      throw new Status(CODES.invalidArgument, `more than ${LEASES_MAX} leases`);
  });
  return { account, leases, hold, release };
}

const MISSING = 1;
const UNREACHED = 2;

/** A KeepAliveResponse. `ttls`: as `renewMany` gives them. */
export function writeBeats(leases: readonly string[], ttls: ArrayLike<number>): Buffer {
  const message = new Message();
  for (const [nth, lease] of leases.entries()) {
    const ttlMs = ttls[nth] as number;
    const beat = new Message().bytes(1, lease);
    if (ttlMs > 0) beat.number(2, Number.isFinite(ttlMs) ? Math.ceil(ttlMs) : 0);
    else beat.number(3, ttlMs < 0 ? UNREACHED : MISSING);
    message.message(1, beat);
  }
  return message.end(HEAD_BYTES);
}
