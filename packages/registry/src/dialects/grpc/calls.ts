/** Methods whose answers are given as the JSON that the native API has for them. */
import { fromJson, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { Account, Outcome, Role } from "../../core/index.ts";
import type { Call, Unary } from "../../net/grpc/method.ts";
import { framed } from "../../net/grpc/schema.ts";
import type { Json } from "../../net/routes/json.ts";
import { type Desk, within } from "./desk.ts";
import { PACKAGE, SCHEMA } from "./proto/schema.ts";
import { toStatus } from "./refusals.ts";

/** The JSON of an answer: fields by the names of the native API. */
type Shown = Outcome<object>;

type Work<Q> = (desk: Desk, account: Account, request: Q, call: Call) => Shown | Promise<Shown>;

/** `name`: `Catalog/Register`. */
export function unary<Q extends Message & { readonly account: string }>(
  name: string,
  need: Role,
  work: Work<Q>,
): Unary<Desk, Q, object> {
  const path = `/${PACKAGE}.${name}`;
  return {
    kind: "unary",
    path,
    codec: { decode: SCHEMA.codec<Q, Message>(path).decode, encode: (answer) => encodeShown(outputOf(path), answer) },
    handle: (desk, call, request) =>
      within(desk, { call, account: request.account, need }, (account) => {
        const shown = work(desk, account, request, call);
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
  return toBinary(schema, fromJson(schema, toContract(shown as JsonValue), LENIENT));
}

/** Where the native API says more than the contract: an override is its status, versions and zones are names. */
function toContract(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toContract);
  const shown: Record<string, JsonValue> = {};
  for (const name in value) shown[name] = toContract(value[name] as JsonValue);
  if ("declaredStatus" in value) shown.override = statusIn(value.override ?? null);
  if ("heldStatuses" in value)
    for (const name of ["versions", "zones"]) shown[name] = Object.keys(value[name] as object);
  return shown;
}

function statusIn(override: JsonValue): JsonValue {
  return typeof override === "object" && override !== null && "status" in override ? (override.status ?? null) : null;
}

function encodeShown(name: string, shown: object): Buffer {
  return framed(encodeMessage(name, shown));
}

/** What a message of a request says, as the body of the native API has it. */
export function toBody(message: Message): Json {
  return toJson(SCHEMA.message(message.$typeName), message);
}
