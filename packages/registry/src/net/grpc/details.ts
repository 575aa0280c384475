/** What a status says to programs: `google.rpc.Status` with its details, https://google.aip.dev/193 */
import { Message } from "./protobuf.ts";
import type { Code } from "./status.ts";

export interface Details {
  /** A word for what went wrong, of the domain: `NOT_FOUND`. */
  readonly reason: string;
  readonly domain: string;
  /** Another try may succeed after so long. */
  readonly retryMs?: number;
  /** What is wrong with the request. */
  readonly wrong?: string;
}

/** For the trailer `grpc-status-details-bin`. */
export function encodeDetails(code: Code, message: string, { reason, domain, retryMs, wrong }: Details): string {
  const status = new Message().number(1, code).bytes(2, message);
  add(status, "ErrorInfo", new Message().bytes(1, reason).bytes(2, domain));
  if (retryMs !== undefined) add(status, "RetryInfo", new Message().message(1, toDuration(retryMs)));
  if (wrong !== undefined) add(status, "BadRequest", new Message().message(1, new Message().bytes(2, wrong)));
  return status.end().toString("base64");
}

function add(status: Message, type: string, detail: Message): void {
  status.message(3, new Message().bytes(1, `type.googleapis.com/google.rpc.${type}`).bytes(2, detail.end()));
}

function toDuration(ms: number): Message {
  return new Message().number(1, Math.floor(ms / 1000)).number(2, (ms % 1000) * 1_000_000);
}
