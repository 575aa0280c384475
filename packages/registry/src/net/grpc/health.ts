/** Whether the server serves: grpc.health.v1, https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import { type Answers, type Codec, HEAD_BYTES, type Method } from "./method.ts";
import { Message, readFields } from "./protobuf.ts";
import { CODES, Status } from "./status.ts";

const SERVING = 1;
const UNKNOWN = 3;

/** The name of a service; empty for the server as a whole. The answer is a number. */
const CODEC: Codec<string, number> = {
  decode: (message) => {
    let service = "";
    readFields(message, (field, _number, bytes) => {
      if (field === 1) service = bytes.toString("utf8");
    });
    return service;
  },
  encode: (status) => Buffer.concat([Buffer.alloc(HEAD_BYTES), new Message().number(1, status).end()]),
};

/** Of these services and of the server itself: they serve for as long as they answer. */
export function healthOf(services: readonly string[]): readonly Method<unknown>[] {
  const known = new Set(["", ...services]);
  return [
    {
      kind: "unary",
      path: "/grpc.health.v1.Health/Check",
      codec: CODEC,
      handle: (_context, _call, service: string) =>
        known.has(service) ? SERVING : new Status(CODES.notFound, "unknown service"),
    },
    {
      kind: "server",
      path: "/grpc.health.v1.Health/Watch",
      codec: CODEC,
      handle: (_context, _call, service: string, answers: Answers<number>) => {
        answers.write(known.has(service) ? SERVING : UNKNOWN);
        return () => {};
      },
    },
  ];
}
