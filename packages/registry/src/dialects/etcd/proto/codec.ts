/** Messages read and written by the runtime: for what is not asked thousands of times a second. */
import { create, fromBinary, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Codec, HEAD_BYTES } from "../../../net/grpc/method.ts";
import { methodOf } from "./schema.ts";

/** What an answer may be given as: the fields that are not 0 or empty, in a plain object. */
export type Init<A extends Message> = MessageInitShape<GenMessage<A>>;

/** Of the requests and answers of this method. */
export function codecOf<Q extends Message, A extends Message>(path: string): Codec<Q, Init<A>> {
  const find = () => {
    const method = methodOf(path);
    if (method === undefined) throw new Error(`there is no method ${path}`);
    return method;
  };
  return {
    decode: (message) => fromBinary(find().input, message) as Message as Q,
    encode: (answer) => {
      const { output } = find();
      const bytes = toBinary(output, create(output, answer as Record<string, unknown>));
      const framed = Buffer.allocUnsafe(HEAD_BYTES + bytes.length);
      framed.set(bytes, HEAD_BYTES);
      return framed;
    },
  };
}
