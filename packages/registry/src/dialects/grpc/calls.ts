/** @live Methods whose answers are given as the JSON that the native API has for them. */
import { fromJson, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { Account, Outcome, Role } from "../../core/index.ts";
import type { Unary } from "../../net/grpc/method.ts";
import { framed } from "../../net/grpc/schema.ts";
import type { Json } from "../../net/routes/json.ts";
import { type Asker, type Desk, within } from "./desk.ts";
import { PACKAGE, SCHEMA } from "./proto/schema.ts";
import { toStatus } from "./refusals.ts";

/** The JSON of an answer: fields by the names of the native API. */
type Shown = Outcome<object>;

/** Changes are proposed by the one who asks. */
type Work<Q> = (desk: Desk, account: Account, request: Q, asker: Asker) => Shown | Promise<Shown>;

/** `name`: `Catalog/Register`. */
export function unary<Q extends { readonly account: string }>(
  name: string,
  need: Role,
  work: Work<Q>,
): Unary<Desk, Q, object> {
  const path = `/${PACKAGE}.${name}`;
  return {
    kind: "unary",
    path,
    codec: {
      decode: SCHEMA.codec<Q & Message, Message>(path).decode,
      encode: (answer) => encodeShown(outputOf(path), answer),
    },
    handle: (desk, call, request) =>
      within(desk, { call, account: request.account, need }, (account, asker) => {
        const shown = work(desk, account, request, asker);
        return shown instanceof Promise ? shown.then(toAnswer) : toAnswer(shown);
      }),
  };
}

function toAnswer(shown: Shown) {
  return shown.ok ? shown.value : toStatus(shown);
}

function outputOf(path: string): string {
  const method = SCHEMA.method(path);
  if (method === undefined) throw new Error(`there is no method ${path}`);
  return method.output.typeName;
}

const LENIENT = { ignoreUnknownFields: true };

/** The bytes of a message, from the JSON of one. */
export function encodeMessage(name: string, shown: object): Uint8Array {
  const schema = SCHEMA.message(name);
  return toBinary(schema, fromJson(schema, shown as JsonValue, LENIENT));
}

function encodeShown(name: string, shown: object): Buffer {
  return framed(encodeMessage(name, shown));
}

/** What a message of a request says, as the body of the native API has it. */
export function toBody(message: Message): Json {
  return toJson(SCHEMA.message(message.$typeName), message);
}
