/** @live What a server of gRPC says of its health: grpc.health.v1, over TLS or without. */
import { type ClientHttp2Session, constants, type IncomingHttpHeaders } from "node:http2";
import { Message, readFields } from "../../net/grpc/protobuf.ts";
import { fail, pass, type Verdict } from "../verdict.ts";
import { placeOf, sayDial } from "./errors.ts";
import { overHttp2 } from "./http2.ts";
import type { Make, Run } from "./run.ts";

const METHOD = "/grpc.health.v1.Health/Check";
/** An answer has a number in it, and what surrounds that. */
const ANSWER_BYTES_MAX = 4096;
const MESSAGE_HEAD_BYTES = 5;
const OK = 0;
const SERVING = 1;
/** By their numbers. */
const CODES = (
  "OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted " +
  "FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated"
).split(" ");

export const makeGrpc: Make = async (run) => {
  const address = await run.reach(run.aim.host);
  const place = placeOf(address, run.aim.port);
  try {
    return await overHttp2(run, address, (session) => ask(run, session, place));
  } catch (error) {
    return fail(
      sayError("Unavailable", `connection error: desc = "transport: error while dialing: ${sayDial(error, place)}"`),
    );
  }
};

interface Heard {
  headers: IncomingHttpHeaders;
  body: Buffer[];
  size: number;
}

function ask({ aim, check }: Run, session: ClientHttp2Session, place: string): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": METHOD,
      ":authority": check.probe?.serverName ?? placeOf(aim.host, aim.port),
      "content-type": "application/grpc",
      "user-agent": "Rollcall Health Check",
      te: "trailers",
    });
    const heard: Heard = { headers: {}, body: [], size: 0 };
    const add = (headers: IncomingHttpHeaders): void => {
      heard.headers = { ...heard.headers, ...headers };
    };
    stream.on("response", add);
    stream.on("trailers", add);
    stream.on("data", (chunk: Buffer) => {
      heard.size += chunk.length;
      if (heard.size <= ANSWER_BYTES_MAX) heard.body.push(chunk);
      else stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on("error", reject);
    stream.on("close", () => resolve(toVerdict(heard, place + (aim.path === "" ? "" : `/${aim.path}`))));
    stream.end(frame(new Message().bytes(1, aim.path).end()));
  });
}

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(MESSAGE_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function sayError(code: string, what: string): string {
  return `rpc error: code = ${code} desc = ${what}`;
}

function toVerdict({ headers, body, size }: Heard, target: string): Verdict {
  if (size > ANSWER_BYTES_MAX) return fail(sayError("ResourceExhausted", "the answer is too long to be one"));
  const status = headers["grpc-status"];
  if (status === undefined) return fail(sayError("Unknown", `no gRPC: HTTP status ${headers[":status"] ?? "none"}`));
  if (Number(status) !== OK)
    return fail(sayError(CODES[Number(status)] ?? "Unknown", decodeText(String(headers["grpc-message"] ?? ""))));
  if (servingOf(Buffer.concat(body)) === SERVING) return pass(`gRPC check ${target}: success`);
  return fail("gRPC application didn't report service healthy");
}

/** grpc-message is percent-encoded. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function servingOf(answer: Buffer): number {
  let found = 0;
  try {
    readFields(answer.subarray(MESSAGE_HEAD_BYTES), (field, number) => {
      if (field === 1) found = number;
    });
  } catch {
    return 0;
  }
  return found;
}
