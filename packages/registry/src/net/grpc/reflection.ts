/** What the server serves, for tools: grpc.reflection, https://github.com/grpc/grpc/blob/master/doc/server-reflection.md */
import { type Answers, type Codec, HEAD_BYTES, type Method, type Talk } from "./method.ts";
import { Message, readFields } from "./protobuf.ts";
import { CODES } from "./status.ts";

/** The files that describe the services. */
export interface Described {
  readonly services: readonly string[];
  /** The name of the file that defines a service, a method or a message. */
  fileOf(symbol: string): string | undefined;
  /** A `FileDescriptorProto`, and the names of the files that it imports. */
  file(name: string): { readonly bytes: Uint8Array; readonly imports: readonly string[] } | undefined;
}

interface Question {
  readonly whole: Buffer;
  readonly host: string;
  readonly field: number;
  readonly text: string;
}

const BY_NAME = 3;
const BY_SYMBOL = 4;
const LIST = 7;

const CODEC: Codec<Question, Message> = {
  decode: (message) => {
    let [host, field, text] = ["", 0, ""];
    readFields(message, (number, _value, bytes) => {
      if (number === 1) host = bytes.toString("utf8");
      else [field, text] = [number, bytes.toString("utf8")];
    });
    return { whole: Buffer.from(message), host, field, text };
  },
  encode: (answer) => Buffer.concat([Buffer.alloc(HEAD_BYTES), answer.end()]),
};

export function reflectionOf(described: Described): readonly Method<unknown>[] {
  return ["v1", "v1alpha"].map((version) => ({
    kind: "both",
    path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    codec: CODEC,
    open: (_context: unknown, _call: unknown, answers: Answers<Message>): Talk<Question> => ({
      message: (question) => void answers.write(answer(described, question)),
      ended: () => answers.end(),
      closed: () => {},
    }),
  }));
}

function answer(described: Described, { whole, host, field, text }: Question): Message {
  const head = new Message().bytes(1, host).bytes(2, whole);
  if (field === LIST) {
    const list = new Message();
    for (const service of described.services) list.message(1, new Message().bytes(1, service));
    return head.message(6, list);
  }
  const name = field === BY_NAME ? text : field === BY_SYMBOL ? described.fileOf(text) : undefined;
  const files = name === undefined ? undefined : gather(described, name);
  if (files !== undefined) return head.message(4, files);
  const code = field === BY_NAME || field === BY_SYMBOL ? CODES.notFound : CODES.unimplemented;
  return head.message(7, new Message().number(1, code).bytes(2, `there is no ${text || "answer to that"}`));
}

/** The file, and all that it rests on. */
function gather(described: Described, name: string): Message | undefined {
  if (described.file(name) === undefined) return undefined;
  const found = new Message();
  const seen = new Set<string>();
  const add = (one: string): void => {
    const file = described.file(one);
    if (file === undefined || seen.has(one)) return;
    seen.add(one);
    found.bytes(1, Buffer.from(file.bytes));
    for (const imported of file.imports) add(imported);
  };
  add(name);
  return found;
}
