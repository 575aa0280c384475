/** Methods whose messages the runtime reads and writes: `unary<LeaseGrantRequest, LeaseGrantResponse>(path, handle)`. */
import type { Message } from "@bufbuild/protobuf";
import type { ServerStream, Unary } from "../../net/grpc/method.ts";
import type { Init } from "../../net/grpc/schema.ts";
import type { Desk } from "./desk.ts";
import { SCHEMA } from "./proto/schema.ts";

export function unary<Q extends Message, A extends Message>(
  path: string,
  handle: Unary<Desk, Q, Init<A>>["handle"],
): Unary<Desk, Q, Init<A>> {
  return { kind: "unary", path, codec: SCHEMA.codec<Q, A>(path), handle };
}

export function server<Q extends Message, A extends Message>(
  path: string,
  handle: ServerStream<Desk, Q, Init<A>>["handle"],
): ServerStream<Desk, Q, Init<A>> {
  return { kind: "server", path, codec: SCHEMA.codec<Q, A>(path), handle };
}
