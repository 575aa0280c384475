/** What the gateway answers when a call ends with a status: those of gRPC as HTTP has them, in the shapes of all versions. */
import { STATUS_CODES } from "node:http";
import { CODES, type Status, toHttp } from "../../../../net/grpc/status.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import { encodeGoJson as encodeJson } from "../../../../net/routes/json.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

/** Where the gateway of etcd has another one than Google's table. */
function httpStatusOf(status: Status): number {
  return status.code === CODES.canceled ? 408 : toHttp(status);
}

/** Up to 3.5 clients look for `error`, and from then on for `message`; all for `code`. */
export function toError(status: Status): Answer {
  const { code, message } = status;
  return { status: httpStatusOf(status), head: JSON_TYPE, body: encodeJson({ error: message, message, code }) };
}

/** The last line of a stream that ends before its time, or all of it. */
export function toStreamError(status: Status): Answer {
  const { code, message } = status;
  const http = httpStatusOf(status);
  const error = { grpc_code: code, http_code: http, message, http_status: STATUS_CODES[http], code };
  return { status: http, head: JSON_TYPE, body: `${encodeJson({ error })}\n` };
}
