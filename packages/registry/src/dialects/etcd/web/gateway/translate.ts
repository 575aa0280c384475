/** Messages as the gateway writes and reads them: JSON by the fields' own names, longs as text, bytes in base64. */
import { type DescMessage, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { type Body, listParts } from "../../../../net/answers/parts.ts";
import { HEAD_BYTES, type Method } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { decodeGoJson } from "../../../../net/routes/json.ts";
import type { Desk } from "../../desk.ts";
import { SCHEMA } from "../../proto/schema.ts";
import { messagePieces, messageText } from "./json.ts";

/** Of a transaction with all that it may hold. */
const VALUES_MAX = 100_000;

const READ = { ignoreUnknownFields: true } as const;
/** From here on others have their turns between its parts. */
const LONG_BYTES = 64 * 1024;

/** One method between JSON and what its handler takes and gives. */
export class Translation<M extends Method<Desk> = Method<Desk>> {
  readonly method: M;
  /** Whether clients expect lines, also where one answer or a refusal is all that there is. */
  readonly streams: boolean;
  readonly #input: DescMessage;
  readonly #output: DescMessage;

  constructor(method: M) {
    const found = SCHEMA.method(method.path);
    if (found === undefined) throw new Error(`there is no method ${method.path}`);
    this.method = method;
    this.streams = found.methodKind !== "unary";
    this.#input = found.input;
    this.#output = found.output;
  }

  /** What a body says; nothing at all is an empty message. Throws a `Status` for what is no such message. */
  read(body: Buffer): unknown {
    return this.method.codec.decode(Buffer.from(toBinary(this.#input, this.#parse(body))));
  }

  #parse(body: Buffer): ReturnType<typeof fromJson> {
    const json = body.length === 0 ? undefined : decodeGoJson(body, VALUES_MAX);
    if (json?.ok === false) throw new Status(CODES.invalidArgument, json.detail);
    const unknown = findUnknown(this.#input, json?.value);
    if (unknown !== undefined) throw new Status(CODES.invalidArgument, `unknown value ${JSON.stringify(unknown)}`);
    try {
      return fromJson(this.#input, (json?.value ?? {}) as JsonValue, READ);
    } catch (error) {
      throw new Status(CODES.invalidArgument, (error as Error).message);
    }
  }

  /** In parts where it is long. */
  write(answer: unknown): Body {
    const encoded = this.method.codec.encode(answer);
    if (encoded.length < LONG_BYTES) return this.toJson(encoded);
    return listParts("", messagePieces(this.#output, encoded, HEAD_BYTES, encoded.length), "", "");
  }

  /** Of a message as the method's codec encodes it. */
  toJson(encoded: Buffer): string {
    return messageText(this.#output, encoded, HEAD_BYTES, encoded.length);
  }
}

/** A word that stands for none of an enum's values: fields that are not known are passed over, such words are not. */
function findUnknown(message: DescMessage, json: unknown): string | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const said = json as Readonly<Record<string, unknown>>;
  for (const field of message.fields) {
    const value = said[field.name] ?? said[field.jsonName];
    for (const one of Array.isArray(value) ? value : [value]) {
      const isWord = field.enum !== undefined && typeof one === "string";
      if (isWord && !field.enum.values.some(({ name }) => name === one)) return one.slice(0, 100);
      const inner = field.message === undefined ? undefined : findUnknown(field.message, one);
      if (inner !== undefined) return inner;
    }
  }
  return undefined;
}
